"""Questions off the grid on smooth land seen twice, once through a veil: a plain descriptor finds its way by metres."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from scipy.ndimage import gaussian_filter

from georetrieval.errors import GapsError
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.off_grid import draw
from georetrieval.recipe.stages import Run
from georetrieval.samples.ground import Ground
from tests.made.ground import COLS, EAST, NORTH, PX, ROWS, photographed
from tests.made.tiny import SOUTH, WEST

torch.set_num_threads(1)


def land() -> np.ndarray:
    """(3, ROWS * PX, COLS * PX) uint8, smooth; never 0."""
    noise = np.random.default_rng(1).normal(size=(3, ROWS * PX, COLS * PX))
    smooth = np.stack([gaussian_filter(band, 2.5) for band in noise])
    return np.clip(128 + 45 * smooth / smooth.std(), 1, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """old.tif, new.tif and the tiles of both."""
    folder = tmp_path_factory.mktemp("off")
    veiled = (20 + 0.8 * land()).astype(np.uint8)
    photographed(folder, {"2004": land(), "2019": veiled})
    return folder


def table(folder: Path, out: Path, eyes: Sequence[str] = ("hog",), **off_grid: Any) -> list[dict[str, Any]]:
    surveys = [{"scope": "57", "date": date, "photos": str(folder / f"{date}.tif")} for date in ("2004", "2019")]
    recipe = {
        "name": "off", "tiles": {"cell_m": 100, "px": PX, "surveys": surveys}, "split": {"test": {"scopes": ["57"]}},
        "learn": None, "eye": {"bands": ["r", "g", "b"], "trunk": "resnet10t", "head": "pool", "descriptor": 8},
        "evaluate": {"baselines": list(eyes), "off_grid": {"queries": 60} | off_grid},
    }
    (out / "off.yaml").write_text(yaml.safe_dump(recipe))
    Run(load_recipe(out / "off.yaml"), out / "run").to()
    return list(csv.DictReader((out / "run" / "off_grid.csv").read_text().splitlines()))


def test_a_dense_gallery_is_found_to_the_metre(folder: Path, tmp_path: Path) -> None:
    """Rows every 2 pixels (6.25 m): the nearest one lies within 4.4 m, and smooth land tells it from the others."""
    rows = table(folder, tmp_path, overlap=0.9375, conditions=["shift"], queries=40)
    (kept,) = rows
    assert (kept["bands"], kept["colours"], kept["reranked"]) == ("photo", "kept", "no")  # it sees grey alone
    assert (kept["queries"], kept["condition"], kept["views"]) == ("40", "shift", "1")
    assert float(kept["recall_at_1"]) >= 0.98
    assert float(kept["median_error_m"]) < 8
    markdown = (tmp_path / "run" / "off_grid.md").read_text().splitlines()
    assert len(markdown) == 2 + 1


def test_turned_queries_need_turned_looks(folder: Path, tmp_path: Path) -> None:
    plain = table(folder, tmp_path, overlap=0.75, conditions=["turn"], grey=False)
    turned = table(folder, tmp_path, overlap=0.75, conditions=["turn"], grey=False, turns=16)
    assert [row["views"] for row in (*plain, *turned)] == ["1", "16"]
    assert float(turned[0]["recall_at_1"]) > float(plain[0]["recall_at_1"]) + 0.3


def test_each_way_of_reranking_has_its_line(folder: Path, tmp_path: Path) -> None:
    """Few questions: closer looks are more than a thousand for each."""
    rows = table(folder, tmp_path, overlap=0.75, conditions=["turn"], grey=False, turns=16, queries=6,
                 rerank=["k-reciprocal", "query-expansion", "closer"])
    assert [row["reranked"] for row in rows] == ["no", "k-reciprocal", "query-expansion", "closer"]
    assert [(row["views"], row["queries"]) for row in rows] == [("16", "6")] * 4
    assert float(rows[3]["recall_at_5"]) >= float(rows[0]["recall_at_5"])


def test_a_net_that_sees_colours_is_also_asked_in_grey(folder: Path, tmp_path: Path) -> None:
    """All eyes when asked; the same queries for all."""
    rows = table(folder, tmp_path, ["hog", "untrained"], conditions=["shift"], baselines=True)
    assert [(row["descriptor"], row["bands"], row["colours"]) for row in rows] == [
        ("hog", "photo", "kept"), ("untrained", "photo", "kept"), ("untrained", "photo", "grey")]
    assert rows[1]["median_error_m"] != rows[2]["median_error_m"]


def test_half_a_tile_apart(folder: Path, tmp_path: Path) -> None:
    """4 x 3 tiles, a row every half tile: 7 x 5; the main table is as ever, and nothing is written when not asked."""
    rows = table(folder, tmp_path, conditions=["shift", "turn", "scale"], grey=False)
    assert [row["condition"] for row in rows] == ["shift", "turn", "scale"]
    assert {row["gallery_rows"] for row in rows} == {"35"}
    assert all(float(row["recall_at_5"]) >= float(row["recall_at_1"]) for row in rows)
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["rows"][0]["queries"] == 12


def test_windows_are_drawn_all_over_the_ground_and_on_it_alone(folder: Path) -> None:
    tileset = TileSet.open(folder / "tiles")
    grounds = [Ground(tileset, "57", date) for date in ("2004", "2019")]
    upright = draw(grounds, "shift", 500, np.random.default_rng(1))
    half = 50 - 100 / PX / 2  # the middles of the pixels lie on the ground
    assert (upright.centres >= (WEST + half, SOUTH + half)).all()
    assert (upright.centres <= (EAST - half, NORTH - half)).all()
    assert np.ptp(upright.centres, axis=0) == pytest.approx(((COLS - 1) * 100, (ROWS - 1) * 100), rel=0.05)
    assert not upright.angle_deg.any()
    assert (upright.scale == 1).all()
    scaled = draw(grounds, "scale", 500, np.random.default_rng(1))
    reach = scaled.scale * half * (np.abs(np.cos(np.radians(scaled.angle_deg))) +
                                 np.abs(np.sin(np.radians(scaled.angle_deg))))
    assert (scaled.centres[:, 0] - reach >= WEST - 1).all()
    assert (scaled.centres[:, 1] + reach <= NORTH + 1).all()
    assert 0.7 <= scaled.scale.min() < 0.75 < 1.2 < scaled.scale.max() <= 1.4
    again = draw(grounds, "scale", 500, np.random.default_rng(1))
    assert np.array_equal(scaled.centres, again.centres)


def test_no_room_for_a_window(folder: Path) -> None:
    tileset = TileSet.open(folder / "tiles")
    one = [Ground(tileset, "57", "2004", tileset.catalogue["tile_id"][:1].tolist())]
    with pytest.raises(GapsError, match="enlarge"):
        draw(one, "turn", 5, np.random.default_rng(1))
