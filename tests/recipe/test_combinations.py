"""Tables 3 and 4: the best rows of a table made by hand, and whole tables on made-up tiles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.combinations import best_per_block, read_rows, section
from georetrieval.recipe.evaluation import Evaluator, questions
from georetrieval.recipe.grid import Combination
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.schema import Part, Recipe
from georetrieval.recipe.stages import Run
from georetrieval.recipe.untrained import Sight, Untrained
from tests.made.departements import TILES

torch.set_num_threads(1)
OLD, NEW = [10, 40, 70, 100, 130, 160, 190, 220], [11, 41, 71, 101, 131, 161, 191, 221]
RECIPE = "name: tiny" + TILES + """split: {train: {scopes: ["91"]}, test: {scopes: ["92"]}}
eye: {trunk: resnet10t}
learn: null
evaluate:
  baselines: [hog]
  combinations: {normalisation: [none, l2], pooling: [max, gem-pca], whitened: 16}
"""


def row(part: str, query: str, pooling: str, value: float | None, queries: int, fusion: str = "none") -> dict[str, Any]:
    return {
        "block": "photo", "bands": "photo", "fusion": fusion, "normalisation": "none", "distance": "cosine",
        "pooling": pooling, "R": 8, "part": part, "query": query, "gallery": "1961", "map_at_5": value,
        "recall_at_1": value, "queries": queries,
    }


def test_the_best_of_a_block_by_hand() -> None:
    """max: train .5, test (30 x .9 + 10 x .1) / 40 = .7, mean .6. gem-pca: train .9, test .4, mean .65."""
    rows = [
        row("train 91", "1976", "max", 0.5, 10), row("test 92", "1976", "max", 0.9, 30),
        row("test 92", "1981", "max", 0.1, 10), row("train 91", "1976", "gem-pca", 0.9, 10),
        row("test 92", "1976", "gem-pca", 0.4, 30), row("test 92", "1981", "gem-pca", 0.4, 10),
    ]
    choice = {"block": "photo", "bands": "photo", "fusion": "none", "normalisation": "none", "distance": "cosine"}
    (best,) = best_per_block(rows, 5)
    assert best == {**choice, "pooling": "gem-pca", "R": 8, "train 91*": 0.9, "test 92": 0.4, "mean": 0.65}
    (best,) = best_per_block(rows[:3], 5)
    assert best == {**choice, "pooling": "max", "R": 8, "train 91": 0.5, "test 92": 0.7, "mean": 0.6}
    equal = [row("test 92", "1976", name, 0.5, 3) for name in ("max", "avg")]
    assert [line["pooling"] for line in best_per_block(equal, 5)] == ["max"]
    blocks = [*equal, row("test 92", "1976", "max", None, 0, "late")]
    assert [(line["fusion"], line["test 92"]) for line in best_per_block(blocks, 5)] == [("none", 0.5), ("late", None)]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    run = Run(load_recipe(folder / "tiny.yaml"), folder / "run")
    assert run.plan()[-1]["plan"].endswith("76 untrained combinations in 2 parts: 152 rows")
    run.to("evaluate")
    return run


def test_the_whole_table(finished: Run) -> None:
    """2 normalisations x 2 distances x 2 poolings = 8 of each of 9 inputs and fusions, and 4 without a net."""
    rows = read_rows(finished.out)
    assert len(rows) == 2 * (8 * 9 + 4)
    assert list(rows[0]) == ["block", "bands", "fusion", "normalisation", "distance", "pooling", "R", "part", "query",
                             "gallery", "map_at_5", "recall_at_1", "queries"]
    assert {(r["part"], r["query"], r["gallery"], r["queries"]) for r in rows} == {
        ("train 91", "2019", "2004", 36), ("test 92", "2019", "2004", 36)}
    sizes = {(r["fusion"], r["pooling"]): r["R"] for r in rows if r["pooling"] != "none"}
    assert sizes == {
        ("none", "max"): 512, ("early", "max"): 512, ("concatenation", "max"): 1024, ("late", "max"): 1024,
        ("none", "gem-pca"): 16, ("early", "gem-pca"): 16, ("concatenation", "gem-pca"): 32, ("late", "gem-pca"): 32,
    }
    page = (finished.out / "combinations.md").read_text(encoding="utf-8")
    assert "train 91*" in page
    assert "resnet10t, random weights, seed 1" in page


def test_rows_that_must_be_equal(finished: Run) -> None:
    """The cosine does not see the length of a row; of rows of length one, both distances give the same order."""
    figures = {(r["bands"], r["fusion"], r["pooling"], r["part"], r["normalisation"], r["distance"]): r["map_at_5"]
               for r in read_rows(finished.out) if r["pooling"] != "none"}
    alone = {key[:4] for key in figures if key[1] in ("none", "early")}
    assert len(alone) == 5 * 2 * 2
    for key in alone:
        assert figures[*key, "none", "cosine"] == figures[*key, "l2", "cosine"] == figures[*key, "l2", "euclidean"]
    assert len(set(figures.values())) > 20, "the rest differs"


def test_the_figures_of_descriptors_without_a_net_are_those_of_the_main_table(finished: Run) -> None:
    main = finished.to("evaluate")
    place = ("hog", "cosine", "test 92")
    (hog,) = [r for r in read_rows(finished.out) if (r["block"], r["distance"], r["part"]) == place]
    assert (hog["map_at_5"], hog["recall_at_1"]) == (main[0]["map_at_5"], main[0]["recall_at_1"])


def test_a_picture_goes_through_the_trunk_once_per_input(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    untrained = Untrained(finished.recipe, finished.tileset)
    (question,) = questions(finished.tileset, "test", finished.recipe.split.test, [("2019", "2004")])
    sight = Sight(untrained, Evaluator(finished.tileset, [question], 5), question)
    look = type(untrained.eye("photo")).__call__

    def counting(self: Any, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:
        seen.append(len(pixels))
        return look(self, pixels, bands)

    monkeypatch.setattr(type(untrained.eye("photo")), "__call__", counting)
    for pooling in ("max", "avg", "gem-pca"):
        for fusion, bands in (("none", "photo"), ("concatenation", "both-colour"), ("late", "both-colour")):
            sight.row(Combination(bands.partition("-")[0], bands, fusion, "l2", "cosine", pooling))
    assert sum(seen) == 2 * 2 * 36, "two inputs, two dates"


class Photographs:
    """As much of a `Run` as a section needs."""

    def __init__(self, recipe: Recipe, out: Path, tileset: TileSet) -> None:
        self.recipe, self.out, self.tileset = recipe, out, tileset

    def progress(self, done: int, total: int | None, what: str) -> None: ...


def photographs(frame: Callable[..., TileSet], folder: Path, asked: dict[str, object]) -> Photographs:
    """Eight cells of their own grey each at three dates, without a map and without a train part."""
    tileset = frame({"1961": OLD, "1976": NEW, "1981": OLD})
    recipe = Recipe.model_validate({
        "name": "town", "tiles": {"mosaics": {"folder": str(folder), "scope": "town"}, "px": 32},
        "split": {"test": Part()}, "dates": {"every_pair": True}, "eye": {"trunk": "resnet10t"}, "learn": None,
        "evaluate": {"combinations": asked},
    })
    return Photographs(recipe, folder, tileset)


def test_photographs_without_a_map(frame: Callable[..., TileSet], tmp_path: Path) -> None:
    """Photo rows alone; whitening is learnt on the eight tiles of the gallery, which span seven directions at most."""
    section(photographs(frame, tmp_path, {"pooling": ["avg", "gem-pca"], "normalisation": ["none"]}))  # type: ignore[arg-type]
    rows = read_rows(tmp_path)
    assert {r["block"] for r in rows} == {"photo", "hog"}
    assert len(rows) == 3 * (2 * 2 + 2)
    assert all(r["R"] <= 7 for r in rows if r["pooling"] == "gem-pca")
    page = (tmp_path / "combinations.md").read_text(encoding="utf-8")
    assert "hold no map" in page
    assert "learnt on the gallery" in page
    assert "*" not in page
    same = [r for r in rows if (r["query"], r["gallery"], r["pooling"]) == ("1981", "1961", "avg")]
    assert same
    assert all(r["map_at_5"] == 1 for r in same), "1981 is 1961 again"


def test_nothing_that_the_tiles_hold(frame: Callable[..., TileSet], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no map"):
        section(photographs(frame, tmp_path, {"bands": ["semantic-colour"], "others": []}))  # type: ignore[arg-type]
