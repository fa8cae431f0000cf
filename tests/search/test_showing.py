"""What galleries, answers and figures look like in a notebook: true, escaped, short, and there at once."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest

from georetrieval.search.comparing import Comparison
from georetrieval.search.confusion import Confusion
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.hubness import hubness
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import summary
from georetrieval.search.store import IndexStore
from tests.made.markup import HOSTILE, Page, read


def shown(value: object) -> Page:
    return read(value._repr_html_())


def on_a_circle(degrees: list[float], names: list[str], *, keys: list[str] | None = None) -> Descriptors:
    angles = np.radians(degrees)
    return Descriptors(np.column_stack([np.cos(angles), np.sin(angles)]), keys or names, names, ["57"] * len(names),
                       "cosine")


@pytest.fixture
def answers() -> Matches:
    """Query a finds its own at once, b only second, c has no true row, and n means nothing."""
    gallery = on_a_circle([0, 40, 80], ["g-a", "g-x", "g-b"], keys=["a", "x", "b"])
    asked = on_a_circle([1, 45, 85, 0], ["q-a", "q-b", "q-c", "q-n"], keys=["a", "b", "c", "a"])
    asked.vectors[3] = 0
    return Gallery.of(gallery).search(asked, 2)


def test_answers_with_their_marks_scores_and_counts(answers: Matches) -> None:
    page = shown(answers)
    assert page.text.startswith("Matches 3 queries, 2 answers each")
    assert ["q-a", "✓ a 1.000", "✗ x 0.777"] in page.rows
    assert ["q-b", "✗ x 0.996", "✓ b 0.819"] in page.rows
    assert ["q-c", "b 0.996", "x 0.707"] in page.rows  # nothing to find: neither right nor wrong
    assert ["found", "50.0 % first, 100.0 % among the first 2 (of 2 queries)"] in page.rows
    assert ["no true row", "1 query"] in page.rows
    assert ["no descriptor", "1: q-n"] in page.rows
    assert ["names of answers", "g-…"] in page.rows  # said once


def test_taking_some_queries_leaves_the_others_out(answers: Matches) -> None:
    some = answers.take(np.array([False, True, False]))
    assert some.query_names.tolist() == ["q-b"]
    assert some.hits.tolist() == [[False, True]]
    assert answers.take(np.array([2, 0])).query_names.tolist() == ["q-c", "q-a"]
    assert len(answers.take([])) == 0
    assert answers.in_scope("57").query_names.tolist() == answers.query_names.tolist()
    assert answers.in_scope("88").unanswered_names.tolist() == []


def test_missing_answers_and_no_queries_at_all(answers: Matches) -> None:
    gallery = Gallery.of(on_a_circle([0], ["only"]))
    assert ["q", "✗ only 1.000", "–"] not in shown(gallery.search(on_a_circle([0], ["q"]), 2)).rows
    assert ["q", "only 1.000", "–"] in shown(gallery.search(on_a_circle([0], ["q"]), 2)).rows
    assert "0 queries" in shown(answers.take([])).text


def test_a_hostile_name_is_shown_as_text_everywhere() -> None:
    rows = on_a_circle([0, 40], [HOSTILE, "b"])
    gallery = Gallery.of(Descriptors(rows.vectors, rows.keys, rows.names, [HOSTILE, ""], rows.space),
                         fingerprint={"kind": HOSTILE, "bands": [HOSTILE], "px": HOSTILE, "set": {1}},
                         attributes=pa.table({"date": [HOSTILE.replace("\ud800", ""), "2004"]}))
    matches = gallery.search(rows, 2)
    confusion = Confusion.of(rows.keys, matches.gallery_keys[matches.rows[:, 1]])
    for value in (gallery, gallery.descriptors, matches, confusion, Comparison.of(matches, matches, 2)):
        assert "<script" not in value._repr_html_()
        shown(value)
    assert "<script>" in shown(gallery.descriptors).text


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_few_or_no_rows(rows: int) -> None:
    some = on_a_circle([10.0 * row for row in range(rows)], [f"n{row}" for row in range(rows)])
    assert f"{rows} row" in shown(some).text
    assert f"{rows} row" in shown(Gallery.of(some)).text
    assert "1 query" in shown(Gallery.of(some).search(on_a_circle([0], ["q"]), 3)).text


def test_rows_that_mean_nothing_are_counted() -> None:
    some = on_a_circle([0, 1, 2], ["a", "b", "c"])
    some.vectors[0], some.vectors[1] = np.nan, 0
    assert ["mean nothing", "2 rows"] in shown(some).rows
    assert ["left out", "2 rows that mean nothing"] in shown(Gallery.of(some)).rows


def test_a_gallery_says_what_is_in_it(part) -> None:
    descriptors, attributes = part(12)
    page = shown(Gallery.of(descriptors, attributes=attributes, fingerprint={"kind": "net", "bands": ("r",), "px": 64}))
    assert page.text.startswith("Gallery 12 rows of 8 values")
    assert {"index": "exact", "space": "cosine", "scopes": "57 (12)", "dates": "2004 (12)", "eye": "net",
            "sees": "r at 64 px", "keys": "12 different"}.items() <= dict(page.rows).items()
    assert "not known" in shown(Gallery.of(descriptors)).text


def test_an_index_on_disk_without_reading_a_row(tmp_path, part, about) -> None:
    store = IndexStore.build(tmp_path / "index", [part(12)], about)
    for segment in (tmp_path / "index" / "segments").iterdir():
        segment.unlink()
    page = shown(store)
    assert page.text.startswith("Index 12 rows")
    assert ["57", "2004"] in page.rows
    assert ["model", "hog"] in page.rows
    assert store.manifest.fingerprint_digest[:12] in page.text


def test_many_rows_are_there_at_once_and_short() -> None:
    """10,000 rows, 2,000 queries: less than 20 kB, and nothing that looks at all pairs."""
    random = np.random.default_rng(1)
    names = [f"57-2004-E{row:07d}N6930000-250" for row in range(10_000)]
    some = Descriptors(random.normal(size=(10_000, 16)), names, names, ["57"] * 10_000, "cosine")
    gallery = Gallery.of(some)
    matches = gallery.search(some.take(range(2_000)), 10)
    before = time.process_time()
    sizes = [len(value._repr_html_()) for value in (some, gallery, matches)]
    assert max(sizes) < 20_000
    assert time.process_time() - before < 5
    assert "and 1,992 more" in shown(matches).text
    assert len(shown(matches).rows[-1]) == 1 + 5


def test_figures(answers: Matches) -> None:
    page = shown(summary(answers, 2))
    assert ["map@2", "0.750"] in page.rows
    assert ["without truth", "1"] in page.rows
    none = answers.take(answers.truths == 0)
    assert ["map@2", "–"] in shown(summary(none, 2)).rows
    assert ["largest count", "3"] in shown(hubness(answers, 2)).rows
    gallery = Gallery.of(on_a_circle([], []))
    assert ["rows that never answer", "–"] in shown(hubness(gallery.search(on_a_circle([0], ["q"]), 2), 2)).rows


def test_confusion_shows_the_worst_key_first() -> None:
    confusion = Confusion.of(np.array(["a", "a", "b", "b"]), np.array(["a", "a", "a", "b"]))
    page = shown(confusion)
    assert page.rows[1][0] == "b"
    assert page.rows[1][-1] == "a (1)"
    assert "3 of 4 queries answered rightly" in page.text
    assert "0 keys" in shown(Confusion.of(np.array([], np.str_), np.array([], np.str_))).text


def test_own_scopes_and_filters_do_not_trouble_it(part) -> None:
    descriptors, attributes = part(6)
    gallery = Gallery.of(descriptors, attributes=attributes)
    none = gallery.search(descriptors, 3, where=Filter(dates=("1999",)))
    assert "–" in shown(none).rows[-1]
