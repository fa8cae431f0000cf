"""Runs on pictures write their report: the table, the worst pictures, the figures, in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.runs import run_of
from georetrieval.report.of_pictures import draw_pictures
from tests.made import pages
from tests.made.pictures import write_parts

EYE = {"bands": ["r", "g", "b"], "trunk": "two-convs", "normalise": "none", "head": "fc", "hidden": [8],
       "dropout": 0.0, "descriptor": 4, "space": "euclidean"}
LEARN = {"objective": "contrastive", "epochs": 1, "rate_trunk": 0.001, "rate_new": 0.001, "rate_fusion": 0.0,
         "precision": "fp32", "mining": None}


def reports(folder: Path, **values: Any) -> tuple[list[dict[str, Any]], list[pages.Node]]:
    """Run a recipe to its end; its table and its reports, checked."""
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump({"name": "tiny", "title": "A <tiny> run", "eye": EYE, **values}))
    rows = run_of(load_recipe(path), folder / "run", draw_pictures=draw_pictures).to("evaluate")
    found = [pages.parse((folder / "run" / name).read_text(encoding="utf-8"))
             for name in ("report.html", "rapport.html")]
    for page, language in zip(found, ("en", "fr"), strict=True):
        pages.check(page)
        assert page.one("html").attributes["lang"] == language
        assert page.one("h1").text == "A <tiny> run"
    assert found[0].values == found[1].values
    return rows, found


def test_masks(tmp_path: Path) -> None:
    source = write_parts(tmp_path / "pictures", ("a", "b", "c"))
    rows, (page, _) = reports(tmp_path, pictures={"source": str(source), "px": 16},
                              learn=LEARN | {"lessons": {"kind": "masks", "batch": 8}})
    table = page.section("summary").all("tbody")[0].all("tr")
    assert len(table) == len(rows)
    for line, row in zip(table, rows, strict=True):
        assert line.one("th").text == row["descriptor"]
        assert line.values == pytest.approx([row["accuracy"], row["queries"]])
    accuracy = page.one("dl", "figures").values[0]
    counted = sum(row["accuracy"] * row["queries"] for row in rows
                  if row["descriptor"] == "trained" and "mean" not in row["part"])
    assert accuracy * 24 == pytest.approx(counted, abs=0.01)
    wrong = page.section("worst").all("li", "card")
    assert len(wrong) == min(20, round(24 * (1 - accuracy)))
    assert all(card.all("img") for card in wrong)
    assert len(page.section("keys").all("figure", "plot")) >= 3


def test_pairs(tmp_path: Path) -> None:
    source = write_parts(tmp_path / "pictures", ("",), keys=("red", "green", "blue"), masks=False)
    rows, (page, _) = reports(
        tmp_path, pictures={"source": str(source), "px": 16}, index={"rows": "none"}, evaluate={"pairs": 60},
        learn=LEARN | {"lessons": {"kind": "pairs", "batch": 8}})
    assert len(page.section("summary").all("tbody")[0].all("tr")) == len(rows)
    texts = [img.attributes["alt"] for img in page.section("keys").all("img")]
    assert any(text.startswith("Pairs judged") for text in texts)
    assert any(text.startswith("Distances") for text in texts)
