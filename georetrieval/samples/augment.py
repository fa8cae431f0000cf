"""Changes of training pictures: the same turn for both members of a pair, own light and own shift for each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as v2

from georetrieval.samples.bands import PHOTO
from georetrieval.samples.modality import DropSettings, Modality
from georetrieval.samples.poses import GroundSettings
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


class Augment:
    """Change a batch of pairs; the same generator state gives the same changes."""

    def __init__(self, settings: AugmentSettings, bands: tuple[str, ...]) -> None:
        self.settings = settings
        self._modality = Modality(bands, grey=settings.grey, drop=settings.drop)
        self._wear = Wear(settings.wear or WearSettings(), bands)
        self._photo = [place for place, band in enumerate(bands) if band in PHOTO]

    def __call__(self, first: Tensor, second: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Two `(n, C, H, W)` float32 of 0..1, row i of one paired with row i of the other -> the same, changed.

        What `drop` leaves out is NaN.
        """
        poses = self._poses(len(first), generator)
        others = poses if self.settings.joint else self._poses(len(first), generator)
        return self._changed(first, poses, generator), self._changed(second, others, generator)

    def _poses(self, count: int, generator: torch.Generator) -> list[tuple[int, bool]]:
        turns = torch.randint(4 if self.settings.turns else 1, (count,), generator=generator)
        flips = torch.randint(2 if self.settings.flips else 1, (count,), generator=generator)
        return list(zip(turns.tolist(), flips.bool().tolist(), strict=True))

    def _changed(self, pixels: Tensor, poses: list[tuple[int, bool]], generator: torch.Generator) -> Tensor:
        pixels = torch.stack([_posed(picture, *pose) for picture, pose in zip(pixels, poses, strict=True)])
        pixels = self._shifted(pixels, generator)
        return self._modality(self._wear(self._lit(pixels, generator), generator), generator)

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
