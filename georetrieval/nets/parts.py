"""The parts of a picture, photo and map, and how it is said that one of them is missing.

A picture may lack one of its parts: an old photograph without vectors, a map without a photograph. The bands of the
missing part hold NaN, in the whole picture. NaN travels with the pixels through batches, augmentation, bfloat16 and
devices, so that no mask has to; a net with `any_modality` reads it off one pixel of each part.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

PHOTO_BANDS = ("r", "g", "b", "grey")
MAP_BANDS = ("sr", "sg", "sb", "sgrey")


def parts_of(bands: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """The places of the photo's bands and those of the map's among `bands`; a part without bands is left out."""
    found = (tuple(n for n, band in enumerate(bands) if band in part) for part in (PHOTO_BANDS, MAP_BANDS))
    return tuple(places for places in found if places)


def whole_part(bands: Sequence[str], want: Sequence[str]) -> bool:
    """Whether, of the parts of `want`, each is in `bands` wholly or not at all, and one of them wholly."""
    there = [[want[place] in bands for place in part] for part in parts_of(want)]
    return any(all(part) for part in there) and all(all(part) or not any(part) for part in there)


def completed(pixels: Tensor, bands: Sequence[str], want: Sequence[str]) -> Tensor:
    """`(b, C, H, W)` named by `bands` -> `(b, len(want), H, W)`; bands that are not there are NaN."""
    out = pixels.new_full((len(pixels), len(want), *pixels.shape[2:]), torch.nan)
    known = list(bands)
    for place, band in enumerate(want):
        if band in known:
            out[:, place] = pixels[:, known.index(band)]
    return out


def there(pixels: Tensor, parts: Sequence[Sequence[int]]) -> Tensor:
    """`(b, len(parts))` bool: whether each picture has each part, by the first pixel of its first band."""
    return ~pixels[:, [part[0] for part in parts], 0, 0].isnan()


def zeroed(pixels: Tensor, parts: Sequence[Sequence[int]], has: Tensor) -> Tensor:
    """`pixels` with 0 in place of the parts that `has` says are missing."""
    owner = {band: number for number, part in enumerate(parts) for band in part}
    band_has = torch.stack([has[:, owner[band]] for band in range(pixels.shape[1])], dim=1)
    return torch.where(band_has[:, :, None, None], pixels, torch.zeros((), dtype=pixels.dtype, device=pixels.device))
