"""The first layer: photo and map bands become one picture of three bands, or are stacked; ImageNet's normalisation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from georetrieval.errors import UsageError
from georetrieval.nets.parts import MAP_BANDS, PHOTO_BANDS, parts_of, there, zeroed

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation of red, green, blue over ImageNet's training images, 0..1.
*Source*: the pretrained models of torchvision; the trunks of timm's ResNets use the same."""

FLAT = 0.02
"""Added to a picture's deviation, of values 0..1: five grey levels, so that what is flat stays flat."""

_COLOUR_OF = {"r": 0, "g": 1, "b": 2, "sr": 0, "sg": 1, "sb": 2}
_GREYS = {"grey", "sgrey"}


def fusion_matrix(bands: Sequence[str]) -> Tensor:
    """The preset weights `(3, len(bands))` of the first layer.

    Four bands `r g b sgrey`: each colour is 0.5 x itself + 0.5 x the grey of the map. Six bands `r g b sr sg sb`:
    0.5 x photo + 0.5 x map. Photo only or map only: the bands as they are. In general each output colour is the mean
    of its parts, photo and map, that are there.

    *Source*: papers/002, equation 4.

    Raises
    ------
    UsageError
        For bands that no colour can be made of.
    """
    photo = [band for band in bands if band in PHOTO_BANDS]
    semantic = [band for band in bands if band in MAP_BANDS]
    if len(photo) + len(semantic) != len(bands) or not bands or len(set(bands)) != len(bands):
        raise UsageError(
            f"The bands {', '.join(bands)} cannot be fused; use r g b (or grey) for the photo and sr sg sb (or sgrey) "
            "for the map, each once."
        )
    for part in (photo, semantic):
        if len(part) not in (0, 3) and not (len(part) == 1 and part[0] in _GREYS):
            raise UsageError(f"The bands {', '.join(part)} are not whole; give all three colours or the grey alone.")
    weight = 1.0 / (bool(photo) + bool(semantic))
    matrix = torch.zeros(3, len(bands))
    for place, band in enumerate(bands):
        if band in _GREYS:
            matrix[:, place] = weight
        else:
            matrix[_COLOUR_OF[band], place] = weight
    return matrix


class FixedFusion(nn.Module):
    """A 1x1 convolution to three bands, no bias, no activation, with preset weights.

    Parameters
    ----------
    bands
        Names of the input bands, in the order of the channels.
    trainable
        True trains the weights with the whole network (the paper); False keeps them as preset.
    any_modality
        Pictures may lack the photo or the map (see `nets.parts`): the output is the mean of the parts that are there,
        so that with the preset weights a picture of one part comes out as the preset weights of that part alone give.

    *Source*: papers/002, section 4 and equation 4.
    """

    def __init__(self, bands: Sequence[str], *, trainable: bool = True, any_modality: bool = False) -> None:
        super().__init__()
        matrix = fusion_matrix(bands)
        self.parts = parts_of(bands) if any_modality else ()
        self.channels = 3
        self.conv = nn.Conv2d(len(bands), 3, kernel_size=1, bias=False)
        self.conv.weight = nn.Parameter(matrix[:, :, None, None], requires_grad=trainable)

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, H, W)` -> `(b, 3, H, W)`, 0..1 as long as the weights are the preset ones."""
        if not self.parts:
            fused: Tensor = self.conv(pixels)
            return fused
        has = there(pixels, self.parts)
        fused = self.conv(zeroed(pixels, self.parts, has))
        share = has.sum(dim=1).clamp(min=1).to(fused.dtype) / len(self.parts)
        return fused / share[:, None, None, None]


class StackFusion(nn.Module):
    """No reduction: every band goes to the trunk, normalised; a part that is missing is 0 after the normalisation.

    Parameters
    ----------
    bands
        As in `FixedFusion`.
    any_modality
        Pictures may lack the photo or the map, see `nets.parts`.

    Notes
    -----
    Photo and map are normalised with ImageNet's mean and deviation of their colour, a grey band with the mean of the
    three; or each part of a picture by its own; or not at all.
    """

    def __init__(self, bands: Sequence[str], *, any_modality: bool = False, normalise: str = "imagenet") -> None:
        super().__init__()
        fusion_matrix(bands)  # the same bands are refused
        self.parts = parts_of(bands) if any_modality else ()
        self.channels = len(bands)
        self.own = PictureNormalise(parts_of(bands)) if normalise == "picture" else None
        self.plain = normalise == "none"
        self.mean: Tensor
        self.std: Tensor
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            each = [sum(values) / 3 if band in _GREYS else values[_COLOUR_OF[band]] for band in bands]
            self.register_buffer(name, torch.tensor(each).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, H, W)` of 0..1 -> the same shape, normalised."""
        if self.plain:
            return zeroed(pixels, self.parts, there(pixels, self.parts)) if self.parts else pixels
        normal: Tensor = (pixels - self.mean) / self.std if self.own is None else self.own(pixels)
        return zeroed(normal, self.parts, there(pixels, self.parts)) if self.parts else normal


class Normalise(nn.Module):
    """Subtract ImageNet's mean and divide by its standard deviation; comes after the fusion."""

    def __init__(self) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        normal: Tensor = (pixels - self.mean) / self.std
        return normal


class PictureNormalise(nn.Module):
    """Each part of each picture is given mean 0 and deviation 1, over its bands and places together.

    Light and contrast of a film then say nothing, colours and structure remain.

    Parameters
    ----------
    parts
        Channels of each part, see `nets.parts.parts_of`.
    """

    def __init__(self, parts: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.parts = [list(part) for part in parts]

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, H, W)` -> the same shape and type."""
        out = torch.empty_like(pixels)
        for part in self.parts:
            values = pixels[:, part].float()
            deviation, mean = torch.std_mean(values, dim=(1, 2, 3), keepdim=True)
            out[:, part] = ((values - mean) / (deviation + FLAT)).to(pixels.dtype)
        return out


class Disc(nn.Module):
    """Nothing but the disc inside a normalised picture is kept; what lies outside becomes 0, the mean.

    Parameters
    ----------
    px
        Side of the picture.
    """

    def __init__(self, px: int) -> None:
        super().__init__()
        self.inside: Tensor
        off = torch.arange(px) - (px - 1) / 2
        self.register_buffer("inside", (off[:, None].square() + off.square() <= (px / 2) ** 2).float(),
                             persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, px, px)` -> the same shape and type."""
        kept: Tensor = pixels * self.inside.to(pixels.dtype)
        return kept
