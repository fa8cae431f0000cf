"""Geometries made fit to be painted: finite, valid, polygons, on the asked ground; what is lost is counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from georetrieval.geo.reprojection import Move

QUARTER_SEGMENTS = 4
"""Segments of a quarter circle around the end of a line: the default of 16 doubles the vertices for nothing."""

_ON_EARTH = 1e9
"""Larger coordinates (1e300, the DBL_MAX of a damaged file) are not on this planet in any unit."""

_AT_ORIGIN_M = 1.0
FAR_M = 10_000.0
FINEST = 1e-6
"""Units of the CRS, metres mostly: the grid for what GEOS cannot mend otherwise."""

_POINTS = (0, 4)
_LINES = (1, 2, 5)
_POLYGONS = (3, 6)
_COLLECTION = 7


@dataclass(frozen=True)
class Shapes:
    """Polygons ready to be painted.

    Attributes
    ----------
    geometry
        (m,) valid, non-empty 2-D polygons and multipolygons.
    rows
        (m,) int64, the place of each among the objects that were given.
    mended
        How many were invalid and had to be mended.
    dropped
        How many could not be painted, by reason.
    same
        (m,) bool: the object is as it was given.
    bounds
        (m, 4) float64: the rectangle of each.
    """

    geometry: NDArray[np.object_]
    rows: NDArray[np.int64]
    mended: int
    dropped: dict[str, int]
    same: NDArray[np.bool_]
    bounds: NDArray[np.float64]


def usable(geometry: NDArray[np.object_], *, ground: bool) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Which geometries are there, finite, and not at the origin of the coordinates by mistake.

    Parameters
    ----------
    geometry
        (n,) objects, None for NULL.
    ground
        Whether these are coordinates on the ground: then an object with a vertex at (0, 0) in a layer that lies far
        from it was never placed.

    Returns
    -------
    rows
        (m,) int64 places of those that can be used.
    dropped
        Number of the others, by reason.
    """
    missing = shapely.is_missing(geometry)
    empty = ~missing & shapely.is_empty(geometry)
    points, owner = shapely.get_coordinates(geometry, return_index=True)
    bad = _owners(~(np.abs(points) < _ON_EARTH).all(axis=1), owner, len(geometry))
    lost = np.zeros(len(geometry), bool)
    if ground and len(points):
        near = (np.abs(points) < _AT_ORIGIN_M).all(axis=1)
        if near.any() and np.nanmedian(np.hypot(points[:, 0], points[:, 1])) > FAR_M:
            lost = _owners(near, owner, len(geometry)) & ~bad
    reasons = {"NULL geometry": missing, "empty geometry": empty, "coordinates that are no numbers": bad,
               "placed at (0, 0)": lost}
    keep = ~(missing | empty | bad | lost)
    return np.flatnonzero(keep), {name: int(mask.sum()) for name, mask in reasons.items() if mask.any()}


def polygons(
    geometry: NDArray[np.object_], width_m: NDArray[np.float64] | None, *, move: Move | None, ground: bool,
) -> Shapes:
    """Make objects paintable.

    Parameters
    ----------
    geometry
        (n,) objects as they were read.
    width_m
        (n,) widths of lines and diameters of points in the units of the target; None where the legend gives none:
        lines and points are then dropped.
    move
        Reprojection of (n, 2) coordinates, or None.
    ground
        See `usable`.
    """
    rows, dropped = usable(geometry, ground=ground)
    shapes, same = geometry[rows], np.full(len(geometry), move is None)
    if move is not None and len(rows):
        shapes = shapely.transform(shapes, move)
        rows, shapes = _kept(rows, shapes, _finite(shapes), dropped, "outside the reach of the reprojection")
    kinds = shapely.get_type_id(shapes)
    thin = np.isin(kinds, (*_POINTS, *_LINES))
    if thin.any():
        if width_m is None:
            rows, shapes = _kept(rows, shapes, ~thin, dropped, "a line or point of a class without a width")
        else:
            shapes[thin] = shapely.buffer(shapes[thin], width_m[rows[thin]] / 2, quad_segs=QUARTER_SEGMENTS)
            same[rows[thin]] = False
    shapes, mended, changed = _mended(shapes, ~np.isin(shapely.get_type_id(geometry[rows]), (*_POINTS, *_LINES)))
    same[rows[changed]] = False
    there = shapely.area(shapes) > 0  # an empty one, or a sliver thinner than a float can say
    rows, shapes = _kept(rows, shapes, there, dropped, "no area")
    return Shapes(shapes, rows, mended, dropped, same[rows], shapely.bounds(shapes).reshape(-1, 4))


def _mended(
    shapes: NDArray[np.object_], doubtful: NDArray[np.bool_]
) -> tuple[NDArray[np.object_], int, NDArray[np.bool_]]:
    """Make valid by structure: the default way turns overlapping parts into holes (4,375 px become 3,750).

    Only what is `doubtful` is looked at: a buffer is valid. Also says how many were mended and which were changed.
    """
    broken = doubtful.copy()
    broken[doubtful] = ~shapely.is_valid(shapes[doubtful])
    if broken.any():
        shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
        still = broken.copy()
        still[broken] = ~shapely.is_valid(shapes[broken])
        shapes[still] = shapely.set_precision(shapes[still], FINEST)  # GEOS gives up on coordinates like 7e-222
    mixed = ~np.isin(shapely.get_type_id(shapes), _POLYGONS)
    for row in np.flatnonzero(mixed):
        shapes[row] = _areas(shapes[row])
    return shapes, int(broken.sum()), broken | mixed


def _areas(shape: shapely.Geometry) -> shapely.Geometry:
    """The polygons of a collection; an empty polygon when there are none."""
    parts = shapely.get_parts(shape)
    flat = [part for part in parts if shapely.get_type_id(part) in _POLYGONS and not shapely.is_empty(part)]
    nested = [_areas(part) for part in parts if shapely.get_type_id(part) == _COLLECTION]
    found = flat + [part for part in nested if not shapely.is_empty(part)]
    return shapely.union_all(found) if found else shapely.Polygon()


def _finite(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    return ~_owners(~np.isfinite(points).all(axis=1), owner, len(shapes))


def _owners(points: NDArray[np.bool_], owner: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    flags = np.zeros(count, bool)
    flags[owner[points]] = True
    return flags


def _kept(
    rows: NDArray[np.int64], shapes: NDArray[np.object_], keep: NDArray[np.bool_], dropped: dict[str, int], why: str,
) -> tuple[NDArray[np.int64], NDArray[np.object_]]:
    if lost := int((~keep).sum()):
        dropped[why] = dropped.get(why, 0) + lost
    return rows[keep], shapes[keep]
