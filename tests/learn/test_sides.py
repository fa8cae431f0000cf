"""Both dates of a batch: shifted together, turned apart, never over ground that is not theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from georetrieval.errors import UsageError
from georetrieval.geo.tileset import TileSet
from georetrieval.learn.relations import Pairs
from georetrieval.learn.sides import Sides
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.augment import Augment, AugmentSettings
from georetrieval.samples.campaigns import TileSamples
from georetrieval.samples.poses import GroundSettings
from tests.made.ground import PX, SIDE_M, photographed, pixels
from tests.made.tiny import WEST

BANDS = ("r", "g", "b")
STILL = {"turns": False, "flips": False, "brightness": 0.0, "contrast": 0.0}
OLD = pixels(1)
NEW = OLD // 2
"""The same land in half the light, so that pixels of one place are known by their values."""


@pytest.fixture(scope="module")
def tileset(tmp_path_factory: pytest.TempPathFactory) -> TileSet:
    return photographed(tmp_path_factory.mktemp("sides"), {"2004": OLD, "2019": NEW})


def sides_of(tileset: TileSet, tile_ids: list[str] | None = None) -> Sides:
    new, old = (TileSamples(tileset, date=date, bands=BANDS, tile_ids=tile_ids) for date in ("2019", "2004"))
    return Sides(new, old)


def positive(sides: Sides) -> Pairs:
    rows = np.arange(len(sides))
    return Pairs.of(rows, rows + len(sides), True)


def seen(sides: Sides, ground: GroundSettings | None, seed: tuple[int, ...] = (1, 0, 3)) -> tuple[torch.Tensor, ...]:
    batch = sides.pixels(positive(sides), Augment(AugmentSettings(**STILL, ground=ground), BANDS), seed)
    return tuple(torch.round(batch * 255).chunk(2))


def places(pictures: torch.Tensor, whole: np.ndarray) -> list[tuple[int, int]]:
    """Where in the whole photo each picture lies: columns and rows of its north-western pixel."""
    found = []
    for picture in pictures.numpy():
        for down, right in np.argwhere((whole[:, :-PX + 1, :-PX + 1] == picture[:, :1, :1]).all(axis=0)):
            if np.array_equal(whole[:, down:down + PX, right:right + PX], picture):
                found.append((int(right), int(down)))
    return found


def test_a_batch_is_a_shifted_grid(tileset: TileSet) -> None:
    """Every pair shows one place at two dates; all moved alike but those at the border, which stay on the ground."""
    new, old = seen(sides_of(tileset), GroundSettings(place=0.5))
    where = places(old, OLD)
    assert len(where) == 12
    assert places(new, NEW) == where
    moves = {(right % PX, down % PX) for right, down in where}
    assert moves - {(0, 0)}
    assert len({right for right, _ in moves} - {0}) == len({down for _, down in moves} - {0}) == 1


def test_members_move_on_their_own(tileset: TileSet) -> None:
    new, old = seen(sides_of(tileset), GroundSettings(shift=0.25))
    far = np.array(places(new, NEW)) - np.array(places(old, OLD))
    assert len(far) == 12
    assert 0 < np.abs(far).max() <= PX / 2
    assert len(np.unique(far, axis=0)) > 4


def test_only_the_first_members_turn_when_asked(tileset: TileSet) -> None:
    sides = sides_of(tileset)
    turned = GroundSettings(angle_deg=90, scale=(0.7, 1.4), sides="query")
    (new, old), (plain_new, plain_old) = seen(sides, turned), seen(sides, None)
    assert torch.equal(old, plain_old)
    assert all(not torch.equal(a, b) for a, b in zip(new, plain_new, strict=True))


def test_the_same_seed_gives_the_same_batch(tileset: TileSet) -> None:
    sides, far = sides_of(tileset), GroundSettings(place=0.5, shift=0.1, angle_deg=15, scale=(0.7, 1.4))
    once, again, other = (seen(sides, far, seed)[0] for seed in ((1, 2, 3), (1, 2, 3), (1, 2, 4)))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_training_never_sees_across_the_border(tileset: TileSet, tmp_path: Path) -> None:
    """The western half trains: its windows are 0 wherever they reach over, whatever the pose."""
    rows = tileset.catalogue
    west = rows.loc[rows["xmax"] <= WEST + 2 * SIDE_M, "tile_id"].tolist()
    sides = sides_of(tileset, west)
    assert len(sides) == 6
    for step in range(20):
        for right, _ in places(seen(sides, GroundSettings(place=0.5, shift=0.3), (1, 0, step))[1], OLD):
            assert right + PX <= 2 * PX
    bright = (250 - OLD // 8).astype(np.uint8)
    bright[:, :, :2 * PX] -= 150
    sides = sides_of(photographed(tmp_path, {"2004": bright, "2019": bright}), west)
    far = GroundSettings(place=0.5, shift=0.5, angle_deg=180, scale=(0.7, 1.4))
    for step in range(10):
        assert all(float(side.max()) <= 100 for side in seen(sides, far, (1, 0, step)))


def test_pictures_without_ground_are_refused() -> None:
    pictures = ArraySamples(np.zeros((2, 3, 8, 8), np.uint8), BANDS, keys=["a", "b"])
    with pytest.raises(UsageError, match=r"learn\.augment\.ground"):
        seen(Sides(pictures, pictures), GroundSettings(place=0.5))


def test_looks_lose_the_border_only(tmp_path: Path) -> None:
    """Taken at any angle and turned back, the middle of a smooth picture is what it was; the corners are not."""
    smooth = gaussian_filter(np.random.default_rng(3).normal(size=OLD.shape), (0, 6, 6))
    smooth = np.clip(128 + 60 * smooth / smooth.std(), 1, 255).astype(np.uint8)
    sides = sides_of(photographed(tmp_path, {"2004": smooth, "2019": smooth}))
    plain, _ = seen(sides, GroundSettings())
    looked, old = seen(sides, GroundSettings(looks=(1.0, 1.0)))
    assert torch.equal(plain, old)
    changed = [row for row in range(len(plain)) if not torch.equal(plain[row], looked[row])]
    assert 0 < len(changed) < len(plain)
    far = (plain - looked)[changed].abs()
    middle = slice(PX // 2 - PX // 5, PX // 2 + PX // 5)
    assert far[..., middle, middle].mean() < 3
    assert far[..., : PX // 8, : PX // 8].mean() > 10
