"""The words of a report, and the parts of it that can be worked by hand."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import numpy as np
import pytest

import georetrieval.report.page
from georetrieval.recipe.provenance import licences
from georetrieval.report.page import charts
from georetrieval.report.page.ground import words_scope
from georetrieval.report.page.words import LANGUAGES, Words, table

PAGE = Path(georetrieval.report.page.__file__).parent


def fields(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_all_words_with_the_same_fields() -> None:
    assert len(table()) > 100
    for key, texts in table().items():
        assert set(texts) == set(LANGUAGES), key
        assert all(isinstance(text, str) and text.strip() for text in texts.values()), key
        assert fields(texts["fr"]) == fields(texts["en"]), key


def test_every_word_that_is_asked_for_is_there() -> None:
    sources = [path.read_text(encoding="utf-8") for path in [*PAGE.glob("*.py"), *PAGE.glob("templates/*.html")]]
    asked = {key for text in sources for key in re.findall(r"\b(?:w|words|_words)\(\s*\"([a-z_0-9]+)\"", text)}
    assert len(asked) > 60
    assert asked <= set(table())


def test_numbers_are_written_as_their_readers_write_them() -> None:
    english, french = Words("en"), Words("fr")
    assert (english.whole(12345), french.whole(12345)) == ("12,345", "12\u202f345")
    assert (english.decimal(-0.8474), french.decimal(0.8474)) == ("\u22120.847", "0,847")
    assert (english.per_cent(0.5), french.per_cent(0.5)) == ("50.0\xa0%", "50,0\xa0%")
    assert (english.length(250), french.length(1500)) == ("250\xa0m", "1,5\xa0km")
    assert french.figure(0.25) == '<data value="0.25">0,250</data>'
    assert english.figure(float("nan")) == "–"


def test_a_scope_is_called_a_departement_when_it_is_one() -> None:
    words = Words("en")
    assert [words_scope(words, scope) for scope in ("57", "2A", "974", "north", "1234", "")] == [
        "département 57", "département 2A", "département 974", "north", "1234", "whole area"]


def test_licences_follow_the_sources() -> None:
    official, made_up, other = ({"official": a, "made_up": b} for a, b in ((True, False), (True, True), (False, False)))
    assert licences([official, official]) == ["licence_ign"]
    assert licences([made_up]) == ["licence_made_up"]
    assert licences([other]) == []
    assert licences([official], [{"licence": "All rights reserved"}]) == ["All rights reserved"]


def bars_of(svg: str, fill: str) -> list[float]:
    """Signed heights of the bars of a fill, up is positive."""
    (path,) = re.findall(rf'<path d="([^"]+)" fill="{re.escape(fill)}"/>', svg)
    return [-float(height) for height in re.findall(r"v(-?[\d.]+)h", path)]


def test_right_ones_stand_and_wrong_ones_hang() -> None:
    svg = charts.spread(np.array([0.9, 0.9, 0.5]), np.array([0.1]), Words("en"), title="t", along="a")
    up, down = bars_of(svg, charts.RIGHT), bars_of(svg, "url(#hatch)")
    assert len(down) == 1
    assert up[1] / up[0] == pytest.approx(2, rel=0.01)
    assert down[0] == pytest.approx(-up[0], abs=0.2)
    assert charts.spread(np.empty(0), np.empty(0), Words("en"), title="t", along="a") == ""
