"""Where it fails: lines worked by hand, and the section of a small run."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.recipe.circumstances import Groups
from georetrieval.recipe.failures import abreast, failure_lines, read_failures, together
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.stages import Run
from georetrieval.report.of_run import draw
from georetrieval.search.matches import Matches
from tests.made import pages
from tests.made.departements import TILES


def matches() -> Matches:
    """Queries a b c d e; ranks of the truth 1, 2, none, 1; e has no true answer and does not count."""
    rows = np.array([[0, 1], [0, 1], [0, 1], [3, 0], [0, 1]])
    keys = np.array(list("abcd"))
    asked = np.array(list("abcde"))
    return Matches(
        scores=np.zeros((5, 2), np.float32), rows=rows, hits=keys[rows] == asked[:, None],
        truths=np.array([1, 1, 1, 1, 0]), query_rows=np.arange(5), query_names=asked, query_keys=asked,
        query_scopes=asked, gallery_names=keys, gallery_keys=keys, unanswered_names=np.array(["f"]),
        unanswered_scopes=np.array(["f"]),
    )


def test_lines_by_group_worked_by_hand() -> None:
    """N_2 = 5 4 0 1: mean 2.5, deviations 2.5 1.5 -2.5 -1.5, so the third moment is 0."""
    groups = [Groups("landscape", ("wood", "field", "water"), {"a": "wood", "b": "wood", "c": "field", "e": "field"})]
    lines = failure_lines(matches(), groups, 2)
    assert [(line["by"], line["value"], line["queries"], line["map_at_2"]) for line in lines[:4]] == [
        ("all", "all", 4, 0.625), ("landscape", "wood", 2, 0.75), ("landscape", "field", 1, 0.0),
        ("landscape", "water", 0, None)]
    assert [(line["by"], line["value"], line["queries"], line["figure"]) for line in lines[4:]] == [
        ("hubness", "skewness", 5, 0.0), ("hubness", "never answered", 5, 0.25), ("hubness", "largest count", 5, 5)]
    assert len({tuple(line) for line in lines}) == 1, "the same columns in every line"


def line(question: str, value: str, queries: int, score: float | None) -> dict[str, object]:
    return {"descriptor": "hog", "part": "test", "query": question, "gallery": "1961", "by": "landscape",
            "value": value, "queries": queries, "map_at_5": score, "figure": None}


def test_several_questions_together() -> None:
    """(3 x 0.5 + 1 x 0.9) / 4 = 0.6."""
    rows = [line("1976", "wood", 3, 0.5), line("1976", "field", 0, None), line("1981", "wood", 1, 0.9),
            line("1981", "field", 0, None)]
    found = together(rows, 5)
    assert [(row["part"], row["value"], row["queries"], row["map_at_5"]) for row in found] == [
        ("together", "wood", 4, 0.6), ("together", "field", 0, None)]
    assert list(found[0]) == list(rows[0])


def test_descriptors_side_by_side() -> None:
    rows = [line("1976", "wood", 3, 0.5), line("1976", "wood", 3, 0.8) | {"descriptor": "trained"},
            line("1976", "skewness", 3, None) | {"by": "hubness", "figure": 2.5}]
    assert [(row["value"], row["hog"], row["trained"]) for row in abreast(rows, 5)] == [
        ("wood", 0.5, 0.8), ("skewness", 2.5, None)]


RECIPE = "name: small" + TILES + """split: {test: {scopes: ["91", "92"]}}
learn: null
evaluate: {baselines: [hog, class-shares], failures: true}
"""


def test_the_section_of_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two places, two descriptors: each group's queries add up to the question's, their mean is the main table's."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(RECIPE)
    main = Run(load_recipe(Path("small.yaml")), Path("run"), draw=draw).to()
    rows = read_failures(Path("run"), 5)
    with Path("run/failures.csv").open() as file:
        assert list(next(csv.reader(file))) == ["descriptor", "part", "query", "gallery", "by", "value", "queries",
                                                "map_at_5", "figure"]
    for whole in main:
        mine = [row for row in rows if (row["descriptor"], row["part"]) == (whole["descriptor"], whole["part"])]
        for by in ("all", "landscape", "change"):
            some = [row for row in mine if row["by"] == by]
            assert sum(row["queries"] for row in some) == whole["queries"] == 36
            mean = sum(row["queries"] * row["map_at_5"] for row in some if row["queries"]) / 36
            assert mean == pytest.approx(whole["map_at_5"], abs=2e-4)
    pooled = [row for row in rows if row["part"] == "together" and row["by"] == "all"]
    assert [row["queries"] for row in pooled] == [72, 72]
    assert "| hog | class-shares |" in Path("run/failures.md").read_text()
    with Image.open("run/failures.png") as picture:
        assert picture.width > 500
    for name, language in (("report.html", "en"), ("rapport.html", "fr")):
        page = pages.parse(Path("run", name).read_text(encoding="utf-8"))
        pages.check(page)
        assert page.one("html").attributes["lang"] == language
        shown = [row.values[0] for row in page.section("summary").all("table")[0].one("tbody").all("tr")]
        wanted = [next(row for row in main if row["descriptor"] == name) for name in ("class-shares", "hog")]
        assert shown == pytest.approx([row["map_at_5"] for row in wanted], abs=1e-4)
        assert len(page.section("map").all("svg")) == 1, "the first question is of one département"
        assert ("made up" if language == "en" else "fictif") in page.one("footer").text
    assert Run(load_recipe(Path("small.yaml"), ["evaluate.failures=false"]), Path("run")).to() == main
    assert not list(Path("run").glob("failures.*")), "a table that nobody asked for any more is not left behind"
