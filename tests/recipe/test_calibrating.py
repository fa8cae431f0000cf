"""What is one place, what is hidden from a query, and a recipe that calibrates, re-ranks and is held to its word."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from georetrieval.recipe.calibrating import touching, tried
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.reliability import half_of, lines_of
from georetrieval.recipe.schema import Recipe
from georetrieval.recipe.stages import Run
from georetrieval.recipe.sureness import places_of
from georetrieval.report.of_run import draw
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.matches import NO_ROW
from georetrieval.search.store import IndexStore
from tests.made.departements import TILES

torch.set_num_threads(1)
RECIPE = "name: sure" + TILES + """    - {scope: "93", seed: 3, km: 3, gsd_m: 10.0, sheet_km: 3}
split: {train: {scopes: ["91"]}, validation: {scopes: ["92"]}, test: {scopes: ["93"]}}
eye: {trunk: resnet10t, bands: [r, g, b, sr, sg, sb], head: pool, descriptor: 16}
learn: {objective: infonce, pairs_per_batch: 18, epochs: 6, mining: null, precision: fp32}
evaluate: {baselines: [], rerank: [k-reciprocal, query-expansion], reliability: true, late_fusion: [hog]}
"""


def table(west: list[float], side: float = 100.0) -> pa.Table:
    x = np.array(west)
    return pa.table({"xmin": x, "ymin": np.zeros(len(x)), "xmax": x + side, "ymax": np.full(len(x), side)})


def test_rows_that_share_over_half_their_ground_are_one_place():
    """100 m squares at 0, 40 (shares .6 with 0), 80 (.6 with 40, .2 with 0), 130 (.5 with 80: not over half), 0."""
    assert places_of(table([0, 40, 80, 130, 0])).tolist() == [0, 0, 2, 3, 0]


def test_a_plain_grid_is_as_many_places():
    assert len(set(places_of(table([0, 100, 200, 300])).tolist())) == 4


def test_hidden_is_what_shares_any_ground():
    bounds = np.array([[0, 0, 100, 100], [150, 0, 250, 100], [900, 0, 1000, 100]])
    found = touching(bounds, table([0, 100, 200, 300]))
    assert [sorted(line[line != NO_ROW].tolist()) for line in found] == [[0], [1, 2], []]


def line(n: int, prefix: str) -> Descriptors:
    turn = np.linspace(0, 3, n)
    names = [f"{prefix}{i}" for i in range(n)]
    return Descriptors(np.column_stack([np.cos(turn), np.sin(turn)]), [f"k{i}" for i in range(n)], names, [""] * n,
                       "cosine")


def test_queries_whose_place_is_taken_away_are_wrong_and_others_right():
    west = [100.0 * i for i in range(40)]
    gallery = Gallery.of(line(40, "g"), attributes=table(west))
    bounds = np.column_stack([west, np.zeros(40), np.array(west) + 100, np.full(40, 100.0)])
    trial = tried(line(40, "q"), bounds, gallery, absent=0.25, seed=3)
    assert trial.absent.sum() == 10
    assert (trial.right == ~trial.absent).all()
    assert (tried(line(40, "q"), bounds, gallery, absent=0.25, seed=3).absent == trial.absent).all()
    assert (tried(line(40, "q"), bounds, gallery, absent=0.25, seed=4).absent != trial.absent).any()
    half = half_of(gallery, 1)
    gone = tried(line(40, "q"), bounds, half, absent=0.0)
    assert (len(half.descriptors), gone.absent.sum()) == (20, 20)
    assert (gone.right == ~gone.absent).all()
    assert half.attributes.column("xmin").to_pylist() == [100.0 * int(key[1:]) for key in half.descriptors.keys]


def test_the_reliability_table_worked_by_hand():
    """Confidences .05 (wrong, not there), .55 (right), .58 (wrong, not there), .92 and 1.0 (right)."""
    rows = lines_of(np.array([0.05, 0.55, 0.58, 0.92, 1.0]), np.array([False, True, False, True, True]),
                    np.array([True, False, True, False, False]))
    bins, whole, limits = rows[:10], rows[10], rows[11:]
    assert [row["queries"] for row in bins] == [1, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert (bins[5]["mean_confidence"], bins[5]["share_right"]) == (0.565, 0.5)
    assert (bins[1]["mean_confidence"], bins[1]["share_right"]) == (None, None)
    assert whole["calibration_error"] == pytest.approx((0.05 + 2 * 0.065 + 2 * 0.04) / 5, abs=1e-4)
    assert [(row["from"], row["share_answered"], row["share_right"], row["absent_answered"]) for row in limits] == [
        (0.5, 0.8, 0.75, 0.5), (0.8, 0.4, 1.0, 0.0), (0.9, 0.4, 1.0, 0.0), (0.95, 0.2, 1.0, 0.0)]
    assert len({tuple(row) for row in rows}) == 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("sure")
    (folder / "sure.yaml").write_text(RECIPE)
    done = Run(load_recipe(folder / "sure.yaml"), folder / "run", draw=draw)
    done.to()
    return done


def test_the_index_of_a_run_is_calibrated_on_the_validation_part(run: Run) -> None:
    manifest = IndexStore.open(run.index).manifest
    assert manifest.calibration is not None
    assert (manifest.calibration.part, manifest.calibration.queries) == ("validation", 36)
    assert (manifest.calibration.pair, manifest.calibration.absent_share) == (("2019", "2004"), 0.5)
    assert manifest.calibration.fingerprint == manifest.fingerprint_digest
    note = json.loads((run.out / "calibration.json").read_text())
    assert note["calibration"]["weights"] == list(manifest.calibration.weights)
    assert note["why"] == ""


def test_the_table_has_a_line_per_reranking_and_fusion(run: Run) -> None:
    rows = json.loads(run.results.read_text())["rows"]
    assert [row["descriptor"] for row in rows] == ["trained", "trained + k-reciprocal", "trained + query-expansion",
                                                 "trained + hog"]
    assert {row["queries"] for row in rows} == {36}


def test_reliability_is_measured_on_the_test_part(run: Run) -> None:
    lines = (run.out / "reliability.csv").read_text().splitlines()
    assert len(lines) == 1 + 10 + 1 + 4
    assert sum(int(row.split(",")[3]) for row in lines[1:11]) == 36
    assert (run.out / "reliability.md").is_file()
    assert Image.open(run.out / "reliability.png").width > 600


def test_reliability_without_validation_is_refused() -> None:
    import yaml

    value = yaml.safe_load(RECIPE)
    value["split"].pop("validation")
    with pytest.raises(ValidationError, match=r"split\.validation"):
        Recipe(**value)


def test_without_validation_the_reason_is_written(run: Run) -> None:
    from georetrieval.recipe.calibrating import calibrate_run

    bare = run.recipe.model_copy(update={"split": run.recipe.split.model_copy(update={"validation": None})})
    note = calibrate_run(Run(bare, run.out), IndexStore.open(run.index))
    assert note["calibration"] is None
    assert "no validation part" in note["why"]
