"""Pictures that keep what lies near their scope's masks and take everything else from another picture of the scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from georetrieval.samples.sample import SampleSet

GROWN, SOFT = 0.025, 0.03
"""How far from a mask "near" reaches, and the width of the seam behind it, as shares of a picture's side."""


def near_masks(masks: SampleSet) -> dict[str, Tensor]:
    """Of each scope: `(1, H, W)` float32, 1 near any of its masks and 0 away from all, with a soft seam."""
    near: dict[str, Tensor] = {}
    for row, scope in enumerate(masks.scopes):
        drawn = torch.from_numpy(masks.batch([row])).amax(dim=1)
        near[scope] = torch.maximum(near[scope], drawn) if scope in near else drawn
    return {scope: _grown(drawn[None])[0] for scope, drawn in near.items()}


def _grown(drawn: Tensor) -> Tensor:
    """`(1, 1, H, W)` -> the same, wider by `GROWN` and blurred by `SOFT`."""
    reach, soft = (max(1, round(share * drawn.shape[-1])) for share in (GROWN, SOFT))
    wide = functional.max_pool2d((drawn > 0.5).float(), 2 * reach + 1, 1, reach)
    return functional.avg_pool2d(wide, 2 * soft + 1, 1, soft, count_include_pad=False)


def resized(near: Tensor, size: Sequence[int]) -> Tensor:
    """`(1, H, W)` -> `(1, *size)`: the same on the map of a trunk."""
    return functional.interpolate(near[None], size=tuple(size), mode="area")[0]


def swapped(
    pixels: Tensor, scopes: Sequence[str], near: Mapping[str, Tensor], share: float, random: np.random.Generator
) -> Tensor:
    """`(n, C, H, W)` -> the same, a share of the pictures with the surroundings of another picture of their scope.

    Parameters
    ----------
    scopes
        Of each picture.
    near
        Of each scope, see `near_masks`.
    share
        How many pictures are changed, 0..1, drawn one by one; a picture may draw itself and stays what it is.
    """
    names = np.asarray(scopes, np.str_)
    other = np.arange(len(names))
    for scope in np.unique(names):
        own = np.flatnonzero(names == scope)
        other[own] = random.permutation(own)
    chosen = torch.from_numpy(random.random(len(names)) < share).view(-1, 1, 1, 1)
    own_part = torch.stack([near[scope] for scope in scopes]).to(pixels.dtype)
    own_part = torch.where(chosen, own_part, own_part.new_ones(()))
    return torch.lerp(pixels[torch.from_numpy(other)], pixels, own_part.expand_as(pixels))
