"""Changes of training pictures: the same turn for both members of a pair, own light and own shift for each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as v2

from georetrieval.errors import UsageError
from georetrieval.samples.bands import PHOTO, SEMANTIC
from georetrieval.samples.bend import BendSettings, bent
from georetrieval.samples.modality import DropSettings, Modality
from georetrieval.samples.poses import GroundSettings
from georetrieval.samples.views import turned
from georetrieval.samples.wear import Wear, WearSettings


@dataclass(frozen=True)
class AugmentSettings:
    """How far training pictures are changed.

    Attributes
    ----------
    turns, flips
        Random quarter turns and mirror images of all bands.
    joint
        The same turn and flip for both members of a pair; False draws them apart.
    shift
        Largest shift as a share of the side, each member its own; the border is repeated.
    brightness, contrast
        Photo bands are multiplied by 1 +- brightness and spread around their mean by 1 +- contrast.
    saturation
        Colours of the photo are spread around its grey by 1 +- saturation.
    grey, drop
        How often a member's photo is turned to grey, and how often it lacks its photo or its map: see `Modality`.
    wear
        Gradation, grain and patches of the photo, see `Wear`; None leaves them out.
    ground
        How far the windows move, turn and scale over the ground around their tiles, before everything else; None keeps
        them on their tiles.
    angle_deg, scale
        Each picture is turned by at most so many degrees, and what is seen of it scaled by at most 1 +- scale, before
        the shift; beyond the border is its mirror image.
    erase
        How often a rectangle of a tenth to a third of the picture's area is covered by its mean colour, 0..1.
    tint
        Each photo band is multiplied by its own 1 +- tint: cameras that show white otherwise.
    far
        How often a picture is made smaller by `FAR` and large again, 0..1: a thing seen from farther away.
    bend
        Pictures are bent like rubber, see `BendSettings`; None leaves them stiff. Not for bands of a map.
    """

    turns: bool = True
    flips: bool = True
    joint: bool = True
    shift: float = 0.0
    brightness: float = 0.2
    contrast: float = 0.2
    saturation: float = 0.0
    grey: float = 0.0
    drop: DropSettings | None = None
    wear: WearSettings | None = None
    ground: GroundSettings | None = None
    angle_deg: float = 0.0
    scale: float = 0.0
    erase: float = 0.0
    tint: float = 0.0
    far: float = 0.0
    bend: BendSettings | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; what came later is left out while it has its default, so that older states stay valid."""
        return {name: value for name, value in asdict(self).items() if name not in _LATER or value}


_LATER = ("angle_deg", "scale", "erase", "tint", "far", "bend")

ERASED = (0.1, 0.33)
"""Least and largest share of a picture that `erase` covers; sides differ by at most a factor of 2 each way.
*Source*: after Zhong et al., Random Erasing, AAAI 2020, section 3 (here at most a third)."""

FAR = (0.3, 0.8)
"""Smallest and largest side of what `far` leaves of a picture. The pictures of a batch that it takes share one."""


class Augment:
    """Change a batch of pairs; the same generator state gives the same changes."""

    def __init__(self, settings: AugmentSettings, bands: tuple[str, ...]) -> None:
        self.settings = settings
        self._bands = bands
        self._modality = Modality(bands, grey=settings.grey, drop=settings.drop)
        self._wear = Wear(settings.wear or WearSettings(), bands)
        self._photo = [place for place, band in enumerate(bands) if band in PHOTO]
        if settings.bend is not None and set(SEMANTIC) & set(bands):
            raise UsageError("Bands of a map cannot be bent; leave augment.bend out, or look at photos alone.")

    def __call__(self, first: Tensor, second: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two `(n, C, H, W)` float32 of 0..1, row i of one paired with row i of the other -> the same, changed.

        What `drop` leaves out is NaN.
        """
        poses = self._poses(len(first), generator)
        others = poses if self.settings.joint else self._poses(len(first), generator)
        return self._changed(first, poses, generator), self._changed(second, others, generator)

    def one(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """`(n, C, H, W)` of pictures that are in no pairs -> the same, each changed by itself."""
        return self._changed(pixels, self._poses(len(pixels), generator), generator)

    def _poses(self, count: int, generator: torch.Generator) -> list[tuple[int, bool]]:
        turns = torch.randint(4 if self.settings.turns else 1, (count,), generator=generator)
        flips = torch.randint(2 if self.settings.flips else 1, (count,), generator=generator)
        return list(zip(turns.tolist(), flips.bool().tolist(), strict=True))

    def _changed(self, pixels: Tensor, poses: list[tuple[int, bool]], generator: torch.Generator) -> Tensor:
        pixels = torch.stack([_posed(picture, *pose) for picture, pose in zip(pixels, poses, strict=True)])
        pixels = self._shifted(self._turned(self._bent(pixels, generator), generator), generator)
        pixels = self._erased(pixels, generator)
        pixels = self._farther(self._lit(pixels, generator), generator)
        return self._modality(self._wear(pixels, generator), generator)

    def _farther(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        if self.settings.far == 0:
            return pixels
        drawn = torch.rand(len(pixels) + 1, generator=generator)
        chosen = drawn[1:] < self.settings.far
        if bool(chosen.any()):
            small = [max(1, round(side * float(FAR[0] + (FAR[1] - FAR[0]) * drawn[0]))) for side in pixels.shape[2:]]
            pixels = pixels.clone()
            pixels[chosen] = v2.resize(v2.resize(pixels[chosen], small), list(pixels.shape[2:]))
        return pixels

    def _bent(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        return pixels if self.settings.bend is None else bent(pixels, self.settings.bend, generator)

    def _turned(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        if self.settings.angle_deg == 0 and self.settings.scale == 0:
            return pixels
        drawn = (2 * torch.rand(2, len(pixels), generator=generator) - 1).numpy().astype(np.float64)
        return turned(pixels, self._bands, self.settings.angle_deg * drawn[0], 1 + self.settings.scale * drawn[1])

    def _erased(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        if self.settings.erase == 0:
            return pixels
        height, width = pixels.shape[2:]
        pixels = pixels.clone()
        for picture, drawn in zip(pixels, torch.rand(len(pixels), 5, generator=generator).tolist(), strict=True):
            area, form = ERASED[0] + (ERASED[1] - ERASED[0]) * drawn[1], 2 ** (2 * drawn[2] - 1)
            rows, columns = (min(side, round(side * (area * f) ** 0.5)) for side, f in ((height, form),
                                                                                       (width, 1 / form)))
            if drawn[0] < self.settings.erase:
                top, left = round(drawn[3] * (height - rows)), round(drawn[4] * (width - columns))
                picture[:, top:top + rows, left:left + columns] = picture.mean(dim=(1, 2), keepdim=True)
        return pixels

    def _shifted(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        reach = round(self.settings.shift * pixels.shape[-1])
        if reach == 0:
            return pixels
        height, width = pixels.shape[2:]
        padded = v2.pad(pixels, [reach] * 4, padding_mode="edge")
        moves = torch.randint(2 * reach + 1, (len(pixels), 2), generator=generator).tolist()
        moved = [v2.crop(picture, top, left, height, width) for picture, (top, left) in zip(padded, moves, strict=True)]
        return torch.stack(moved)

    def _lit(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        if not self._photo:
            return pixels
        photo = pixels[:, self._photo]
        photo = photo * _factors(len(photo), self.settings.brightness, generator)
        if self.settings.tint:
            count = photo.shape[0] * photo.shape[1]
            photo = photo * _factors(count, self.settings.tint, generator).view(*photo.shape[:2], 1, 1)
        photo = _spread(photo, photo.mean(dim=(1, 2, 3), keepdim=True), self.settings.contrast, generator)
        photo = _spread(photo, photo.mean(dim=1, keepdim=True), self.settings.saturation, generator)
        pixels = pixels.clone()
        pixels[:, self._photo] = photo.clamp(0, 1)
        return pixels


def _posed(picture: Tensor, turns: int, flip: bool) -> Tensor:
    turned = torch.rot90(picture, turns, dims=(1, 2)) if turns else picture
    posed: Tensor = v2.horizontal_flip(turned) if flip else turned
    return posed


def _factors(count: int, reach: float, generator: torch.Generator) -> Tensor:
    """`(count, 1, 1, 1)` uniform in 1 +- reach, never negative."""
    drawn = 1 + reach * (2 * torch.rand(count, 1, 1, 1, generator=generator) - 1)
    return drawn.clamp(min=0)


def _spread(photo: Tensor, centre: Tensor, reach: float, generator: torch.Generator) -> Tensor:
    return photo if reach == 0 else centre + (photo - centre) * _factors(len(photo), reach, generator)
