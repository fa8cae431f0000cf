"""Baselines: what they must and must not see."""

from __future__ import annotations

import pytest
import torch

from georetrieval.nets.baselines import (
    AllPoolings,
    ClassShareEmbedder,
    HogEmbedder,
    pooled_features,
    pooled_trunk,
)

torch.set_num_threads(1)


def unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.norm(dim=1, keepdim=True)


def test_hog_length_and_blindness_to_light() -> None:
    """8 x 8 cells of 16 px, 7 x 7 blocks of 2 x 2 cells, 9 bins; brighter light changes nothing."""
    grey = torch.rand(1, 1, 256, 256, generator=torch.Generator().manual_seed(0))
    vectors = HogEmbedder()(torch.cat([grey, grey * 0.5]), ("grey",))
    assert vectors.shape == (2, 7 * 7 * 4 * 9)
    assert float(unit(vectors)[0] @ unit(vectors)[1]) == pytest.approx(1, abs=1e-3)


def test_hog_sees_direction() -> None:
    rows = torch.arange(128) // 8 % 2
    stripes = rows[:, None].expand(128, 128).float()
    vectors = unit(HogEmbedder()(torch.stack([stripes[None], stripes.T[None]]), ("grey",)))
    assert float(vectors[0] @ vectors[1]) < 0.2


def test_class_shares_by_hand() -> None:
    """A tile whose left half is class 3 and right half is nothing, in 2 x 2 squares."""
    codes = torch.zeros(1, 1, 32, 32)
    codes[..., :16] = 3 / 255
    shares = ClassShareEmbedder(classes=3, squares=2)(codes, ("classes",))[0].view(4, 2, 2)
    assert shares[3].tolist() == [[1, 0], [1, 0]]
    assert shares[0].tolist() == [[0, 1], [0, 1]]
    assert shares[1].abs().sum() == shares[2].abs().sum() == 0
    assert ClassShareEmbedder(classes=3, squares=2, nothing=False)(codes, ("classes",)).shape == (1, 12)


def test_every_byte_is_read_back_as_its_code() -> None:
    codes = torch.arange(13).view(1, 1, 13, 1).expand(1, 1, 13, 13).float() / 255
    shares = ClassShareEmbedder(classes=12, squares=1)(codes, ("classes",))[0]
    assert torch.allclose(shares, torch.full((13,), 1 / 13), atol=1e-6)


def test_untrained_trunk_is_the_same_every_time_and_leaves_chance_alone() -> None:
    state = torch.get_rng_state()
    one, two = (pooled_trunk("resnet10t", ("r", "g", "b"), 64) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert one.fingerprint() == two.fingerprint()
    assert one(torch.rand(2, 3, 64, 64), ("r", "g", "b")).shape == (2, 512)
    assert pooled_trunk("resnet10t", ("r", "g", "b"), 64, seed=2).fingerprint() != one.fingerprint()


def test_three_poolings_by_hand() -> None:
    """A channel of 1, 3, 5, 3: greatest 5, mean 3, power mean of power 3: ((1 + 27 + 125 + 27) / 4) ** (1 / 3)."""
    features = torch.tensor([[[[1.0, 3.0], [5.0, 3.0]], [[2.0, 2.0], [2.0, 2.0]]]])
    wanted = torch.tensor([[5, 2, 3, 2, 45 ** (1 / 3), 2]])
    assert torch.allclose(AllPoolings()(features), wanted)
    assert AllPoolings()(features.bfloat16()).dtype is torch.float32


def test_one_picture_gives_all_poolings_in_their_order() -> None:
    bands = ("r", "g", "b")
    eye = pooled_features("resnet10t", bands, 64)
    pixels = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    parts = eye(pixels, bands).split(eye.channels, dim=1)
    assert [part.shape for part in parts] == [(4, 512)] * 3
    greatest, mean, gem = parts
    assert (greatest.clamp(min=1e-6) >= gem - 1e-5).all()
    assert (gem >= mean - 1e-5).all()
    assert eye.fingerprint()["poolings"] == ["max", "avg", "gem"]


def test_random_weights_depend_on_the_seed_alone() -> None:
    """One trunk for photo, map and both: a map of the photo's own colours is seen as the photo is."""
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    state = torch.get_rng_state()
    photo = pooled_features("resnet10t", ("r", "g", "b"), 64)(pixels, ("r", "g", "b"))
    plan = pooled_features("resnet10t", ("sr", "sg", "sb"), 64)(pixels, ("sr", "sg", "sb"))
    six = ("r", "g", "b", "sr", "sg", "sb")
    both = pooled_features("resnet10t", six, 64)(torch.cat([pixels, pixels], dim=1), six)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(photo, plan)
    assert torch.allclose(photo, both, rtol=0.05, atol=0.02)
    other = pooled_features("resnet10t", ("r", "g", "b"), 64, seed=2)(pixels, ("r", "g", "b"))
    assert not torch.allclose(photo, other, rtol=0.05, atol=0.02)
