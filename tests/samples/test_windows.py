"""Windows as samples: names of the grid, windows between, what lies off the ground is left out."""

from __future__ import annotations

import re

import numpy as np
import pytest

from georetrieval.errors import GapsError, UsageError
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.campaigns import TileSamples
from georetrieval.samples.ground import Ground
from georetrieval.samples.overlap import steps_of
from georetrieval.samples.windows import WindowSamples, anywhere, overlapping
from tests.made.ground import COLS, EAST, NORTH, PX, ROWS, SIDE_M, photographed, pixels
from tests.made.tiny import SOUTH, WEST

TILE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
WHOLE = pixels(1)


@pytest.fixture(scope="module")
def tileset(tmp_path_factory: pytest.TempPathFactory) -> TileSet:
    return photographed(tmp_path_factory.mktemp("windows"), {"2004": WHOLE})


def samples(tileset: TileSet, overlap: float) -> WindowSamples:
    places = overlapping(tileset, "2004", "57", overlap)
    return WindowSamples(tileset, date="2004", bands=("r", "g", "b"), scope="57", centres=places.centres,
                         names=places.names, keys=places.keys)


@pytest.mark.parametrize(("overlap", "steps"), [(0, 1), (0.5, 2), (0.6, 3), (2 / 3, 3), (0.75, 4), (0.9375, 16)])
def test_steps_give_the_overlap_at_least(overlap: float, steps: int) -> None:
    assert steps_of(overlap) == steps


@pytest.mark.parametrize("overlap", [-0.1, 0.95, 1.0])
def test_overlaps_that_make_no_sense(overlap: float) -> None:
    with pytest.raises(UsageError, match="overlap"):
        steps_of(overlap)


@pytest.mark.parametrize(("overlap", "steps"), [(0, 1), (0.5, 2), (0.75, 4)])
def test_windows_fill_the_rectangle(tileset: TileSet, overlap: float, steps: int) -> None:
    places = overlapping(tileset, "2004", "57", overlap)
    beyond = 0 if steps < 4 else 1  # a quarter of a tile may lie off the ground, but not two in a corner
    count = ((COLS - 1) * steps + 1 + 2 * beyond) * ((ROWS - 1) * steps + 1 + 2 * beyond) - 4 * beyond
    assert len(places) == len(set(places.names)) == len(set(places.keys)) == count
    assert all(TILE_ID.fullmatch(name) for name in places.names)


def test_no_overlap_is_the_grid(tileset: TileSet) -> None:
    """The same names, keys and bytes as the tiles."""
    ours, tiles = samples(tileset, 0), TileSamples(tileset, date="2004", bands=("r", "g", "b"))
    assert set(zip(ours.names, ours.keys, strict=True)) == set(zip(tiles.names, tiles.keys, strict=True))
    order = [ours.names.index(name) for name in tiles.names]
    assert np.array_equal(ours.batch(order), tiles.batch(range(len(tiles))))


def test_windows_between_are_cut_between(tileset: TileSet) -> None:
    ours = samples(tileset, 0.5)
    place = ours.names.index(f"57-2004-E0{WEST + 150}N{SOUTH + 50}-100")
    assert ours.keys[place] == f"57-E0{WEST + 150}N{SOUTH + 50}"
    assert ours.catalogue.loc[place, ["xmin", "ymin", "xmax", "ymax"]].tolist() == [
        WEST + 150, SOUTH + 50, WEST + 250, SOUTH + 150]
    cut = WHOLE[:, 48:48 + PX, 48:48 + PX]
    assert np.allclose(ours[place].pixels * 255, cut, atol=1e-3)
    assert set(TileSamples(tileset, date="2004", bands=("r",)).names) <= set(ours.names)


def test_no_overlap_across_the_border_of_a_part(tileset: TileSet) -> None:
    rows = tileset.catalogue
    west = rows.loc[rows["xmax"] <= WEST + 2 * SIDE_M, "tile_id"].tolist()
    places = overlapping(tileset, "2004", "57", 0.5, west)
    assert len(places) == 3 * 5
    assert places.centres[:, 0].max() == WEST + 1.5 * SIDE_M


def test_what_lies_off_the_ground_is_left_out_and_counted(tileset: TileSet) -> None:
    centres = np.array([[WEST, SOUTH], [WEST + 150, SOUTH + 150], [WEST + 150, SOUTH + 20]], float)
    ours = WindowSamples(tileset, date="2004", bands=("r",), scope="57", centres=centres, names=["a", "b", "c"],
                         scale=0.5)
    assert (ours.names, ours.keys, ours.left_out, ours.rows.tolist()) == (["b", "c"], ["b", "c"], 1, [1, 2])
    assert ours.catalogue["xmax"].tolist() == [WEST + 175, WEST + 175]
    with pytest.raises(GapsError, match="None of the 3"):
        WindowSamples(tileset, date="2004", bands=("r",), scope="57", centres=centres - 1000, names=["a", "b", "c"])
    with pytest.raises(UsageError, match="found 2 and 2"):
        WindowSamples(tileset, date="2004", bands=("r",), scope="57", centres=centres, names=["a", "b"])


def test_anywhere_is_all_over_the_ground(tileset: TileSet) -> None:
    drawn = anywhere(Ground(tileset, "57", "2004"), 4000, np.random.default_rng(1))
    assert ((drawn > (WEST, SOUTH)) & (drawn < (EAST, NORTH))).all()
    assert drawn.mean(axis=0) == pytest.approx([(WEST + EAST) / 2, (SOUTH + NORTH) / 2], abs=8)
