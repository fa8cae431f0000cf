"""Pieces of HTML: whatever comes in, text comes out as text, and a table stays short."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from georetrieval.markup import (
    MOST_CHARACTERS,
    Html,
    card,
    coloured,
    counted,
    facts,
    joined,
    listed,
    note,
    number,
    picture,
    shortened,
    swatch,
    table,
    words,
)
from tests.made.markup import HOSTILE, read

anything = st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.booleans(), st.binary(max_size=9))


@given(title=st.text(), about=st.text(), cells=st.lists(st.lists(anything, min_size=2, max_size=2), max_size=12))
def test_whatever_comes_in_is_a_page_of_text(title: str, about: str, cells: list[list[object]]) -> None:
    about = f"about {about}".encode("utf-8", "replace").decode()
    page = read(card(title, about, table(("a", "b"), cells, of=len(cells)), facts({title or "x": about}), note(about)))
    assert len(page.rows) == 1 + min(len(cells), 8) + 1
    assert (f"and {len(cells) - 8:,} more" in page.texts) is (len(cells) > 8)


def test_hostile_text_is_shown_not_run() -> None:
    page = read(joined(words(HOSTILE), coloured(HOSTILE, "red"), HOSTILE))
    assert page.text.count("<script>") == 3
    assert "\x00" not in page.text
    assert "‮" not in page.text


def test_only_our_own_html_is_html() -> None:
    assert words("<b>") == "&lt;b&gt;"
    assert words(Html("<b>")) == "<b>"
    assert words(words("<b>")) == "&lt;b&gt;"


@pytest.mark.parametrize(("value", "told"), [
    (10000, "10,000"), (0.9116, "0.912"), (float("nan"), "–"), (float("-inf"), "–"), (True, "True"), (None, "None"),
    (np.float32(0.5), "0.5"), ("57", "57"),
])
def test_numbers(value: object, told: str) -> None:
    assert words(value) == told


def test_counts_and_lists() -> None:
    assert (counted(1, "query", "queries"), counted(2000, "query", "queries"), counted(0, "row")) == (
        "1 query", "2,000 queries", "0 rows")
    assert listed([]) == "–"
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert number(-0.00049) == "-0.000"


def test_a_long_name_keeps_both_ends() -> None:
    name = "57-2004-" + "x" * 10_000 + "-250"
    short = shortened(name)
    assert len(short) == MOST_CHARACTERS
    assert short.startswith("57-2004-")
    assert short.endswith("-250")
    assert shortened("short") == "short"


def test_a_long_table_is_cut_and_says_so() -> None:
    html = table(("n",), ([n] for n in range(10_000)), of=10_000)
    page = read(html)
    assert len(html) < 5_000
    assert [row[0] for row in page.rows[1:]] == [str(n) for n in range(8)]
    assert page.texts[-1] == "and 9,992 more"


def test_a_picture_is_in_the_page() -> None:
    import io

    from PIL import Image

    memory = io.BytesIO()
    Image.fromarray(np.full((2, 3, 3), 7, np.uint8)).save(memory, "PNG")
    page = read(picture(memory.getvalue(), 96, HOSTILE))
    assert page.pictures[0].tolist() == [[[7, 7, 7]] * 3] * 2
    assert "width:96px" in page.styles[0]


def test_a_swatch_has_its_colour() -> None:
    assert "rgb(255,0,7)" in read(swatch(np.array([255, 0, 7], np.uint8))).styles[0]
