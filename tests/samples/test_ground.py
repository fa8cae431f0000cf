"""Windows of stitched tiles: copies where they can be, turns and scales that geometry tells, no ground invented."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.ground import Ground
from tests.made.ground import EAST, NORTH, PX, SIDE_M, photographed, pixels, with_classes
from tests.made.tiny import SOUTH, WEST

WHOLE = pixels(1)
M_PER_PX = SIDE_M / PX
MIDDLE = (WEST + 2 * SIDE_M, SOUTH + 1.5 * SIDE_M)


@pytest.fixture(scope="module")
def tileset(tmp_path_factory: pytest.TempPathFactory) -> TileSet:
    return photographed(tmp_path_factory.mktemp("ground"), {"2004": WHOLE})


@pytest.fixture(scope="module")
def ground(tileset: TileSet) -> Ground:
    return Ground(tileset, "57", "2004")


def test_the_photo_is_cut_pixel_by_pixel(tileset: TileSet) -> None:
    """What the other tests rely on: a tile is a square of the picture, byte by byte."""
    tile = tileset.tile(f"57-2004-E0{WEST}N{SOUTH}-100")
    assert np.array_equal(tile.pixels, WHOLE[:, -PX:, :PX])


def test_a_window_on_a_tile_is_the_tile(tileset: TileSet, ground: Ground) -> None:
    assert ground.bounds == (WEST, SOUTH, EAST, NORTH)
    for row in tileset.catalogue.itertuples():
        pixels_, share = ground.window(((row.xmin + row.xmax) / 2, (row.ymin + row.ymax) / 2))
        assert np.array_equal(pixels_, tileset.tile(row.tile_id).pixels)
        assert share == 1


@pytest.mark.parametrize(("right", "down"), [(16, 0), (0, 16), (16, 16), (1, 5), (63, 31), (96, 64)])
def test_a_whole_number_of_pixels_is_a_copy(ground: Ground, right: int, down: int) -> None:
    centre = (WEST + (right + PX / 2) * M_PER_PX, NORTH - (down + PX / 2) * M_PER_PX)
    assert np.array_equal(ground.window(centre)[0], WHOLE[:, down:down + PX, right:right + PX])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_those_of_the_picture_counter_clockwise(ground: Ground, quarters: int) -> None:
    upright, _ = ground.window(MIDDLE)
    turned, share = ground.window(MIDDLE, angle_deg=90 * quarters)
    assert np.array_equal(turned, np.rot90(upright, quarters, axes=(1, 2)))
    assert share == 1


def test_a_window_of_twice_the_side_sees_every_second_corner_of_four_pixels(ground: Ground) -> None:
    """Middles of its pixels lie where four pixels meet: the mean of the four."""
    seen, _ = ground.window((WEST + 2 * SIDE_M, NORTH - SIDE_M), scale=2)
    square = WHOLE[:, :2 * PX, PX:3 * PX].astype(float)
    four = (square[:, ::2, ::2] + square[:, 1::2, ::2] + square[:, ::2, 1::2] + square[:, 1::2, 1::2]) / 4
    assert np.abs(seen - four).max() <= 0.51


def test_half_a_pixel_is_the_mean_of_two(ground: Ground) -> None:
    seen, _ = ground.window((WEST + (PX / 2 + 10.5) * M_PER_PX, NORTH - PX / 2 * M_PER_PX))
    two = (WHOLE[:, :PX, 10:10 + PX].astype(float) + WHOLE[:, :PX, 11:11 + PX]) / 2
    assert np.abs(seen - two).max() <= 0.51


def test_a_turn_keeps_the_middle_and_moves_the_rest_on_circles(tmp_path_factory: pytest.TempPathFactory) -> None:
    """One bright square 12 pixels east of the centre is found 12 pixels away, 30 degrees above the east."""
    dark = np.full_like(WHOLE, 40)
    dark[:, 46:50, 74:78] = 200  # its middle is 12 pixels right of (64, 48), the frame's middle
    ground = Ground(photographed(tmp_path_factory.mktemp("dot"), {"2004": dark}), "57", "2004")
    seen = ground.window(MIDDLE, angle_deg=30, scale=0.8)[0][0] > 120
    down, right = (np.argwhere(seen) + 0.5 - PX / 2).mean(axis=0)
    far = 12 / 0.8
    assert (right, down) == pytest.approx((far * np.cos(np.pi / 6), -far * np.sin(np.pi / 6)), abs=0.3)


def test_many_windows_are_the_single_ones(ground: Ground) -> None:
    random = np.random.default_rng(3)
    centres = random.uniform((WEST - 50, SOUTH - 50), (EAST + 50, NORTH + 50), (150, 2))
    angles, scales = random.uniform(-180, 180, 150), random.uniform(0.7, 1.4, 150)
    angles[::3], scales[::3] = 0, 1
    many, shares = ground.windows(centres, angles, scales)
    for i in range(0, 150, 7):
        one, share = ground.window((centres[i, 0], centres[i, 1]), angles[i], scales[i])
        assert np.abs(one.astype(int) - many[i]).max() <= 1  # patches of another size round otherwise
        assert share == shares[i]
    assert np.array_equal(shares, ground.shares(centres, angles, scales))


def test_only_given_tiles_are_known(tileset: TileSet) -> None:
    rows = tileset.catalogue
    west = Ground(tileset, "57", "2004", rows.loc[rows["xmax"] <= WEST + 2 * SIDE_M, "tile_id"].tolist())
    seen, share = west.window((WEST + 2 * SIDE_M, SOUTH + 0.5 * SIDE_M))
    assert share == 0.5
    assert np.array_equal(seen[:, :, :16], WHOLE[:, -PX:, 48:64])
    assert not seen[:, :, 16:].any()
    assert west.window((WEST + 3 * SIDE_M, SOUTH + SIDE_M), 20)[1] == 0
    _, share = west.window((WEST + 2 * SIDE_M, NORTH), angle_deg=45)
    assert share == pytest.approx(0.25, abs=0.02)


def test_whole_windows_are_those_without_a_missing_pixel(tmp_path_factory: pytest.TempPathFactory) -> None:
    holed = WHOLE.copy()
    holed[:, PX:2 * PX, PX:2 * PX] = 0
    ground = Ground(photographed(tmp_path_factory.mktemp("whole"), {"2004": holed}), "57", "2004")
    assert len(ground.cells) == 11
    assert ground.known(ground.cells[:, 0], ground.cells[:, 1]).all()
    random = np.random.default_rng(5)
    places = random.uniform((WEST, SOUTH), (EAST, NORTH), (600, 2))
    poses = random.uniform(-180, 180, 600), random.uniform(0.2, 1.0, 600)
    whole = ground.whole(places, *poses)
    assert 50 < whole.sum() < 550
    assert np.array_equal(whole, ground.shares(places, *poses) == 1)


def test_blank_tiles_are_unknown(tmp_path_factory: pytest.TempPathFactory) -> None:
    holed = WHOLE.copy()
    holed[:, PX:2 * PX, PX:2 * PX] = 0
    ground = Ground(photographed(tmp_path_factory.mktemp("hole"), {"2004": holed}), "57", "2004")
    centre = (WEST + 1.5 * SIDE_M, SOUTH + 1.5 * SIDE_M)
    assert ground.window(centre)[1] == 0
    assert ground.window((centre[0] + SIDE_M / 2, centre[1] + SIDE_M / 2))[1] == 0.75


def test_class_codes_are_never_mixed(tmp_path_factory: pytest.TempPathFactory) -> None:
    ground = Ground(with_classes(tmp_path_factory.mktemp("classes")), "57", "2004")
    assert ground.bands == ("r", "g", "b", "classes")
    upright, _ = ground.window((WEST + 500, SOUTH + 500), scale=1.9)
    turned, _ = ground.window((WEST + 500, SOUTH + 500), angle_deg=33, scale=0.77)
    held = set(np.unique(upright[3]).tolist())
    assert len(held) >= 3
    assert set(np.unique(turned[3]).tolist()) <= held


def test_what_is_not_there(tileset: TileSet) -> None:
    with pytest.raises(InputError, match="57 1999"):
        Ground(tileset, "57", "1999")
    with pytest.raises(InputError, match="No tile"):
        Ground(tileset, "57", "2004", ["nothing"])
