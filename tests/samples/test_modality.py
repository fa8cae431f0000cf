"""Photos turned to grey, parts left out."""

from __future__ import annotations

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.samples.augment import Augment, AugmentSettings
from georetrieval.samples.modality import DropSettings, Modality

BANDS = ("r", "g", "b", "sr", "sg", "sb")
MANY = 2000


def drawn(modality: Modality, seed: int = 3) -> torch.Tensor:
    return modality(torch.full((MANY, 6, 1, 1), 0.5), torch.Generator().manual_seed(seed))


def test_parts_are_left_out_as_often_as_asked_and_never_both() -> None:
    """2,000 draws: a share of 0.15 or 0.25 is met within four standard deviations (0.032 and 0.039)."""
    missing = drawn(Modality(BANDS, drop=DropSettings(photo=0.15, map=0.25))).isnan()[:, :, 0, 0]
    photo, semantic = missing[:, :3], missing[:, 3:]
    assert photo.any(dim=1).equal(photo.all(dim=1))
    assert semantic.any(dim=1).equal(semantic.all(dim=1))
    assert not missing.all(dim=1).any()
    assert abs(photo[:, 0].float().mean().item() - 0.15) < 0.032
    assert abs(semantic[:, 0].float().mean().item() - 0.25) < 0.039


def test_with_shares_of_one_in_all_one_part_stays() -> None:
    missing = drawn(Modality(BANDS, drop=DropSettings(photo=0.3, map=0.7))).isnan()[:, :, 0, 0]
    assert (missing.sum(dim=1) == 3).all()


def test_what_is_missing_is_missing_everywhere_and_the_rest_is_untouched() -> None:
    pixels = torch.rand(4, 6, 5, 5)
    left = Modality(BANDS, drop=DropSettings(photo=0.0, map=1.0))(pixels, torch.Generator().manual_seed(1))
    assert left[:, 3:].isnan().all()
    assert torch.equal(left[:, :3], pixels[:, :3])
    assert pixels.isfinite().all(), "what was given is not changed"


def test_grey_is_luma_in_all_three_bands_of_the_photo_alone() -> None:
    pixels = torch.tensor([1.0, 0.5, 0.0, 0.3, 0.2, 0.1]).view(1, 6, 1, 1)
    grey = Modality(BANDS, grey=1.0)(pixels, torch.Generator()).flatten().tolist()
    assert grey == pytest.approx([0.299 + 0.587 / 2] * 3 + [0.3, 0.2, 0.1])
    some = Modality(BANDS, grey=0.5)(pixels.repeat(MANY, 1, 1, 1), torch.Generator().manual_seed(1))
    assert abs((some[:, 0, 0, 0] < 1).float().mean().item() - 0.5) < 0.045


def test_members_of_a_pair_draw_on_their_own_and_again_the_same() -> None:
    augment = Augment(AugmentSettings(grey=0.4, drop=DropSettings(photo=0.3, map=0.3)), BANDS)
    pixels = torch.rand(64, 6, 4, 4)

    def once() -> tuple[torch.Tensor, torch.Tensor]:
        return augment(pixels, pixels, torch.Generator().manual_seed(9))

    first, second = once()
    assert not torch.equal(first.isnan(), second.isnan())
    assert torch.equal(once()[0].nan_to_num(7), first.nan_to_num(7))
    assert torch.equal(once()[1].nan_to_num(7), second.nan_to_num(7))


def test_refusals() -> None:
    with pytest.raises(UsageError, match="at most 1"):
        DropSettings(photo=0.6, map=0.6)
    with pytest.raises(UsageError, match="photo and of the map"):
        Modality(("r", "g", "b"), drop=DropSettings())
