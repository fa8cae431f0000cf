"""Samples from a tile set that was really built: two dates of a frame, two scopes, one blank tile."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import InputError, UsageError
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.campaigns import TileSamples
from georetrieval.samples.joined import Joined
from georetrieval.samples.poses import Poses
from georetrieval.samples.sample import Subset, posed

LEVELS = {"east": np.array([[40, 80, 120], [160, 200, 240]]), "west": np.array([[30, 60, 90], [0, 150, 180]])}
"""Grey of each 32-px square of the two frames; 0 is no photo."""


@pytest.fixture(scope="module")
def tileset(tmp_path_factory: pytest.TempPathFactory) -> TileSet:
    folder = tmp_path_factory.mktemp("campaigns")
    surveys = []
    for scope, levels in LEVELS.items():
        for date, dimmer in (("1961", 0), ("1981", 10)):
            grey = np.where(levels == 0, 0, levels - dimmer).astype(np.uint8).repeat(32, axis=0).repeat(32, axis=1)
            grey[::32] //= 2  # a dark line on top: a flat square would be blank
            path = folder / f"{scope}-{date}.png"
            Image.fromarray(grey).save(path)
            surveys.append(Survey(scope=scope, date=date, photos=path))
    return build_tiles(surveys, folder / "tiles", grid=TileGrid("", 32), px=16, legend=Legend.load("bdtopo12"))


def levels(samples: TileSamples) -> dict[str, list[int]]:
    """The grey in the middle of each tile, by scope, sorted."""
    found = samples.batch(range(len(samples)))[:, 0, 8, 8] * 255
    return {
        scope: sorted(round(float(g)) for g, s in zip(found, samples.scopes, strict=True) if s == scope)
        for scope in dict.fromkeys(samples.scopes)
    }


def test_each_scope_reads_its_own_pack_and_blank_tiles_are_left_out(tileset: TileSet) -> None:
    found = levels(TileSamples(tileset, date="1961", bands=("grey",)))
    assert found == {"east": [40, 80, 120, 160, 200, 240], "west": [30, 60, 90, 150, 180]}
    found = levels(TileSamples(tileset, date="1981", bands=("grey",), scopes=["west"]))
    assert found == {"west": [20, 50, 80, 140, 170]}


def test_a_place_has_one_key_at_two_dates(tileset: TileSet) -> None:
    old, new = (TileSamples(tileset, date=date, bands=("r", "g", "b")) for date in ("1961", "1981"))
    assert old.keys == new.keys
    assert set(old.names).isdisjoint(new.names)
    difference = old.batch(range(len(old))) - new.batch(range(len(new)))
    assert np.allclose(difference[:, :, 8, 8], 10 / 255, atol=1e-6)


def test_rows_come_in_the_order_asked(tileset: TileSet) -> None:
    samples = TileSamples(tileset, date="1961", bands=("grey",))
    rows = np.array([9, 0, 7, 2, 10])
    assert np.array_equal(samples.batch(rows), np.stack([samples[int(row)].pixels for row in rows]))


def test_some_tiles_by_id(tileset: TileSet) -> None:
    every = TileSamples(tileset, date="1961", bands=("grey",))
    one = TileSamples(tileset, date="1961", bands=("grey",), tile_ids=[every.names[7]])
    assert (one.names, one.keys) == ([every.names[7]], [every.keys[7]])
    assert np.array_equal(one.batch([0])[0], every[7].pixels)


def test_what_is_not_there(tileset: TileSet) -> None:
    with pytest.raises(InputError, match="1999"):
        TileSamples(tileset, date="1999", bands=("grey",))
    with pytest.raises(InputError, match="north at 1961"):
        TileSamples(tileset, date="1961", bands=("grey",), scopes=["north"])
    with pytest.raises(InputError, match="vectors"):
        TileSamples(tileset, date="1961", bands=("sr", "sg", "sb"))
    with pytest.raises(InputError, match="No tile"):
        TileSamples(tileset, date="1961", bands=("grey",), tile_ids=["nothing"])


def moved(count: int, east: float, north: float) -> Poses:
    none = Poses.none(count)
    return Poses(none.east + east, none.north + north, none.angle_deg, none.scale)


def test_no_pose_is_the_batch(tileset: TileSet) -> None:
    samples = TileSamples(tileset, date="1961", bands=("r", "g"))
    rows = np.array([9, 0, 7, 2, 10])
    assert np.array_equal(samples.posed(rows, Poses.none(5)), samples.batch(rows))


def test_a_window_moves_over_its_neighbours_and_is_pulled_back_to_the_ground(tileset: TileSet) -> None:
    """Greys of "east": 40 80 120 above 160 200 240; half a tile east of 40 is half 40, half 80."""
    samples = TileSamples(tileset, date="1961", bands=("grey",), scopes=["east"])
    middle = samples.batch(range(6))[:, 0, 8, 8].round(3)
    row = {round(float(grey) * 255): place for place, grey in enumerate(middle)}
    rows = np.array([row[40], row[120], row[200]])
    east = samples.posed(rows, moved(3, 0.5, 0.0))[:, 0, 8] * 255
    assert [[round(float(line[at])) for at in (2, 13)] for line in east] == [[40, 80], [120, 120], [200, 240]]
    both = samples.posed(rows, moved(3, 0.5, 0.25))[:, 0] * 255
    assert [round(float(picture[10, 13])) for picture in both] == [80, 120, 240]
    assert [round(float(picture[2, 13])) for picture in both] == [80, 120, 120]


def test_a_hole_in_the_corner_is_gone_round(tileset: TileSet) -> None:
    """"west" has no photo in the south-west; north-west, north and the middle one below are there."""
    samples = TileSamples(tileset, date="1961", bands=("grey",), scopes=["west"])
    row = [round(float(grey) * 255) for grey in samples.batch(range(5))[:, 0, 8, 8]].index(60)
    (seen,) = samples.posed([row], moved(1, -0.25, -0.5))[:, 0] * 255
    assert {round(float(seen[y, x])) for y in (6, 13) for x in (1, 14)} == {60, 150}


def test_poses_reach_through_subsets_and_joined_sets(tileset: TileSet) -> None:
    one, two = (TileSamples(tileset, date=date, bands=("grey",)) for date in ("1961", "1981"))
    random = np.random.default_rng(2)
    poses = Poses(*random.uniform(-0.5, 0.5, (2, 4)), random.uniform(-90, 90, 4), random.uniform(0.7, 1.4, 4))
    joined = Joined([Subset(one, [4, 3, 2]), two])
    seen = joined.posed([4, 0, 3, 2], poses)
    assert np.array_equal(seen[[1, 3]], one.posed([4, 2], poses.take(np.array([1, 3]))))
    assert np.array_equal(seen[[0, 2]], two.posed([1, 0], poses.take(np.array([0, 2]))))


def test_single_pictures_have_no_ground() -> None:
    pictures = ArraySamples(np.zeros((2, 1, 8, 8), np.uint8), ("grey",), keys=["a", "b"])
    with pytest.raises(UsageError, match="no ground"):
        posed(pictures, [0], Poses.none(1))
    with pytest.raises(UsageError, match="no ground"):
        Subset(pictures, [0]).posed([0], Poses.none(1))
