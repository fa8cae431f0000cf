"""The tiles that a page knows by number: the rows of an index, then tiles of other dates that it does not hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.maps import BOUNDS, LONLAT, Rectangles, bounds_of
from georetrieval.search.descriptors import Descriptors, Texts

FRAME_DEGREES = 1e-5
"""A unit of a plain frame, which lies nowhere on Earth, in degrees around (0, 0)."""
DECIMALS = 6
"""Of degrees: a tenth of a metre."""


@dataclass(frozen=True, eq=False)
class TileRows:
    """All tiles, (n,) each.

    Attributes
    ----------
    names, keys, scopes, dates : (n,) str
    bounds : (n, 4) float64 in the CRS of the index
    indexed : how many are rows of the index, the first ones; only these answer
    crs : "" for a plain frame
    """

    names: Texts
    keys: Texts
    scopes: Texts
    dates: Texts
    bounds: Rectangles
    indexed: int
    crs: str

    @classmethod
    def of(cls, rows: Descriptors, table: pa.Table, tilesets: Sequence[TileSet], crs: str) -> TileRows:
        """Rows of an index, and the valid tiles of its scopes that only the tile sets hold."""
        names, scopes = rows.names.tolist(), set(rows.scopes.tolist())
        columns: list[list[Any]] = [names, rows.keys.tolist(), rows.scopes.tolist(), table.column("date").to_pylist()]
        bounds, known = [bounds_of(table, np.arange(len(rows)))], set(names)
        for tileset in tilesets:
            frame = tileset.catalogue
            more = frame[frame["valid"] & frame["scope"].isin(scopes) & ~frame["tile_id"].isin(known)]
            for column, name in zip(columns, ("tile_id", "key", "scope", "date"), strict=True):
                column += more[name].astype(str).tolist()
            bounds.append(more[list(BOUNDS)].to_numpy(np.float64))
            known.update(more["tile_id"].tolist())
        texts = [np.asarray(column, np.str_) for column in columns]
        return cls(texts[0], texts[1], texts[2], texts[3], np.concatenate(bounds), len(rows), crs)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def place_of(self) -> dict[str, int]:
        """Number of each tile by its name."""
        return {name: place for place, name in enumerate(self.names.tolist())}

    @cached_property
    def of_key(self) -> dict[str, list[int]]:
        """Numbers of the tiles of each place."""
        found: dict[str, list[int]] = {}
        for place, key in enumerate(self.keys.tolist()):
            found.setdefault(key, []).append(place)
        return found

    @cached_property
    def corners(self) -> npt.NDArray[np.float64]:
        """(n, 4, 2) longitude and latitude of the corners: south-west, south-east, north-east, north-west."""
        x0, y0, x1, y1 = self.bounds.T
        x, y = np.stack([x0, x1, x1, x0], 1), np.stack([y0, y0, y1, y1], 1)
        if not self.crs:
            return np.round(np.stack([x, y], -1) * FRAME_DEGREES, DECIMALS)
        from pyproj import Transformer

        lon, lat = Transformer.from_crs(self.crs, LONLAT, always_xy=True).transform(x, y)
        return np.round(np.stack([lon, lat], -1), DECIMALS)

    @property
    def extent(self) -> list[float]:
        """West, south, east, north of all tiles, in degrees."""
        flat = self.corners.reshape(-1, 2)
        return [*map(float, flat.min(axis=0)), *map(float, flat.max(axis=0))]

    def in_crs(self, box: Sequence[float]) -> tuple[float, float, float, float]:
        """A box of degrees in the CRS of the index: the rectangle around it.

        Raises
        ------
        InputError
            When it is empty, or too far away.
        """
        west, south, east, north = box
        if not (west < east and south < north):
            raise InputError("The box is empty; give west, south, east, north with west < east and south < north.")
        if not self.crs:
            return (west / FRAME_DEGREES, south / FRAME_DEGREES, east / FRAME_DEGREES, north / FRAME_DEGREES)
        from pyproj import Transformer

        found = Transformer.from_crs(LONLAT, self.crs, always_xy=True).transform_bounds(west, south, east, north)
        if not np.isfinite(found).all():
            raise InputError(f"The box lies outside what {self.crs} can tell; give one nearer to the tiles.")
        return (float(found[0]), float(found[1]), float(found[2]), float(found[3]))

    @cached_property
    def date_list(self) -> list[str]:
        """All dates, ascending."""
        return sorted(set(self.dates.tolist()))

    @cached_property
    def scope_list(self) -> list[str]:
        """All scopes, ascending."""
        return sorted(set(self.scopes.tolist()))

    def columns(self, version: str) -> bytes:
        """JSON of all tiles, column by column."""
        date, scope = self._codes
        value = {
            "index_version": version, "indexed": self.indexed, "id": self.names.tolist(), "date": date, "scope": scope,
            "corners": self.corners.reshape(-1, 8).tolist(), "key": self.keys.tolist(),
        }
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()

    def polygons(self) -> bytes:
        """GeoJSON of all tiles by their numbers, as a map draws them: d and s are places in the lists."""
        texts = [
            f'{{"type":"Feature","id":{n},"properties":{{"d":{d},"s":{s}}},"geometry":{{"type":"Polygon","coordinates":'
            f"[[[{a},{b}],[{c},{e}],[{f},{g}],[{h},{i}],[{a},{b}]]]}}}}"  # a third of the time of json
            for n, (d, s, (a, b, c, e, f, g, h, i)) in
            enumerate(zip(*self._codes, self.corners.reshape(-1, 8).tolist(), strict=True))]
        return f'{{"type":"FeatureCollection","features":[{",".join(texts)}]}}'.encode()

    @cached_property
    def _codes(self) -> tuple[list[int], list[int]]:
        """The place of each tile's date in `date_list`, and of its scope in `scope_list`."""
        both = (self.dates, self.scopes)
        date, scope = (np.unique(column, return_inverse=True)[1].tolist() for column in both)
        return date, scope
