"""What photographs suffer: another gradation, grain, and patches that cover the ground. Drawn for each picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from georetrieval.errors import UsageError
from georetrieval.samples.bands import PHOTO

PATCH = (1 / 6, 1 / 2)
"""Smallest and largest side of a patch, as a share of the picture's."""


@dataclass(frozen=True)
class WearSettings:
    """How worn training photos are made; 0 leaves them as they are.

    Attributes
    ----------
    gamma
        Photo values are raised to exp(+- gamma).
    noise
        Largest standard deviation of the grain, of values 0..1; each picture draws its own below it.
    erase
        Probability, 0..1, that a square of one value covers a part of the photo: clouds, stamps, lost corners.
    """

    gamma: float = 0.0
    noise: float = 0.0
    erase: float = 0.0

    def __post_init__(self) -> None:
        if min(self.gamma, self.noise, self.erase) < 0 or self.erase > 1:
            raise UsageError(f"gamma and noise must be 0 or more and erase 0 to 1, found {self.gamma}, {self.noise}, "
                             f"{self.erase}.")


class Wear:
    """Changes the photo bands; the same generator state gives the same changes."""

    def __init__(self, settings: WearSettings, bands: Sequence[str]) -> None:
        self.settings = settings
        self._photo = [place for place, band in enumerate(bands) if band in PHOTO]

    def __call__(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """`(n, C, H, W)` float32, 0..1 -> the same shape and range."""
        if not self._photo or self.settings == WearSettings():
            return pixels
        photo = self._patched(self._grained(self._graded(pixels[:, self._photo], generator), generator), generator)
        pixels = pixels.clone()
        pixels[:, self._photo] = photo.clamp(0, 1)
        return pixels

    def _graded(self, photo: Tensor, generator: torch.Generator) -> Tensor:
        if self.settings.gamma == 0:
            return photo
        drawn = 2 * torch.rand(len(photo), 1, 1, 1, generator=generator) - 1
        return photo.clamp(min=1e-3).pow((self.settings.gamma * drawn).exp())

    def _grained(self, photo: Tensor, generator: torch.Generator) -> Tensor:
        """The grain is that of a film: the same in all bands."""
        if self.settings.noise == 0:
            return photo
        strength = self.settings.noise * torch.rand(len(photo), 1, 1, 1, generator=generator)
        return photo + strength * torch.randn(len(photo), 1, *photo.shape[2:], generator=generator)

    def _patched(self, photo: Tensor, generator: torch.Generator) -> Tensor:
        if self.settings.erase == 0:
            return photo
        side = photo.shape[-1]
        chosen, size, left, top, value = torch.rand(5, len(photo), generator=generator)
        sizes = (side * (PATCH[0] + (PATCH[1] - PATCH[0]) * size)).long().clamp(min=1)
        photo = photo.clone()
        for row in (chosen < self.settings.erase).nonzero()[:, 0].tolist():
            span = int(sizes[row])
            x, y = int(left[row] * (side - span + 1)), int(top[row] * (side - span + 1))
            photo[row, :, y : y + span, x : x + span] = value[row]
        return photo
