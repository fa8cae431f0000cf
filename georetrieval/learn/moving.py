"""Pictures and masks of one scope that are moved together: another scope, as far as a net can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from georetrieval.errors import UsageError
from georetrieval.samples.views import turned


@dataclass(frozen=True)
class MovedSettings:
    """How far.

    Attributes
    ----------
    flips
        Half of the scopes are seen in a mirror.
    shift
        Largest shift each way, as a share of the side, 0..0.5.
    angle_deg
        Largest turn around the middle, either way, 0..180.
    scale
        What is seen is larger or smaller by at most this share, 0..0.5.
    """

    flips: bool = False
    shift: float = 0.0
    angle_deg: float = 0.0
    scale: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.shift <= 0.5 and 0 <= self.angle_deg <= 180 and 0 <= self.scale <= 0.5):
            raise UsageError("Scopes are moved by shifts of 0 to 0.5, angles of 0 to 180 degrees and scales of 0 to "
                             f"0.5, found {self.shift}, {self.angle_deg} and {self.scale}.")


def moved(
    pixels: Tensor, scopes: Sequence[str], settings: MovedSettings, random: np.random.Generator
) -> Tensor:
    """`(n, C, H, W)` -> the same; rows of one scope are moved alike, beyond the border is the mirror image.

    The same scopes (in any order and number) and the same state of `random` give the same moves.
    """
    names, place = np.unique(np.asarray(scopes, np.str_), return_inverse=True)
    mirrored = random.random(len(names)) < (0.5 if settings.flips else 0.0)
    drawn = random.uniform(-1, 1, (len(names), 4))[place]
    flip = torch.from_numpy(mirrored[place]).view(-1, 1, 1, 1)
    seen = torch.where(flip, pixels.flip(3), pixels)
    return turned(seen, ["r"] * pixels.shape[1], settings.angle_deg * drawn[:, 0], 1 + settings.scale * drawn[:, 1],
                  settings.shift * drawn[:, 2:])
