"""A rectangle along an axis that has no first end: the numbers it is told in, and what they mean."""

from __future__ import annotations

import torch
from torch import Tensor

NUMBERS = 6
"""x, y (-1..1 of the picture), log of the sides along and across as shares of the picture's side, cos and sin of twice
the angle from x to y. Twice the angle, since a half turn changes nothing."""


def numbers_of(regions: Tensor, px: int) -> Tensor:
    """`(n, 5)` x, y, along, across in pixels of a picture of side `px` and the angle in degrees -> `(n, 6)`."""
    twice = 2 * torch.deg2rad(regions[:, 4])
    place = 2 * regions[:, :2] / px - 1
    return torch.cat([place, torch.log(regions[:, 2:4] / px), torch.stack([twice.cos(), twice.sin()], dim=1)], dim=1)


def matrix_of(raw: Tensor) -> Tensor:
    """`(n, 4)` log sides, cos and sin of twice the angle -> `(n, 2, 2)` from the square -1..1 to the rectangle.

    The angle is in (-90, 90] degrees. No length or direction is out of bounds: sides are held between 1/20 and 4 times
    the picture's.
    """
    along, across = raw[:, :2].clamp(-3.0, 1.4).exp().unbind(dim=1)
    angle = torch.atan2(raw[:, 3], raw[:, 2] + 1e-12) / 2
    cos, sin = torch.cos(angle), torch.sin(angle)
    return torch.stack([along * cos, -across * sin, along * sin, across * cos], dim=1).view(-1, 2, 2)


def shaken(theta: Tensor, reach: float) -> Tensor:
    """`(n, 2, 3)` regions, each moved, stretched and turned a little by itself, see `SpatialTransformer`."""
    across, down, wide, high, turn = (reach * (2 * torch.rand(5, len(theta), device=theta.device) - 1)).unbind()
    cos, sin, nothing = torch.cos(turn), torch.sin(turn), torch.zeros_like(turn)
    moves = torch.stack([cos * (1 + wide), -sin * (1 + high), across, sin * (1 + wide), cos * (1 + high), down,
                         nothing, nothing, nothing + 1], dim=1).view(-1, 3, 3)
    return theta @ moves
