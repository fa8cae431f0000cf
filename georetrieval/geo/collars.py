"""Black or white collars: what a scanner or a mosaic leaves around a photograph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LOSSY_TOLERANCE = 6
"""How far from 0 or 255 a collar may be after lossy compression (JPEG, JPEG 2000), in grey levels."""

SMALLEST_PX = 64
"""Smaller dark or bright spots at the border are picture, not collar."""

STRIP_PX = 64
"""Rows that are looked at together: memory that is new to a process costs more than what is done in it."""

SHORTEST_RUN_PX = 8
"""A collar takes at least so many pixels of the border in a row."""


def collar(pixels: NDArray[np.uint8], *, lossy: bool) -> NDArray[np.bool_]:
    """Regions of constant 0 or 255 that are connected to the border of a sheet.

    Parameters
    ----------
    pixels
        (bands, h, w) uint8.
    lossy
        Allow `LOSSY_TOLERANCE` grey levels around 0 and 255.

    Returns
    -------
    (h, w) bool, True where there is no photograph.

    Notes
    -----
    A lake or snow field that is exactly 0 or 255 and is cut by the border of its sheet is taken for a collar too.
    """
    tolerance = LOSSY_TOLERANCE if lossy else 0
    found = np.zeros(pixels.shape[1:], bool)
    for dark in (True, False):
        if any(_has_run(_extreme(edge, dark, tolerance)) for edge in _edges(pixels)):
            found |= _reaching_border(partial(_extreme, dark=dark, tolerance=tolerance), pixels)
    return found


def _extreme(pixels: NDArray[np.uint8], dark: bool, tolerance: int) -> NDArray[np.bool_]:
    return np.asarray(pixels.max(axis=0) <= tolerance if dark else pixels.min(axis=0) >= 255 - tolerance)


def _has_run(edge: NDArray[np.bool_]) -> bool:
    """Cheap test before the regions are looked for: a collar takes some pixels of the border in a row."""
    window = min(SHORTEST_RUN_PX, len(edge))
    return bool((np.convolve(edge, np.ones(window, int), "valid") == window).any())


def _edges(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    return pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]


def _reaching_border(
    is_in: Callable[[NDArray[np.uint8]], NDArray[np.bool_]], pixels: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """The parts of a region (connected by edges of pixels) that touch the border and are no mere spots.

    The pixels are taken together as runs along the rows, of which there are few: labelling every pixel takes as long
    as a quarter of the decoding of a COG.
    """
    height, width = pixels.shape[1:]
    begin, end = _runs(is_in, pixels)
    part = _parts(begin, end, width + 1)
    first, last = begin % (width + 1) == 0, end % (width + 1) == width
    rim = first | last | (begin < width + 1) | (begin >= (height - 1) * (width + 1))
    size = np.bincount(part, end - begin, minlength=1)
    touches = np.zeros(len(size), bool)
    touches[part[rim]] = True
    kept = (touches & (size >= min(SMALLEST_PX, height * width)))[part]
    return _filled(begin[kept], end[kept], (height, width))


def _runs(
    is_in: Callable[[NDArray[np.uint8]], NDArray[np.bool_]], pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and behind the last pixel of each run along a row, counted through rows that are one pixel longer."""
    found, step = [], pixels.shape[2] + 1
    for top in range(0, pixels.shape[1], STRIP_PX):
        region = is_in(pixels[:, top:top + STRIP_PX])
        flat = np.zeros(len(region) * step + 1, bool)
        flat[1:].reshape(-1, step)[:, :-1] = region
        found.append(np.flatnonzero(flat[1:] != flat[:-1]) + top * step)
    edges = np.concatenate(found)
    return edges[0::2], edges[1::2]


def _parts(begin: NDArray[np.int64], end: NDArray[np.int64], step: int) -> NDArray[np.int32]:
    """Number of the connected part that each run belongs to; runs of neighbouring rows meet where they overlap."""
    low = np.searchsorted(end, begin + step, side="right")
    meets = np.maximum(np.searchsorted(begin, end + step, side="left") - low, 0)
    above = np.repeat(np.arange(len(begin)), meets)
    below = np.arange(len(above)) + np.repeat(low - (np.cumsum(meets) - meets), meets)
    graph = coo_array((np.ones(len(above), np.int8), (above, below)), shape=(len(begin), len(begin)))
    return np.asarray(connected_components(graph, directed=False)[1])


def _filled(begin: NDArray[np.int64], end: NDArray[np.int64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels of some runs as (h, w) bool."""
    cuts = np.zeros(2 * len(begin) + 2, np.int64)
    cuts[1:-1:2], cuts[2:-1:2], cuts[-1] = begin, end, shape[0] * (shape[1] + 1)
    inside = np.arange(2 * len(begin) + 1) % 2 == 1
    return np.repeat(inside, np.diff(cuts)).reshape(shape[0], shape[1] + 1)[:, :-1]
