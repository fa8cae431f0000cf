"""Pictures and masks of a scope that are moved together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.mask_lessons import MaskLessons
from georetrieval.learn.moving import MovedSettings, moved
from tests.learn.test_mask_lessons import world


def dots(count: int = 4) -> torch.Tensor:
    """A bright square right of the middle of 32 x 32 px."""
    pixels = torch.zeros(count, 3, 32, 32)
    pixels[:, :, 14:18, 20:24] = 1
    return pixels


def places(pixels: torch.Tensor) -> np.ndarray:
    """`(n, 2)` mean row and column of the light."""
    light = pixels[:, 0].double()
    along = torch.arange(32.0, dtype=torch.float64)
    total = light.sum(dim=(1, 2))
    return torch.stack([(light.sum(dim=2) * along).sum(dim=1) / total,
                        (light.sum(dim=1) * along).sum(dim=1) / total], dim=1).numpy()


def test_rows_of_one_scope_move_alike_and_others_do_not() -> None:
    settings = MovedSettings(shift=0.2)
    found = places(moved(dots(), ["a", "b", "a", "b"], settings, np.random.default_rng(3)))
    np.testing.assert_allclose(found[0], found[2], atol=1e-6)
    np.testing.assert_allclose(found[1], found[3], atol=1e-6)
    assert np.abs(found[0] - found[1]).max() > 0.5


def test_no_farther_than_asked() -> None:
    names = [str(n) for n in range(200)]
    found = places(moved(dots(200), names, MovedSettings(shift=0.1), np.random.default_rng(4))) - (15.5, 21.5)
    assert np.abs(found).max() < 0.1 * 32 + 0.01
    assert np.abs(found).max() > 0.08 * 32


def test_half_of_the_scopes_are_seen_in_a_mirror() -> None:
    names = [str(n) for n in range(200)]
    columns = places(moved(dots(200), names, MovedSettings(flips=True), np.random.default_rng(5)))[:, 1]
    assert set(np.round(columns, 3)) == {9.5, 21.5}
    assert 0.35 < (columns == 9.5).mean() < 0.65


def test_turns_keep_the_distance_from_the_middle() -> None:
    names = [str(n) for n in range(50)]
    found = places(moved(dots(50), names, MovedSettings(angle_deg=90), np.random.default_rng(6))) - 15.5
    np.testing.assert_allclose(np.hypot(*found.T), 6.0, atol=0.1)
    assert found[:, 0].std() > 2


def test_a_mask_stays_where_its_scopes_pictures_show_the_bar() -> None:
    """In this world the bar of a picture is white wherever the mask of its key is."""
    images, masks = world()
    lessons = MaskLessons(images, masks, None, batch=12, scopes=2,
                          moves=MovedSettings(flips=True, shift=0.15, angle_deg=20, scale=0.2))
    batch = next(iter(lessons.epoch(1, 0, None)))
    pixels = lessons.pixels(batch, None, (1, 0, 0))
    still = MaskLessons(images, masks, None, batch=12, scopes=2).pixels(batch, None, (1, 0, 0))
    assert (pixels - still).abs().mean() > 0.01
    for first, second, same in zip(batch.pairs.first, batch.pairs.second, batch.pairs.positive, strict=True):
        mask = pixels[second][0] > 0.9
        if same:
            assert (pixels[first][0][mask] > 0.85).all()
        else:
            assert (pixels[first][0][mask] < 0.85).any()
    assert torch.equal(pixels, lessons.pixels(batch, None, (1, 0, 0)))


def test_the_moves_are_part_of_what_a_training_is_known_by() -> None:
    images, masks = world()
    plain, other = (MaskLessons(images, masks, None, batch=12, moves=moves) for moves in
                    (None, MovedSettings(shift=0.1)))
    assert plain.identity() != other.identity()


@pytest.mark.parametrize("wrong", [{"shift": 0.6}, {"angle_deg": 200}, {"scale": -0.1}])
def test_impossible_moves_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="Scopes are moved by"):
        MovedSettings(**wrong)
