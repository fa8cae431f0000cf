"""Polygons as WKB by the array: GEOS writes each vertex through a stream, a copy of the coordinates is enough."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

_POLYGON = 3
_HEAD = np.dtype([("space", "V3"), ("order", "u1"), ("type", "<u4"), ("rings", "<u4"), ("points", "<u4")])
"""What is before the vertices of a polygon of one ring, filled up to the size of a vertex."""


def to_wkb(geometry: NDArray[np.object_]) -> NDArray[np.object_]:
    """Little-endian WKB in two dimensions, the same bytes as `shapely.to_wkb(geometry, output_dimension=2)`.

    Parameters
    ----------
    geometry
        (n,) shapely objects, none of them missing or empty; polygons without holes (buildings, buffered roads) are
        copied, all others are left to GEOS.

    Returns
    -------
    (n,) bytes objects.
    """
    plain = (shapely.get_type_id(geometry) == _POLYGON) & (shapely.get_num_interior_rings(geometry) == 0)
    if plain.all():
        return _plain(geometry)
    found = np.empty(len(geometry), object)
    found[plain] = _plain(geometry[plain])
    found[~plain] = np.asarray(shapely.to_wkb(geometry[~plain], output_dimension=2, byte_order=1), object)
    return found


def _plain(polygons: NDArray[np.object_]) -> NDArray[np.object_]:
    """Polygons of one ring: heads and vertices one after another in one buffer, then cut."""
    points = shapely.get_num_coordinates(polygons)
    ends = np.cumsum(points + 1, dtype=np.int64)
    heads = ends - points - 1
    buffer = np.empty(int(ends[-1]) if len(ends) else 0, complex)  # two float64 at once
    vertex = np.ones(len(buffer), bool)
    vertex[heads] = False
    buffer[vertex] = shapely.get_coordinates(polygons).view(complex)[:, 0]
    head = np.zeros(len(polygons), _HEAD)
    head["order"], head["type"], head["rings"], head["points"] = 1, _POLYGON, 1, points
    buffer[heads] = head.view(complex)
    whole = buffer.tobytes()
    size, space = _HEAD.itemsize, _HEAD["space"].itemsize
    places = map(slice, (heads * size + space).tolist(), (ends * size).tolist())
    return np.fromiter(map(whole.__getitem__, places), object, len(polygons))
