"""Black or white collars: what a scanner or a mosaic leaves around a photograph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LOSSY_TOLERANCE = 6
"""How far from 0 or 255 a collar may be after lossy compression (JPEG, JPEG 2000), in grey levels."""

SMALLEST_PX = 64
"""Smaller dark or bright spots at the border are picture, not collar."""

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
            found |= _reaching_border(_extreme(pixels, dark, tolerance))
    return found


def _extreme(pixels: NDArray[np.uint8], dark: bool, tolerance: int) -> NDArray[np.bool_]:
    return np.asarray(pixels.max(axis=0) <= tolerance if dark else pixels.min(axis=0) >= 255 - tolerance)


def _has_run(edge: NDArray[np.bool_]) -> bool:
    """Cheap test before the regions are looked for: a collar takes some pixels of the border in a row."""
    window = min(SHORTEST_RUN_PX, len(edge))
    return bool((np.convolve(edge, np.ones(window, int), "valid") == window).any())


def _edges(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], ...]:
    return pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]


def _reaching_border(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(region)
    rim = np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1]))
    kept = np.zeros(count + 1, bool)
    kept[np.unique(rim)] = True
    kept &= np.bincount(labels.ravel(), minlength=count + 1) >= min(SMALLEST_PX, region.size)
    kept[0] = False
    return np.asarray(kept[labels])
