"""The published recipes: each loads and is commented, they run in miniature, the real town gives its figures."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from georetrieval.cli.main import main
from georetrieval.recipe.loading import load_recipe, published
from georetrieval.recipe.stages import Run
from tests.made.runs import RunRecipe

PIPELINES = Path(__file__).parents[2] / "pipelines"
RECIPES = sorted(PIPELINES.glob("*.yaml"))
DATA = os.environ.get("GEORETRIEVAL_TEST_DATA")
HOG_OF_THE_TOWN = {
    ("1964", "1961"): (0.970, 92), ("1976", "1961"): (0.847, 71), ("1981", "1966"): (0.740, 76),
    ("1981", "1961"): (0.505, 94), ("1981", "1976"): (0.943, 72),
}
"""(query, gallery) -> map@5 of plain HOG and number of tiles. *Source*: REFERENCE.md E."""


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_it_loads_and_is_commented(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEORETRIEVAL_TEST_DATA", "/data")
    recipe = load_recipe(path)
    assert recipe.name == path.stem
    assert recipe.title
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert sum("#" in line for line in lines) >= 5
    assert published(path.stem) == path


def test_the_first_three_are_there_and_explain_how_they_are_run() -> None:
    assert {"geomatch", "quickstart", "town"} <= {path.stem for path in RECIPES}
    for path in RECIPES:
        told = re.findall(r"georetrieval run (\S+)", path.read_text())
        before = {f"pipelines/{name}.yaml" for name in re.findall(r"weights: runs/([^/\s]+)", path.read_text())}
        assert set(told) <= {f"pipelines/{path.name}", *before}
        assert before <= set(told), "a recipe that starts from another's run says how that is made"


COMPARISONS = {
    "siamese-r128": {("eye", "descriptor"): 128},
    "siamese-r512": {("eye", "descriptor"): 512},
    "siamese-grey": {("eye", "bands"): ["r", "g", "b", "sgrey"]},
    "siamese-no-batch-norm": {("eye", "batch_norm"): False},
    "siamese-fixed-fusion": {("eye", "fusion_trainable"): False},
    "siamese-fold-2": {("split", part): {"scopes": [scope], "area": None}
                       for part, scope in (("train", "92"), ("validation", "93"), ("test", "91"))},
    "siamese-fold-3": {("split", part): {"scopes": [scope], "area": None}
                       for part, scope in (("train", "93"), ("validation", "91"), ("test", "92"))},
}
"""What each comparison of tables 5 and 6 changes in siamese.yaml. *Source*: REFERENCE.md A."""


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_change_one_thing(name: str) -> None:
    plain = load_recipe(PIPELINES / "siamese.yaml").model_dump(mode="json")
    other = load_recipe(PIPELINES / f"{name}.yaml").model_dump(mode="json")
    changed = {(part, key): other[part][key] for part in ("eye", "learn", "split", "tiles", "dates")
               for key in other[part] if other[part][key] != plain[part][key]}
    assert changed == COMPARISONS[name]
    assert other["seed"] == plain["seed"]


def test_the_best_recipe_has_the_same_input_and_budget_and_no_longer_descriptor() -> None:
    """Pictures through the net: 1,024 places a département; siamese: 2 pairs of pictures a place, half of the places
    hard from the first mining on; best: one pair a place."""
    siamese, best = (load_recipe(PIPELINES / f"{name}.yaml") for name in ("siamese", "geomatch-best"))
    assert (best.tiles, best.split, best.dates) == (siamese.tiles, siamese.split, siamese.dates)
    assert (best.eye.bands, best.eye.trunk, best.eye.width) == (siamese.eye.bands, siamese.eye.trunk, siamese.eye.width)
    assert best.eye.descriptor <= 256
    assert siamese.learn is not None
    assert siamese.learn.mining is not None
    assert best.learn is not None
    before = min(siamese.learn.mining.every, siamese.learn.epochs)
    pictures = 1024 * 4 * (before + 2 * (siamese.learn.epochs - before))
    assert best.learn.epochs * 1024 * 2 <= pictures * 1.01


def test_geomatch_is_the_paper() -> None:
    """REFERENCE.md A: ResNet50, 256 px, R = 256, 12 pairs, hard pairs every 5 epochs below 0.5, départements apart."""
    recipe = load_recipe(PIPELINES / "geomatch.yaml")
    assert (recipe.eye.trunk, recipe.tiles.px, recipe.eye.descriptor) == ("resnet50", 256, 256)
    assert recipe.eye.filters == (1024, 512, 256)
    assert recipe.learn is not None
    assert recipe.learn.mining is not None
    assert (recipe.learn.objective, recipe.learn.pairs_per_batch, recipe.learn.epochs) == ("bce", 12, 100)
    assert (recipe.learn.mining.every, recipe.learn.mining.k, recipe.learn.mining.below) == (5, 5, 0.5)
    assert (recipe.learn.rate_fusion, recipe.learn.rate_trunk, recipe.learn.rate_new) == (1e-4, 5e-5, 1e-3)
    parts = (recipe.split.train, recipe.split.validation, recipe.split.test)
    scopes = [set(part.scopes or ()) for part in parts if part is not None]
    assert len(set.union(*scopes)) == sum(map(len, scopes)) == 3


@pytest.mark.parametrize("name", ["quickstart", "geomatch"])
def test_made_up_departements_in_miniature(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunRecipe
) -> None:
    monkeypatch.chdir(tmp_path)
    worlds = [f"tiles.worlds.{n}.{key}" for n in range(3) for key in ("km=3", "gsd_m=10", "sheet_km=3")]
    rows = run(name, *worlds, "tiles.px=32", "tiles.cell_m=500", "eye.trunk=resnet10t", "eye.descriptor=8",
               "eye.filters=[8]", "learn.epochs=1", "learn.pairs_per_batch=18")
    assert [row["descriptor"] for row in rows] == ["hog", "class-shares", "untrained", "trained"]
    for row in rows:
        assert (row["part"], row["query"], row["gallery"]) == ("test", "2019", "2004")
        assert int(row["queries"]) + int(row["blank_left_out"]) == 36
        assert 0 <= float(row["map_at_5"]) <= 1
    made = {path.name for path in (tmp_path / "runs" / name).iterdir()}
    assert made >= {"recipe.yaml", "results.json", "results.csv", "results.md", "matches.gpkg", "queries.png",
                    "training.png", "tiles", "model"}
    assert (tmp_path / "indexes" / name / "CURRENT").is_file()
    with Image.open(tmp_path / "runs" / name / "queries.png") as picture:
        assert min(picture.size) > 100


def test_baselines_in_miniature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunRecipe
) -> None:
    """The best of each block as printed, a column per département; all 660 rows in the run folder."""
    monkeypatch.chdir(tmp_path)
    worlds = [f"tiles.worlds.{n}.{key}" for n in range(3) for key in ("km=3", "gsd_m=10", "sheet_km=3")]
    rows = run("baselines", *worlds, "tiles.px=32", "tiles.cell_m=500", "eye.trunk=resnet10t",
               "evaluate.combinations.whitened=16")
    assert [(row["block"], row["fusion"]) for row in rows] == [
        ("photo", "none"), ("semantic", "none"), ("both", "early"), ("both", "concatenation"), ("both", "late"),
        ("hog", "none"), ("class-shares", "none"),
    ]
    parts = ("train 91*", "validation 92", "test 93")
    for row in rows:
        assert float(row["mean"]) == pytest.approx(sum(float(row[part]) for part in parts) / 3, abs=1e-4)
    with (tmp_path / "runs" / "baselines" / "combinations.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 3 * (216 + 4)
    for row in rows:
        some = [float(r["map_at_5"]) for r in table if (r["block"], r["fusion"], r["part"]) == (
            row["block"], row["fusion"], "test 93")]
        assert float(row["test 93"]) in some
    assert (tmp_path / "runs" / "baselines" / "combinations.md").read_text().count("\n| ") == 1 + len(rows)


def test_recipes_of_the_tables_in_miniature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], run: RunRecipe
) -> None:
    """One command, shared tiles, two seeds: the siamese recipe, the best one, any modality, off the grid."""
    monkeypatch.chdir(tmp_path)
    worlds = [f"tiles.worlds.{n}.{key}" for n in range(3) for key in ("km=3", "gsd_m=10", "sheet_km=3")]
    settings = [*worlds, "tiles.px=32", "eye.width=8", "eye.descriptor=8", "learn.epochs=1"]
    names = ("siamese", "geomatch-best", "any-modality")
    arguments = [word for setting in settings for word in ("--set", setting)]
    with pytest.raises(SystemExit) as end:
        main(["run", *(str(published(name)) for name in names), "--seeds", "1,2", "--format", "csv", *arguments])
    streams = capsys.readouterr()
    assert not end.value.code, streams.err
    rows = list(csv.DictReader(streams.out.splitlines()))
    assert [row["recipe"] for row in rows if row["descriptor"] == "trained"] == list(names)
    assert len(list((tmp_path / "runs" / "departements").glob("tiles-*"))) == 1
    modalities = list(csv.DictReader((tmp_path / "runs/any-modality/modalities.csv").read_text().splitlines()))
    assert len(modalities) == 9
    assert (tmp_path / "runs/siamese/failures.csv").is_file()
    more = [f"tiles.worlds.{n}.{key}" for n in (3, 4) for key in ("km=3", "gsd_m=10", "sheet_km=3")]
    run("off-grid", *settings, *more, "evaluate.off_grid.queries=5", "evaluate.off_grid.turns=4")
    off = list(csv.DictReader((tmp_path / "runs/off-grid/off_grid.csv").read_text().splitlines()))
    assert {(row["condition"], row["views"]) for row in off} == {("shift", "1"), ("turn", "4"), ("scale", "20")}
    assert {(row["bands"], row["colours"]) for row in off} == {(bands, colours) for bands in ("both", "photo")
                                                               for colours in ("kept", "grey")}


def mosaics(folder: Path) -> Path:
    """Three JPEG photographs of one frame: the same ground under other light and grain, a corner black in 1961."""
    random = np.random.default_rng(1)
    ground = gaussian_filter(random.normal(size=(640, 256)), 3)
    ground /= ground.std()
    folder.mkdir()
    for date, light in (("1961", 30), ("ign_1976", 25), ("1981-06", 35)):
        grey = np.clip(128 + light * ground + random.normal(0, 6, ground.shape), 20, 235)
        if date == "1961":
            grey[:64, :64] = 0
        Image.fromarray(grey.astype(np.uint8)).save(folder / f"{date}.jpg", quality=90)
    return folder


def test_any_folder_of_dated_mosaics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: RunRecipe
) -> None:
    """10 x 4 cells of 64 px; 4 rows of cells train, 4 test; the black cell is blank in 1961 only."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GEORETRIEVAL_TEST_DATA", raising=False)
    folder = mosaics(tmp_path / "photos")
    rows = run("town", f"tiles.mosaics.folder={folder}", "tiles.cell_m=64", "tiles.px=32",
               "tiles.mosaics.offsets=2", "eye.trunk=resnet10t", "eye.descriptor=8", "learn.epochs=1",
               "learn.pairs_per_batch=8")
    pairs = {(row["query"], row["gallery"]) for row in rows}
    assert pairs == {("1976", "1961"), ("1981", "1961"), ("1981", "1976")}
    hog = {(row["part"], row["query"], row["gallery"]): row for row in rows if row["descriptor"] == "hog"}
    assert all(float(row["map_at_5"]) > 0.9 for row in hog.values()), "the same ground, unshifted"
    assert int(hog["all", "1976", "1961"]["queries"]) == 39
    assert int(hog["all", "1981", "1976"]["queries"]) == 40
    assert {int(row["queries"]) for part, row in ((row["part"], row) for row in rows) if part == "test"} == {16}
    assert {row["part"] for row in rows if row["descriptor"] == "trained"} == {"test"}


@pytest.mark.skipif(DATA is None, reason="GEORETRIEVAL_TEST_DATA is not set: no real photographs")
def test_hog_on_the_real_town(tmp_path: Path) -> None:
    """Our tiles and our HOG give the published figures: same tiles, map@5 within 0.02."""
    recipe = load_recipe(PIPELINES / "town.yaml", [
        "learn=null", "evaluate.baselines=[hog]", "tiles.mosaics.offsets=1", f"index.folder={tmp_path / 'indexes'}"])
    rows = Run(recipe, tmp_path / "run").to("evaluate")
    whole = {(row["query"], row["gallery"]): row for row in rows if row["part"] == "all"}
    for pair, (score, count) in HOG_OF_THE_TOWN.items():
        assert whole[pair]["queries"] == count, pair
        assert whole[pair]["map_at_5"] == pytest.approx(score, abs=0.02), pair
