"""Equation 4 of the paper, worked by hand."""

from __future__ import annotations

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.fusion import (
    FLAT,
    IMAGENET_MEAN,
    IMAGENET_STD,
    Disc,
    FixedFusion,
    Normalise,
    PictureNormalise,
    StackFusion,
    fusion_matrix,
)
from georetrieval.nets.parts import PHOTO_BANDS

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


SIX, FOUR = (*RGB, "sr", "sg", "sb"), (*RGB, "sgrey")


def lacking(pixels: torch.Tensor, places: slice) -> torch.Tensor:
    """The same pixels with NaN in these bands."""
    out = pixels.clone()
    out[:, places] = torch.nan
    return out


@pytest.mark.parametrize("bands", [SIX, FOUR, ("grey", "sgrey")])
def test_a_missing_part_leaves_the_other_one_alone(bands: tuple[str, ...]) -> None:
    """Equation 4's mean of the parts that are there: exactly what the preset weights of that part alone give."""
    photo = tuple(band for band in bands if band in PHOTO_BANDS)
    pixels, cut = torch.rand(3, len(bands), 4, 4), len(photo)
    fusion = FixedFusion(bands, any_modality=True)
    assert torch.equal(fusion(lacking(pixels, slice(cut, None))), FixedFusion(photo)(pixels[:, :cut]))
    assert torch.equal(fusion(lacking(pixels, slice(0, cut))), FixedFusion(bands[cut:])(pixels[:, cut:]))
    assert torch.equal(fusion(pixels), FixedFusion(bands)(pixels))


def test_each_picture_of_a_batch_may_lack_another_part() -> None:
    pixels = torch.tensor([0.2, 0.4, 0.6, 1.0, 0.0, 0.5]).view(1, 6, 1, 1).repeat(3, 1, 1, 1)
    pixels[0, 3:], pixels[1, :3] = torch.nan, torch.nan
    fused = FixedFusion(SIX, any_modality=True)(pixels)[:, :, 0, 0]
    expected = torch.tensor([[0.2, 0.4, 0.6], [1.0, 0.0, 0.5], [0.6, 0.2, 0.55]])
    assert torch.allclose(fused, expected)


def test_missing_parts_leave_no_trace_in_the_gradients() -> None:
    fusion = FixedFusion(SIX, any_modality=True)
    fusion(lacking(torch.rand(2, 6, 4, 4), slice(3, None))).sum().backward()
    gradient = fusion.conv.weight.grad
    assert gradient is not None
    assert gradient.isfinite().all()
    assert gradient[:, 3:].abs().max() == 0, "weights of a part that is not there learn nothing"
    assert gradient[:, :3].abs().min() > 0


def test_stacked_bands_are_normalised_one_by_one() -> None:
    """Each colour at ImageNet's mean is 0, one deviation above it 1; a grey band has the mean of the three."""
    mean = torch.tensor([*IMAGENET_MEAN, sum(IMAGENET_MEAN) / 3]).view(1, 4, 1, 1)
    std = torch.tensor([*IMAGENET_STD, sum(IMAGENET_STD) / 3]).view(1, 4, 1, 1)
    stack = StackFusion(FOUR)
    assert torch.allclose(stack(mean), torch.zeros(1, 4, 1, 1), atol=1e-6)
    assert torch.allclose(stack(mean + std), torch.ones(1, 4, 1, 1), atol=1e-6)
    blue_first = StackFusion(("b", "g", "r"))
    assert torch.allclose(blue_first(mean[:, [2, 1, 0]]), torch.zeros(1, 3, 1, 1), atol=1e-6)


def test_missing_is_exactly_zero_in_the_stack() -> None:
    pixels = torch.rand(2, 6, 4, 4)
    seen = StackFusion(SIX, any_modality=True)(lacking(pixels, slice(3, None)))
    assert seen[:, 3:].abs().max() == 0
    assert torch.equal(seen[:, :3], StackFusion(SIX)(pixels)[:, :3])


def test_the_stack_refuses_the_same_bands() -> None:
    with pytest.raises(UsageError, match="not whole"):
        StackFusion(("r", "g", "sgrey"))


def test_picture_normalisation_knows_no_light_and_no_contrast() -> None:
    """a x picture + b gives what the picture gives, but for the constant added to the deviation."""
    torch.manual_seed(5)
    picture = torch.rand(2, 6, 16, 16)
    normalise = PictureNormalise(([0, 1, 2], [3, 4, 5]))
    plain, changed = normalise(picture), normalise(torch.cat([0.5 * picture[:, :3] + 0.3, picture[:, 3:]], dim=1))
    deviation = picture[:, :3].std(dim=(1, 2, 3), keepdim=True)
    factor = (0.5 * deviation / (0.5 * deviation + FLAT)) * (deviation + FLAT) / deviation
    torch.testing.assert_close(changed[:, :3], plain[:, :3] * factor, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(changed[:, 3:], plain[:, 3:])
    assert plain[:, :3].mean(dim=(1, 2, 3)).abs().max() < 1e-5
    assert normalise(torch.full((1, 6, 4, 4), 0.7)).abs().max() < 1e-4, "a flat picture stays flat"


def test_stacked_bands_normalised_by_picture_still_miss_what_is_missing() -> None:
    pixels = torch.rand(1, 6, 8, 8)
    pixels[:, 3:] = torch.nan
    stacked = StackFusion(("r", "g", "b", "sr", "sg", "sb"), any_modality=True, normalise="picture")(pixels)
    assert torch.equal(stacked[:, 3:], torch.zeros(1, 3, 8, 8))
    assert stacked[:, :3].isfinite().all()


def test_a_turned_picture_has_lost_nothing_of_its_disc() -> None:
    """Quarter turns are exact: the disc of a turned picture is the turned disc; its corners are 0."""
    picture, disc = torch.rand(1, 3, 16, 16), Disc(16)
    assert torch.equal(disc(torch.rot90(picture, 1, (2, 3))), torch.rot90(disc(picture), 1, (2, 3)))
    assert (disc(picture)[..., 0, 0] == 0).all()
    assert (disc(picture)[..., 0, 8] == picture[..., 0, 8]).all()
    assert Disc(64)(torch.ones(1, 1, 64, 64)).mean().item() == pytest.approx(torch.pi / 4, abs=0.01)
