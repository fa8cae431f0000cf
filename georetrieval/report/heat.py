"""Where it matters: a plane of values laid over a picture."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb

from georetrieval.errors import UsageError
from georetrieval.report.colours import RIGHT, WRONG
from georetrieval.report.pictures import Picture

FULL = 99.0
"""Percentile of the sizes that is shown in full colour: one bright pixel does not pale the others."""
PALER = 0.5
"""Share of the picture's contrast that is left below the colours."""


def overlay(picture: Picture, heat: npt.NDArray[np.float32], *, strongest: float | None = None) -> Picture:
    """A picture in pale grey with `heat` in colour: orange speaks for, blue against.

    Parameters
    ----------
    picture
        `(H, W, 3)` uint8.
    heat
        `(h, w)` of any unit, h and w dividing H and W: each value colours its block.
    strongest
        The value, > 0, that gets the full colour; None is the 99th percentile of the sizes. Give one value for
        pictures that are to be compared.

    Raises
    ------
    UsageError
        When the sizes do not fit.
    """
    (height, width), (rows, columns) = picture.shape[:2], heat.shape
    if not rows or not columns or height % rows or width % columns:
        raise UsageError(f"A plane of {columns} x {rows} values does not lie on a picture of {width} x {height} px; "
                         "its sides have to divide those of the picture.")
    fine = np.repeat(np.repeat(np.asarray(heat, np.float64), height // rows, 0), width // columns, 1)
    top = strongest or float(np.percentile(np.abs(fine), FULL)) or float(np.abs(fine).max()) or 1.0
    depth = np.clip(np.abs(fine) / top, 0, 1)[..., None]
    ink = np.where(fine[..., None] > 0, to_rgb(WRONG), to_rgb(RIGHT))
    ground = 1 - PALER * (1 - picture.mean(axis=2, keepdims=True) / 255)
    return np.asarray(np.rint(255 * (ground * (1 - depth) + ink * depth)), np.uint8)
