"""What may change in a training picture, and what may not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.samples.augment import Augment, AugmentSettings
from georetrieval.samples.bend import BendSettings

BANDS = ("r", "g", "b", "sgrey")
STILL = AugmentSettings(turns=False, flips=False, shift=0, brightness=0, contrast=0)


def pictures(count: int = 16) -> torch.Tensor:
    return torch.rand(count, 4, 8, 8, generator=torch.Generator().manual_seed(5))


def changed(settings: AugmentSettings, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    return Augment(settings, BANDS)(pictures(), pictures(), torch.Generator().manual_seed(seed))


def poses(picture: torch.Tensor) -> list[torch.Tensor]:
    """The eight poses of a square."""
    turned = [torch.rot90(picture, k, dims=(1, 2)) for k in range(4)]
    return turned + [t.flip(2) for t in turned]


def test_nothing_asked_nothing_changed() -> None:
    assert torch.equal(changed(STILL)[0], pictures())


def test_turns_and_flips_are_the_same_for_both_members_and_all_bands() -> None:
    first, second = changed(AugmentSettings(brightness=0, contrast=0))
    assert torch.equal(first, second)
    pairs = zip(pictures(), first, strict=True)
    seen = {next(n for n, pose in enumerate(poses(a)) if torch.equal(pose, b)) for a, b in pairs}
    assert len(seen) > 4


def test_members_apart_when_asked() -> None:
    first, second = changed(AugmentSettings(brightness=0, contrast=0, joint=False))
    assert not torch.equal(first, second)


def test_light_changes_the_photo_only_and_each_member_on_its_own() -> None:
    first, second = changed(AugmentSettings(turns=False, flips=False, brightness=0.3, contrast=0.3, saturation=0.3))
    assert torch.equal(first[:, 3], pictures()[:, 3])
    assert not torch.allclose(first[:, :3], pictures()[:, :3], atol=0.01)
    assert not torch.allclose(first[:, :3], second[:, :3], atol=0.01)
    assert first.min() >= 0
    assert first.max() <= 1


def test_shift_moves_all_bands_by_at_most_its_share() -> None:
    first, _ = changed(AugmentSettings(turns=False, flips=False, shift=0.25, brightness=0, contrast=0))
    inner = pictures()[:, :, 2:6, 2:6]
    for before, after in zip(inner, first, strict=True):
        assert any(
            torch.equal(after[:, top : top + 4, left : left + 4], before) for top in range(5) for left in range(5)
        )


def test_same_seed_same_changes() -> None:
    settings = AugmentSettings(shift=0.2, saturation=0.2)
    assert torch.equal(changed(settings)[0], changed(settings)[0])
    assert not torch.equal(changed(settings)[0], changed(settings, seed=2)[0])


def test_pictures_alone_are_turned_scaled_and_covered() -> None:
    """A bright disc in the middle stays where it is under any turn; its area follows the scale."""
    rows, columns = np.mgrid[:41, :41] - 20
    disc = torch.from_numpy((rows**2 + columns**2 <= 100).astype(np.float32)).expand(16, 3, -1, -1)
    still = {"turns": False, "flips": False, "brightness": 0.0, "contrast": 0.0}
    turned = Augment(AugmentSettings(**still, angle_deg=180), ("r", "g", "b")).one(disc, torch.Generator())
    assert (turned - disc).abs().mean() < 0.02
    scaled = Augment(AugmentSettings(**still, scale=0.3), ("r", "g", "b")).one(disc, torch.Generator())
    areas = scaled[:, 0].sum(dim=(1, 2)) / disc[0, 0].sum()
    assert areas.min() > 1 / 1.3**2 * 0.95
    assert areas.max() < 1 / 0.7**2 * 1.05
    assert areas.std() > 0.1


def test_covered_rectangles_hold_the_mean_colour() -> None:
    pixels = torch.rand(32, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    still = {"turns": False, "flips": False, "brightness": 0.0, "contrast": 0.0}
    covered = Augment(AugmentSettings(**still, erase=0.5), ("r", "g", "b")).one(pixels, torch.Generator())
    changed = (covered != pixels).any(dim=1)
    shares = changed.float().mean(dim=(1, 2))
    assert 8 <= int((shares > 0).sum()) <= 24
    assert 0.08 < float(shares[shares > 0].min()) <= float(shares.max()) < 0.36
    for picture, before, where in zip(covered, pixels, changed, strict=True):
        if where.any():
            assert torch.allclose(picture[:, where], before.mean(dim=(1, 2))[:, None].expand(-1, int(where.sum())))


def test_settings_that_came_later_are_named_only_when_used() -> None:
    assert "erase" not in AugmentSettings().as_dict()
    assert AugmentSettings(erase=0.1).as_dict()["erase"] == 0.1


def test_tints_change_each_band_by_itself_and_black_stays_black() -> None:
    flat = torch.full((40, 4, 6, 6), 0.5)
    flat[:, :, 0] = 0
    found = Augment(AugmentSettings(turns=False, flips=False, brightness=0, contrast=0, tint=0.3), BANDS).one(
        flat, torch.Generator().manual_seed(1))
    factors = found[:, :3, 3, 3] / 0.5
    assert 0.7 <= float(factors.min()) < 0.75
    assert 1.25 < float(factors.max()) <= 1.3
    assert float((factors[:, 0] - factors[:, 1]).abs().mean()) > 0.05
    assert torch.equal(found[:, :3, 0], flat[:, :3, 0])
    assert torch.equal(found[:, 3], flat[:, 3])  # the map has no tint


def test_pictures_from_farther_away_have_less_detail_and_the_same_mean() -> None:
    fine = (torch.arange(32) % 2).float().expand(60, 4, 32, 32).clone()
    found = Augment(AugmentSettings(turns=False, flips=False, brightness=0, contrast=0, far=0.5), BANDS).one(
        fine, torch.Generator().manual_seed(2))
    detail = found.std(dim=(1, 2, 3))
    kept = detail == fine.std(dim=(1, 2, 3))
    assert 15 < int(kept.sum()) < 45
    assert float(detail[~kept].max()) < 0.3
    torch.testing.assert_close(found.mean(dim=(1, 2, 3)), torch.full((60,), 0.5), atol=0.02, rtol=0)


def test_bending_moves_ink_by_about_as_much_as_asked_and_each_picture_by_itself() -> None:
    """A bright dot in the middle of 33 x 33 px, of one knot per 4 px: its mean place moves by a normal deviate."""
    dots = torch.zeros(400, 1, 33, 33)
    dots[:, :, 15:18, 15:18] = 1
    settings = AugmentSettings(turns=False, flips=False, brightness=0, contrast=0, bend=BendSettings(by=0.06, knots=9))
    out = Augment(settings, ("grey",)).one(dots, torch.Generator().manual_seed(2))[:, 0]
    columns = (out.sum(dim=1) * torch.arange(33.0)).sum(dim=1) / out.sum(dim=(1, 2)) - 16
    assert abs(columns.mean()) < 0.3
    assert 0.6 * 0.06 * 33 < columns.std() < 1.3 * 0.06 * 33


def test_all_bands_bend_alike_and_the_same_seed_bends_alike() -> None:
    settings = AugmentSettings(turns=False, flips=False, brightness=0, contrast=0, bend=BendSettings(by=0.05))
    picture = torch.rand(3, 1, 16, 16).expand(-1, 3, -1, -1)
    first, again = (Augment(settings, ("r", "g", "b")).one(picture, torch.Generator().manual_seed(4)) for _ in "ab")
    assert torch.equal(first, again)
    assert not torch.allclose(first, picture, atol=0.01)
    assert torch.allclose(first[:, 0], first[:, 2])
    assert first.min() >= 0
    assert first.max() <= 1


def test_maps_are_not_bent_and_impossible_bends_are_refused() -> None:
    with pytest.raises(UsageError, match="Bands of a map cannot be bent"):
        Augment(AugmentSettings(bend=BendSettings(by=0.01)), BANDS)
    for wrong in ({"by": 0.3}, {"by": -0.1}, {"knots": 2}):
        with pytest.raises(UsageError, match="knots, found"):
            BendSettings(**wrong)


def test_settings_without_a_bend_are_told_as_before_it_was_there() -> None:
    assert "bend" not in AugmentSettings().as_dict()
    assert AugmentSettings(bend=BendSettings(0.01, 5)).as_dict()["bend"] == {"by": 0.01, "knots": 5}
