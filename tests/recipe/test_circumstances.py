"""Landscape and change of places whose ground is known to the metre."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from georetrieval.recipe.circumstances import bins_of, class_change, groups_of, landscapes, photo_change
from tests.made import tiny


def test_the_first_rule_that_holds_decides() -> None:
    """A pond in a wood is water, a wood with eight houses a wood, castle and houses add up to a town."""
    told = {
        "water": {"water": 0.05, "vegetation": 0.9, "building": 0.05},
        "town": {"building": 0.03, "castle": 0.01, "vegetation": 0.6, "water": 0.049},
        "wood": {"vegetation": 0.5, "building": 0.039},
        "village": {"vegetation": 0.49, "church": 0.004},
        "field": {"vegetation": 0.49, "building": 0.0039, "road": 0.3},
    }
    columns = ("water", "building", "castle", "church", "vegetation", "road")
    rows = pd.DataFrame([{f"share_{name}": shares.get(name, 0.0) for name in columns} for shares in told.values()])
    assert landscapes(rows) == list(told)
    fewer = rows.drop(columns=["share_castle", "share_road"])
    assert landscapes(fewer) == ["water", "wood", "wood", "village", "field"]


@pytest.fixture
def square(tmp_path: Path) -> TileSet:
    """The square kilometre of tests/made/tiny.py in four cells of 500 m; by 2019 all has moved 100 m to the east."""
    photo = tiny.write_survey(tmp_path)[0]
    surveys = [Survey("57", "2004", photos=photo.parent, vectors=tiny.write_vectors(tmp_path / "old")),
               Survey("57", "2019", photos=photo.parent, vectors=tiny.write_vectors(tmp_path / "new", east=100.0))]
    return build_tiles(surveys, tmp_path / "tiles", grid=TileGrid(tiny.CRS, 500), px=50, legend=Legend.load("bdtopo12"))


def truth_of(tileset: TileSet, query: str, gallery: str) -> dict[str, str]:
    rows = tileset.catalogue
    one, other = (rows[rows["date"] == date].set_index("key")["tile_id"] for date in (query, gallery))
    return {tile: other[key] for key, tile in one.items() if key in other.index}


def at(tileset: TileSet, tile: str) -> tuple[bool, bool]:
    """Whether a tile lies in the north, and in the east."""
    row = tileset.find(tile)
    return row["ymin"] > tiny.SOUTH, row["xmin"] > tiny.WEST


def test_share_of_the_map_that_changed(square: TileSet) -> None:
    """In cells of 250,000 m2; what moved 100 m leaves and takes a strip of that width, the road's west end is gone.

    North-west: the wood loses 100 x 480 and gains 20 x 480, the road loses 90 x 10 (its round end reaches one pixel of
    10 m past it). North-east: the lake moves by 100 x 300 twice, the wood comes in with 80 x 480. South-west: the
    house of 100 x 100 moves by its width, the road as above. South-east: nothing.
    """
    truth = truth_of(square, "2019", "2004")
    change = {at(square, tile): value for tile, value in zip(truth, class_change(square, truth), strict=True)}
    wanted = {(True, False): 57_600 + 900, (True, True): 60_000 + 38_400, (False, False): 20_900, (False, True): 0}
    assert {place: round(value * 250_000) for place, value in change.items() if place in wanted} == wanted


def test_groups_of_a_place_with_classes(square: TileSet) -> None:
    """By 2019: wood on 400 x 480 of 500 x 500 in the north-west, the lake on 300 x 300 in the north-east."""
    landscape, change = groups_of(square, truth_of(square, "2019", "2004"))
    named = {at(square, tile): name for tile, name in landscape.of.items()}
    assert (named[True, False], named[True, True], named[False, True]) == ("wood", "water", "field")
    assert change.values == ("map 0-0.05", "map 0.05-0.1", "map 0.1-0.2", "map 0.2 and more")
    named = {at(square, tile): name for tile, name in change.of.items()}
    assert named == {(True, False): "map 0.2 and more", (True, True): "map 0.2 and more",
                     (False, False): "map 0.05-0.1", (False, True): "map 0-0.05"}


def test_photographs_without_a_map(tmp_path: Path) -> None:
    """The first cell is the same in other light, the second its negative: correlation 1 and -1."""
    grey = np.random.default_rng(1).integers(40, 200, (32, 64)).astype(np.float64)
    later = np.hstack([grey[:, :32] / 2 + 30, 240 - grey[:, 32:]])
    for date, pixels in (("1961", grey), ("1976", later)):
        Image.fromarray(pixels.round().astype(np.uint8)).save(tmp_path / f"{date}.png")
    surveys = [Survey("town", date, photos=tmp_path / f"{date}.png") for date in ("1961", "1976")]
    tileset = build_tiles(surveys, tmp_path / "tiles", grid=TileGrid.frame(32), px=32, legend=Legend.load("bdtopo12"))
    truth = truth_of(tileset, "1976", "1961")
    assert photo_change(tileset, truth) == pytest.approx([0, 2], abs=1e-3)
    (change,) = groups_of(tileset, truth)
    assert list(change.of.values()) == ["photo 0-0.5", "photo 0.9 and more"]


def test_a_map_at_one_date_only_tells_the_landscape_and_the_photographs_the_change(tmp_path: Path) -> None:
    photo, vectors = tiny.write_survey(tmp_path)
    surveys = [Survey("57", "2004", photos=photo.parent), Survey("57", "2019", photos=photo.parent, vectors=vectors)]
    tileset = build_tiles(surveys, tmp_path / "tiles", grid=TileGrid(tiny.CRS, 500), px=50,
                          legend=Legend.load("bdtopo12"))
    assert [group.by for group in groups_of(tileset, truth_of(tileset, "2019", "2004"))] == ["landscape", "change"]
    (only,) = groups_of(tileset, truth_of(tileset, "2004", "2019"))
    assert set(only.of.values()) == {"photo 0-0.5"}, "the same photograph twice"


def test_what_has_no_tile_to_compare_with_has_a_landscape_only(square: TileSet) -> None:
    truth = truth_of(square, "2019", "2004")
    first = next(iter(truth))
    landscape, change = groups_of(square, truth | {first: ""})
    assert set(landscape.of) == set(truth)
    assert set(change.of) == set(truth) - {first}


def test_names_of_bins() -> None:
    assert bins_of((0.5, 1.0), "x") == ("x 0-0.5", "x 0.5-1", "x 1 and more")
