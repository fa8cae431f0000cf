"""Baselines: what they must and must not see."""

from __future__ import annotations

import pytest
import torch

from georetrieval.nets.baselines import ClassShareEmbedder, HogEmbedder, pooled_trunk

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
