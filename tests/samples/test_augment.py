"""What may change in a training picture, and what may not."""

from __future__ import annotations

import torch

from georetrieval.samples.augment import Augment, AugmentSettings

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
