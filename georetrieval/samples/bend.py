"""Pictures bent like rubber: the same thing by another hand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from georetrieval.errors import UsageError

FEWEST_KNOTS, MOST_KNOTS = 3, 64


@dataclass(frozen=True)
class BendSettings:
    """How far training pictures are bent.

    Attributes
    ----------
    by
        Standard deviation of how far a knot is moved right and down, each, as a share of the picture's side, 0..0.2.
    knots
        Knots along each side, 3..64, evenly spaced; between them the displacement is bicubic. They should lie about as
        close as the strokes or limbs that may bend one by one.

    *Source*: elastic distortions after Simard, Steinkraus, Platt, ICDAR 2003, section 2 (there noise smoothed by a
    gaussian of 4 px, 34 times as strong, on digits of 28 px); knots in place of the gaussian are ours.
    """

    by: float = 0.0
    knots: int = 8

    def __post_init__(self) -> None:
        if not 0 <= self.by <= 0.2 or not FEWEST_KNOTS <= self.knots <= MOST_KNOTS:
            raise UsageError(f"Pictures are bent by 0 to 0.2 of their side at {FEWEST_KNOTS} to {MOST_KNOTS} knots, "
                             f"found {self.by} and {self.knots}.")


def bent(pixels: Tensor, settings: BendSettings, generator: torch.Generator) -> Tensor:
    """`(n, C, H, W)` float32 -> the same, each picture bent by itself, all its bands alike.

    Values are bilinear; beyond the border is the picture's mirror image.
    """
    if settings.by == 0:
        return pixels
    count, _, height, width = pixels.shape
    drawn = torch.randn(count, 2, settings.knots, settings.knots, generator=generator)
    moves = functional.interpolate(2 * settings.by * drawn, (height, width), mode="bicubic", align_corners=True)
    still = torch.eye(2, 3).expand(count, 2, 3)
    grid = functional.affine_grid(still, [count, 1, height, width], align_corners=False) + moves.permute(0, 2, 3, 1)
    out: Tensor = functional.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)
    return out
