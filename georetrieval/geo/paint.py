"""Vectors to class codes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from georetrieval.geo.grid import Bounds
from georetrieval.geo.wkb import to_wkb

if TYPE_CHECKING:
    from georetrieval.geo.layers import ClassedObjects

_TOGETHER = 1024
"""Objects that are made ready together: all their memory is then still at hand from one step to the next."""

STRIP = 1 << 21
"""Pixels painted at once: memory of so many bytes is used again, while larger pieces come new from the system, which
costs more than painting them (blocks of 36 MB: .44 of bare rusterize whole, .83 in strips)."""


class Painter:
    """Objects made ready once (WKB and rectangles), painted many times.

    A pixel belongs to an object when its centre does; of several objects the last one in the painter's order is
    seen. Objects that cross the edge of what is painted are painted as far as it goes.
    """

    def __init__(self, objects: ClassedObjects) -> None:
        known = objects.known
        bounds = shapely.bounds(objects.geometry).reshape(-1, 4) if known is None else known.bounds
        there = np.flatnonzero(bounds[:, 0] <= bounds[:, 2])  # NaN of what is missing or empty
        self._code = np.asarray(objects.code[there], np.uint8)
        self._west, self._south, self._east, self._north = (np.ascontiguousarray(side) for side in bounds[there].T)
        self._wkb = np.empty(len(there), object) if known is None else known.wkb[there]
        new = np.arange(len(there)) if known is None else np.flatnonzero(~known.same[there])
        for start in range(0, len(new), _TOGETHER):
            rows = new[start:start + _TOGETHER]
            self._wkb[rows] = to_wkb(objects.geometry[there[rows]])

    def __len__(self) -> int:
        return len(self._code)

    @property
    def bounds(self) -> Bounds | None:
        """Rectangle around all objects, None when there are none."""
        if not len(self):
            return None
        return (float(self._west.min()), float(self._south.min()), float(self._east.max()), float(self._north.max()))

    def paint(self, bounds: Bounds, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Paint a rectangle.

        Parameters
        ----------
        bounds
            xmin, ymin, xmax, ymax in the CRS of the objects.
        shape
            Rows, columns.

        Returns
        -------
        (h, w) uint8 codes, 0 where no object lies.
        """
        height, width = shape
        if height * width <= STRIP:
            return self._painted(bounds, shape)
        west, south, east, north = bounds
        painted = np.empty(shape, np.uint8)
        edges = [*range(0, height, max(1, STRIP // width)), height]
        for top, end in pairwise(edges):
            low, high = (north - (north - south) * row / height for row in (end, top))
            painted[top:end] = self._painted((west, low, east, high), (end - top, width))
        return painted

    def _painted(self, bounds: Bounds, shape: tuple[int, int]) -> NDArray[np.uint8]:
        from rusterize import rusterize

        west, south, east, north = bounds
        rows = np.flatnonzero(
            (self._west < east) & (self._east > west) & (self._south < north) & (self._north > south)
        )
        if not len(rows):
            return np.zeros(shape, np.uint8)
        painted = rusterize(
            self._wkb[rows], extent=bounds, out_shape=shape, burn=self._code[rows], fun="last", background=0,
            encoding="numpy", dtype="uint8",
        )
        return np.asarray(painted[0])


def paint(objects: ClassedObjects, bounds: Bounds, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Paint classed objects on one rectangle; see `Painter`, which is faster for more than one.

    Returns
    -------
    (h, w) uint8 codes, 0 where no object lies.
    """
    return Painter(objects).paint(bounds, shape)


def paint_reference(objects: ClassedObjects, bounds: Bounds, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """The same by `rasterio.features`: slower, the oracle of the tests."""
    from rasterio.features import rasterize
    from rasterio.transform import from_bounds

    pairs = zip(objects.geometry, objects.code, strict=True)
    shapes = [(shape, int(code)) for shape, code in pairs if shape is not None and not shape.is_empty]
    if not shapes:
        return np.zeros(shape, np.uint8)
    transform = from_bounds(*bounds, shape[1], shape[0])
    return np.asarray(rasterize(shapes, out_shape=shape, transform=transform, fill=0, dtype="uint8"))
