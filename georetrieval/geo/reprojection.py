"""From the coordinates of a layer to those that are asked for, with an honest word about accuracy."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from pyproj.transformer import TransformerGroup

from georetrieval.errors import InputError
from georetrieval.geo.grid import Bounds

LAMBERT_93 = "EPSG:2154"
LAMBERT_93_RANGE: Bounds = (0.0, 6_000_000.0, 1_350_000.0, 7_200_000.0)
"""Mainland France and Corsica in Lambert-93 with a margin; no other projection in use there has y near 6.5 million."""

_NUMBERS = {
    "Latitude of false origin": 46.5, "Longitude of false origin": 3.0, "Easting at false origin": 700_000.0,
    "Northing at false origin": 6_600_000.0,
}
_PARALLELS = (44.0, 49.0)
"""*Source*: EPSG:2154; the two parallels may come in either order (IGNF:LAMB93)."""

_GOOD_M = 2.0
"""An operation this accurate is not worth a sentence: 2 m is the best there is from NTF without a grid to WGS 84."""

Move = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Reprojection:
    """A way from one CRS to another.

    Attributes
    ----------
    move
        (n, 2) float64 coordinates to (n, 2), x before y; None when nothing has to be done. Points that cannot go
        become inf.
    note
        What a person should know about its accuracy; "" when there is nothing to say.
    """

    move: Move | None
    note: str


def normalised(crs: CRS) -> CRS:
    """The horizontal part, as EPSG:2154 when it is Lambert-93 by whatever name and authority."""
    if crs.is_compound and crs.sub_crs_list:
        crs = crs.sub_crs_list[0]
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    return lambert_93() if is_lambert_93(crs) else crs


@lru_cache(maxsize=1)
def lambert_93() -> CRS:
    """EPSG:2154."""
    return CRS.from_user_input(LAMBERT_93)


def is_lambert_93(crs: CRS) -> bool:
    """Whether this is Lambert-93, judged on its projection's numbers (EPSG:2154, EPSG:9794, IGNF:LAMB93, no name)."""
    operation = crs.coordinate_operation
    if not crs.is_projected or operation is None or "Lambert Conic Conformal (2SP)" not in operation.method_name:
        return False
    values = {p.name: float(p.value) for p in operation.params}
    parallels = sorted(value for name, value in values.items() if "standard parallel" in name)
    axis_m = crs.ellipsoid.semi_major_metre if crs.ellipsoid else math.nan
    return (
        all(math.isclose(values.get(name, math.nan), value, abs_tol=1e-6) for name, value in _NUMBERS.items())
        and len(parallels) == 2 and bool(np.allclose(parallels, _PARALLELS, atol=1e-6))
        and math.isclose(axis_m, 6_378_137.0, abs_tol=0.01)
        and all(axis.unit_name in ("metre", "meter", "m") for axis in crs.axis_info)
    )


def shown(crs: CRS | None) -> str:
    """Name for people: authority, code and name, or "unknown"."""
    if crs is None:
        return "unknown"
    authority = crs.to_authority(min_confidence=70)
    return f"{':'.join(authority)} ({crs.name})" if authority else str(crs.name)


def in_lambert_93(bounds: Bounds) -> bool:
    """Whether these coordinates can be Lambert-93: all inside mainland France's range."""
    return _inside(bounds, LAMBERT_93_RANGE)


def plausible(bounds: Bounds, crs: CRS) -> bool:
    """Whether coordinates can be of this CRS: in its area of use, or within a quarter of its size around it."""
    if not all(map(math.isfinite, bounds)):
        return True
    if crs == lambert_93():
        return in_lambert_93(bounds)
    box = _area(crs.to_wkt())
    if box is None:
        return True
    dx, dy = (box[2] - box[0]) / 4, (box[3] - box[1]) / 4
    return _inside(bounds, (box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy))


def reprojection(source: CRS, target: CRS) -> Reprojection:
    """Find the best way from one CRS to another, and say when the best one of all is not installed.

    Raises
    ------
    InputError
        When there is none.
    """
    return _reprojection(source.to_wkt(), target.to_wkt())


def carried(bounds: Bounds, source: CRS, target: CRS) -> Bounds:
    """The rectangle in `target` that holds a rectangle of `source`."""
    if source == target:
        return bounds
    with _between(source, target):
        west, south, east, north = Transformer.from_crs(source, target, always_xy=True).transform_bounds(*bounds)
    return (west, south, east, north)


@contextmanager
def _between(source: CRS, target: CRS) -> Iterator[None]:
    """PROJ has no operation for a projection that it does not know, or for figures that are none."""
    try:
        yield
    except (ProjError, IndexError) as error:  # IndexError: of a group without any operation
        raise InputError(f"There is no way from the CRS {shown(source)} to {shown(target)}: the first is unknown or "
                         "damaged (a .prj?); give the right one with --crs, such as --crs EPSG:2154.") from error


@lru_cache(maxsize=32)
def _reprojection(source: str, target: str) -> Reprojection:
    left, right = CRS.from_wkt(source), CRS.from_wkt(target)
    if left == right:
        return Reprojection(None, "")
    with warnings.catch_warnings(), _between(left, right):
        warnings.simplefilter("ignore")
        group = TransformerGroup(left, right, always_xy=True)
        transformer = Transformer.from_crs(left, right, always_xy=True)

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = transformer.transform(points[:, 0], points[:, 1])
        return np.column_stack([x, y])

    return Reprojection(move, _accuracy(left, right, group, transformer))


def _accuracy(left: CRS, right: CRS, group: Any, transformer: Transformer) -> str:
    """The honest test is `best_available`: PROJ takes the next best operation without a word."""
    way = f"From {shown(left)} to {shown(right)}"
    metres = transformer.accuracy
    reached = f"accurate to about {metres:g} m" if metres and metres > 0 else "of unknown accuracy"
    if not group.best_available:
        grids = sorted({grid.short_name for operation in group.unavailable_operations for grid in operation.grids})
        needed = f"needs the grid {' or '.join(grids)}, which is not installed" if grids else "is not available"
        return f"{way}: the best operation {needed}; the one in use is {reached}."
    return f"{way}: the operation in use is {reached}." if not metres or not 0 < metres <= _GOOD_M else ""


@lru_cache(maxsize=32)
def _area(wkt: str) -> Bounds | None:
    crs = CRS.from_wkt(wkt)
    if crs.is_geographic:
        return (-180.0, -90.0, 180.0, 90.0)
    use = crs.area_of_use
    if use is None or crs.geodetic_crs is None:
        return None
    try:
        way = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
        box = way.transform_bounds(use.west, use.south, use.east, use.north)
    except ProjError:
        return None
    return (box[0], box[1], box[2], box[3]) if all(map(math.isfinite, box)) else None


def _inside(bounds: Bounds, box: Bounds) -> bool:
    return bounds[0] >= box[0] and bounds[1] >= box[1] and bounds[2] <= box[2] and bounds[3] <= box[3]
