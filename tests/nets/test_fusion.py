"""Equation 4 of the paper, worked by hand."""

from __future__ import annotations

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.fusion import IMAGENET_MEAN, IMAGENET_STD, FixedFusion, Normalise, fusion_matrix

RGB = ("r", "g", "b")


def test_four_bands_are_half_colour_half_grey() -> None:
    pixels = torch.tensor([0.2, 0.4, 0.6, 1.0]).view(1, 4, 1, 1)
    assert FixedFusion((*RGB, "sgrey"))(pixels).flatten().tolist() == pytest.approx([0.6, 0.7, 0.8])


def test_six_bands_are_half_photo_half_map() -> None:
    pixels = torch.tensor([0.2, 0.4, 0.6, 1.0, 0.0, 0.5]).view(1, 6, 1, 1)
    assert FixedFusion((*RGB, "sr", "sg", "sb"))(pixels).flatten().tolist() == pytest.approx([0.6, 0.2, 0.55])


@pytest.mark.parametrize("bands", [RGB, ("sr", "sg", "sb")])
def test_three_bands_stay(bands: tuple[str, ...]) -> None:
    assert torch.equal(fusion_matrix(bands), torch.eye(3))


def test_grey_alone_is_repeated() -> None:
    assert fusion_matrix(("sgrey",)).tolist() == [[1.0], [1.0], [1.0]]


def test_bands_are_known_by_name_not_by_place() -> None:
    pixels = torch.tensor([1.0, 0.6, 0.4, 0.2]).view(1, 4, 1, 1)
    assert FixedFusion(("sgrey", "b", "g", "r"))(pixels).flatten().tolist() == pytest.approx([0.6, 0.7, 0.8])


@pytest.mark.parametrize("bands", [(), ("r", "g"), ("r", "r", "b"), ("r", "g", "b", "grey"), ("classes",), ("nir",)])
def test_bands_that_make_no_colour(bands: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        fusion_matrix(bands)


@pytest.mark.parametrize("trainable", [True, False])
def test_trained_or_kept(trainable: bool) -> None:
    fusion = FixedFusion((*RGB, "sgrey"), trainable=trainable)
    assert [p.requires_grad for p in fusion.parameters()] == [trainable]
    assert fusion.conv.bias is None


def test_imagenet_mean_becomes_zero_and_one_deviation_one() -> None:
    mean = torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1)
    std = torch.tensor(IMAGENET_STD).view(1, 3, 1, 1)
    assert torch.allclose(Normalise()(mean), torch.zeros(1, 3, 1, 1))
    assert torch.allclose(Normalise()(mean + std), torch.ones(1, 3, 1, 1), atol=1e-6)
