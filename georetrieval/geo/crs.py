"""CRS compared as objects, never as strings: one system has many spellings (EPSG:2154, IGNF:LAMB93, bare WKT)."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

from pyproj import CRS
from pyproj.exceptions import CRSError

from georetrieval.errors import InputError


@lru_cache(maxsize=256)
def parse_crs(text: str) -> CRS:
    """A CRS from any text that PROJ understands.

    Raises
    ------
    InputError
        When PROJ does not know it.
    """
    if "init=" in text and ("/" in text or "\\" in text):
        raise InputError(f"{text[:80]!r} names a file, not a coordinate system; write for example EPSG:2154.")
    try:
        return CRS.from_user_input(text)
    except CRSError as error:
        raise InputError(f"{text!r} is not a coordinate system; write for example EPSG:2154.") from error


def same_crs(one: str, other: str) -> bool:
    """True when two texts mean the same plane of coordinates (names and axis order apart)."""
    if one == other:
        return True
    if not one or not other:
        return False
    a, b = parse_crs(one), parse_crs(other)
    if a.equals(b, ignore_axis_order=True):
        return True
    codes = a.to_epsg(), b.to_epsg()
    if None not in codes:
        return codes[0] == codes[1]
    return _plain(a) == _plain(b)


def crs_name(text: str) -> str:
    """Short name for a message: "EPSG:2154", else the name inside the definition."""
    if not text:
        return "a plain frame of pixels"
    crs = parse_crs(text)
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else crs.name


def _plain(crs: CRS) -> dict[str, Any]:
    """Parameters of the projection, without names; RGF93, WGS 84 and GRS 80 are one at the scale of a pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = crs.to_dict()
    for word in ("no_defs", "type", "datum", "ellps", "towgs84", "title", "wktext", "nadgrids"):
        values.pop(word, None)
    values.setdefault("units", "m")
    axis = crs.ellipsoid.semi_major_metre if crs.ellipsoid else 0.0
    return {name: round(v, 6) if isinstance(v, float) else v for name, v in values.items()} | {"axis": round(axis)}
