"""A part of a decoded sheet at the pixels of a tile: copied where pixels coincide, else averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from georetrieval.geo.grid import Bounds, intersection
from georetrieval.geo.sheets import Decoded

Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels."""

_NEAR = 1e-6
"""Of a pixel: how near to an edge a centre lies on it, whatever the floats say."""


def place(sheet: Bounds, bounds: Bounds, shape: tuple[int, int]) -> tuple[slice, slice] | None:
    """Rows and columns of the answer whose centres lie on a sheet."""
    shared = intersection(sheet, bounds)
    if shared is None:
        return None
    across, down = (bounds[2] - bounds[0]) / shape[1], (bounds[3] - bounds[1]) / shape[0]
    first_col = max(0, math.ceil((shared[0] - bounds[0]) / across - 0.5 - 1e-6))
    last_col = min(shape[1], math.ceil((shared[2] - bounds[0]) / across - 0.5 - 1e-6))
    first_row = max(0, math.ceil((bounds[3] - shared[3]) / down - 0.5 - 1e-6))
    last_row = min(shape[0], math.ceil((bounds[3] - shared[1]) / down - 0.5 - 1e-6))
    if first_col >= last_col or first_row >= last_row:
        return None
    return slice(first_row, last_row), slice(first_col, last_col)


def resample(
    decoded: Decoded, sheet: Bounds, bounds: Bounds, shape: tuple[int, int], where: tuple[slice, slice]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The part of a decoded sheet that falls on the rows and columns `where` of an answer.

    A pixel is the mean of the decoded pixels whose centres it covers (box).

    Parameters
    ----------
    sheet, bounds
        Rectangles of the sheet and of the whole answer on the ground.
    shape
        Rows, columns of the whole answer.

    Returns
    -------
    pixels
        (bands, h, w) uint8 of `where`.
    photo
        (h, w) bool: at least half of it is photo.
    """
    height, width = decoded.photo.shape
    rows, cols = where
    x = ((bounds[2] - bounds[0]) / shape[1]) * width / (sheet[2] - sheet[0])
    y = ((bounds[3] - bounds[1]) / shape[0]) * height / (sheet[3] - sheet[1])
    left = (bounds[0] - sheet[0]) * width / (sheet[2] - sheet[0]) + cols.start * x
    top = (sheet[3] - bounds[3]) * height / (sheet[3] - sheet[1]) + rows.start * y
    size = (cols.stop - cols.start, rows.stop - rows.start)
    box = [left, top, left + size[0] * x, top + size[1] * y]
    if max(abs(x - 1), abs(y - 1), abs(left - round(left)), abs(top - round(top))) < 1e-6:
        window = np.s_[round(top):round(top) + size[1], round(left):round(left) + size[0]]
        if decoded.photo[window].shape == size[::-1]:
            return decoded.pixels[:, *window], decoded.photo[window]
    pad = max(0, math.ceil(max(-box[0], -box[1], box[2] - width, box[3] - height) - 1e-6))
    edges = (float(v + pad) for v in box)
    left, top, right, bottom = (min(max(v, 0.0), float(side + 2 * pad))
                                for v, side in zip(edges, (width, height) * 2, strict=True))
    return _averaged(decoded, pad, size, (left, top, right, bottom))


def _averaged(
    decoded: Decoded, pad: int, size: tuple[int, int], box: Box
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    height, width = decoded.photo.shape
    across, down = pairs(width, pad, box[0], box[2], size[0]), pairs(height, pad, box[1], box[3], size[1])
    if across is None or down is None:
        pixels = np.stack([_filtered(band, pad, size, box) for band in decoded.pixels])
        if decoded.photo.all():
            return pixels, np.ones(size[::-1], bool)
        return pixels, _filtered(decoded.photo.view(np.uint8) * np.uint8(255), pad, size, box) >= 128
    seen = decoded.photo[down.window, across.window]
    pixels = ((_sums(decoded.pixels[:, down.window, across.window], across, down) + 2) >> 2).astype(np.uint8)
    if seen.all():
        return pixels, np.ones(size[::-1], bool)
    return pixels, _sums(seen[None].view(np.uint8), across, down)[0] >= 2


def _filtered(band: NDArray[np.uint8], pad: int, size: tuple[int, int], box: Box) -> NDArray[np.uint8]:
    image = Image.fromarray(np.pad(band, pad, mode="edge") if pad else band)
    return np.asarray(image.resize(size, Image.Resampling.BOX, box=box))


@dataclass(frozen=True)
class Pairs:
    """Along one axis: each pixel of the answer is one pixel, or the mean of two neighbours.

    Attributes
    ----------
    window
        What is read of the axis.
    first, last
        (n,) int64 places in the window; the same where it is only one pixel.
    """

    window: slice
    first: NDArray[np.int64]
    last: NDArray[np.int64]


def _sums(pixels: NDArray[np.uint8], across: Pairs, down: Pairs) -> NDArray[np.uint16]:
    """Sums of four pixels each, some of them taken twice or four times: of (c, h, w) uint8."""
    rows = np.take(pixels, down.first, 1).astype(np.uint16)
    rows += np.take(pixels, down.last, 1)
    found: NDArray[np.uint16] = np.take(rows, across.first, 2)
    found += np.take(rows, across.last, 2)
    return found


def pairs(side: int, pad: int, begin: float, end: float, count: int) -> Pairs | None:
    """The pixels whose centres each of `count` pixels covers, one or two of them.

    A sheet is decoded at less than twice the resolution that is asked for, so that it is mostly so. The same pixels
    as Pillow's box filter takes; but that rounds after the rows and again after the columns, and is slower.

    Parameters
    ----------
    side
        Pixels of the axis.
    pad
        By how many pixels the first and the last one are repeated.
    begin, end
        What is covered, counted in the padded axis.

    Returns
    -------
    None when some pixel covers more than two or none: then Pillow has to do it.
    """
    scale = (end - begin) / count
    wide = max(scale, 1.0)
    centre = begin + (np.arange(count) + 0.5) * scale
    first, last = (np.floor(edge - 0.5 + _NEAR).astype(np.int64) for edge in (centre - wide / 2, centre + wide / 2))
    first += 1  # the centre of a pixel on the edge belongs to the one before
    if (last < first).any() or (last > first + 1).any():
        return None
    first, last = (np.clip(places - pad, 0, side - 1) for places in (first, last))
    begins = int(first.min())
    return Pairs(slice(begins, int(last.max()) + 1), first - begins, last - begins)
