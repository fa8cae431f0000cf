"""Worn photographs: what is changed, how far, and that a map never is."""

from __future__ import annotations

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.samples.augment import Augment, AugmentSettings
from georetrieval.samples.wear import Wear, WearSettings

BANDS = ("r", "g", "b", "sr", "sg", "sb")


def grey(count: int, value: float = 0.5, side: int = 24) -> torch.Tensor:
    return torch.full((count, 6, side, side), value)


def worn(settings: WearSettings, pixels: torch.Tensor, seed: int = 1) -> torch.Tensor:
    return Wear(settings, BANDS)(pixels, torch.Generator().manual_seed(seed))


def test_nothing_asked_nothing_done() -> None:
    pixels = torch.rand(2, 6, 8, 8)
    assert worn(WearSettings(), pixels) is pixels


def test_gamma_stays_between_its_bounds_and_keeps_the_order_of_values() -> None:
    """0.5 to the power of exp(+-1): between 0.5^e and 0.5^(1/e)."""
    values = worn(WearSettings(gamma=1.0), grey(500))[:, 0, 0, 0]
    assert values.min() >= 0.5 ** torch.e
    assert values.max() <= 0.5 ** (1 / torch.e)
    assert values.std() > 0.1
    ramp = torch.linspace(0, 1, 64).view(1, 1, 8, 8).repeat(1, 6, 1, 1)
    assert (worn(WearSettings(gamma=1.0), ramp)[0, 0].flatten().diff() >= 0).all()


def test_grain_is_no_stronger_than_asked_and_the_same_in_all_colours() -> None:
    out = worn(WearSettings(noise=0.1), grey(200))
    assert torch.equal(out[:, 0], out[:, 2])
    strengths = out[:, 0].flatten(1).std(dim=1)
    assert strengths.max() < 0.1 * 1.2  # the deviation of 576 draws
    assert strengths.mean() == pytest.approx(0.05, abs=0.01)


def test_patches_are_squares_of_one_value_on_the_asked_share_of_photos() -> None:
    out = worn(WearSettings(erase=0.3), grey(1000))
    changed = (out[:, 0] != 0.5).flatten(1).sum(dim=1)
    assert (changed > 0).float().mean() == pytest.approx(0.3, abs=0.05)
    sides = changed[changed > 0].double().sqrt()
    assert torch.equal(sides, sides.round())
    assert sides.min() >= 24 // 6
    assert sides.max() <= 24 // 2


def test_the_map_is_not_touched_and_the_same_seed_gives_the_same_wear() -> None:
    pixels, settings = torch.rand(4, 6, 16, 16), WearSettings(gamma=0.5, noise=0.1, erase=1.0)
    out = worn(settings, pixels)
    assert torch.equal(out[:, 3:], pixels[:, 3:])
    assert not torch.equal(out[:, :3], pixels[:, :3])
    assert torch.equal(out, worn(settings, pixels))
    assert not torch.equal(out, worn(settings, pixels, seed=2))
    assert out.min() >= 0
    assert out.max() <= 1


def test_augment_wears_each_member_on_its_own() -> None:
    settings = AugmentSettings(turns=False, flips=False, brightness=0, contrast=0, wear=WearSettings(noise=0.2))
    pixels = torch.rand(3, 6, 16, 16)
    first, second = Augment(settings, BANDS)(pixels, pixels.clone(), torch.Generator().manual_seed(3))
    assert not torch.equal(first[:, :3], second[:, :3])
    assert torch.equal(first[:, 3:], second[:, 3:])


@pytest.mark.parametrize("wrong", [{"gamma": -1}, {"noise": -0.1}, {"erase": 1.5}])
def test_impossible_wear_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="erase 0 to 1"):
        WearSettings(**wrong)
