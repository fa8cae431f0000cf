"""What a training picture is made of: a photo turned to grey, a part left out. Drawn for each member of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from georetrieval.errors import UsageError
from georetrieval.nets.parts import parts_of
from georetrieval.samples.bands import LUMA


@dataclass(frozen=True)
class DropSettings:
    """How often a training picture lacks a part; never both.

    Attributes
    ----------
    photo, map
        Probability that this part is missing, 0..1; together at most 1.
    """

    photo: float = 0.0
    map: float = 0.0

    def __post_init__(self) -> None:
        if self.photo < 0 or self.map < 0 or self.photo + self.map > 1:
            raise UsageError(f"The shares of pictures without photo and without map must be 0 or more and together at "
                             f"most 1, found {self.photo} and {self.map}.")


class Modality:
    """Turns photos to grey and leaves parts out; the same generator state gives the same changes.

    Parameters
    ----------
    bands
        Of the pixels.
    grey
        Probability, 0..1, that a picture's photo is turned to grey.
    drop
        None leaves nothing out.

    Notes
    -----
    A part that is left out is NaN in the whole picture, see `nets.parts`; only an eye with `any_modality` can be
    trained on it.

    Raises
    ------
    UsageError
        When parts are to be left out of pictures that have one only.
    """

    def __init__(self, bands: Sequence[str], *, grey: float = 0.0, drop: DropSettings | None = None) -> None:
        self._colours = [list(bands).index(band) for band in "rgb"] if {"r", "g", "b"} <= set(bands) else []
        self._parts = parts_of(bands)
        self._grey, self._drop = grey, drop
        if drop is not None and len(self._parts) < 2:
            raise UsageError(f"Nothing can be left out of pictures with the bands {', '.join(bands)}; "
                             "drop needs bands of the photo and of the map.")

    def __call__(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """`(n, C, H, W)` float32, 0..1 -> the same shape, NaN where a part is missing."""
        return self._dropped(self._greyed(pixels, generator), generator)

    def _greyed(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """*Source* of the weights: ITU-R BT.601."""
        if self._grey == 0 or not self._colours:
            return pixels
        chosen = torch.rand(len(pixels), generator=generator) < self._grey
        luma = torch.einsum("nchw,c->nhw", pixels[:, self._colours], torch.tensor(LUMA, dtype=pixels.dtype))
        pixels = pixels.clone()
        for place in self._colours:
            pixels[chosen, place] = luma[chosen]
        return pixels

    def _dropped(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        if self._drop is None:
            return pixels
        drawn = torch.rand(len(pixels), generator=generator)
        photo, semantic = (list(part) for part in self._parts)
        pixels = pixels.clone()
        for part, chosen in ((photo, drawn < self._drop.photo), (semantic, drawn >= 1 - self._drop.map)):
            pixels[chosen.nonzero(), torch.tensor(part)] = torch.nan
        return pixels
