"""Checked reading of one layer: geometry, the few columns that matter, the CRS, and everything odd about it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from georetrieval.errors import GeoretrievalError, InputError
from georetrieval.geo.dbf import Dbf, open_dbf
from georetrieval.geo.deliveries import Delivery, LayerRef
from georetrieval.geo.encoding import TextEncoding, choose_encoding, decoded, encoding_trap, mended
from georetrieval.geo.georeference import layer_crs
from georetrieval.geo.grid import Bounds
from georetrieval.geo.reprojection import carried
from georetrieval.geo.shapefile import check_parts, find_parts, read_cpg, stale_index
from georetrieval.geo.sources import Source
from georetrieval.geo.traps import Trap, reading, refuse_fatal

_PLAIN = {kind + height for kind in ("Polygon", "MultiPolygon") for height in ("", " Z")} | {
    f"2.5D {kind}" for kind in ("Polygon", "MultiPolygon")}
"""Layers whose WKB can be painted as it is: neither measures nor curves."""


@dataclass(frozen=True)
class Categories:
    """A column by its distinct values.

    Attributes
    ----------
    codes
        (n,) int64, the place of each row's value among `values`.
    values
        Distinct values as text; None is NULL.
    """

    codes: NDArray[np.int64]
    values: tuple[str | None, ...]

    def among(self, wanted: Sequence[str]) -> NDArray[np.bool_]:
        """(n,) bool: whose value is one of these."""
        words = {_plain(value) for value in wanted}
        return self._looked_up([value is not None and _plain(value) in words for value in self.values], bool)

    def numbers(self) -> NDArray[np.float64]:
        """(n,) float64: the values as numbers, NaN where they are none."""
        return self._looked_up([as_number(value) for value in self.values], float)

    def _looked_up(self, table: Sequence[Any], kind: type) -> NDArray[Any]:
        return np.asarray(table, kind)[self.codes] if len(table) else np.zeros(len(self.codes), kind)


@dataclass(frozen=True)
class Table:
    """One layer as it lies in its file.

    Attributes
    ----------
    geometry
        (n,) shapely objects, 2-D, None for NULL.
    columns
        By folded field name.
    crs
        None when nothing says it.
    encoding
        Of its text, for people.
    traps
        Everything odd that was met.
    wkb
        (n,) bytes, the geometry as the file has it; None for a layer of anything but plain polygons.
    """

    geometry: NDArray[np.object_]
    columns: dict[str, Categories]
    crs: CRS | None
    encoding: str
    traps: tuple[Trap, ...] = field(default=())
    wkb: NDArray[np.object_] | None = None

    def column(self, name: str) -> Categories | None:
        """The column of a field of the legend, if the layer has it."""
        return self.columns.get(name.casefold())


def known_values(sources: Sequence[Source]) -> dict[str, set[str]]:
    """Field (folded) -> every value that these sources name."""
    fields = known_fields(sources)
    return {f: known for f in sorted(fields) if (known := {v for s in sources for v in s.values_of(f)})}


def known_fields(sources: Sequence[Source]) -> set[str]:
    """Every field (folded) that these sources ask for."""
    return {name.casefold() for s in sources for name in (*s.required_fields(), *s.optional_fields())}


def read_table(
    delivery: Delivery, layer: LayerRef, sources: Sequence[Source], *, bounds: Bounds | None = None,
    bounds_crs: CRS | None = None, lenient: bool = False,
) -> Table:
    """Read one layer for the sources that are painted from it.

    Parameters
    ----------
    bounds, bounds_crs
        Only objects that touch this rectangle, given in `bounds_crs` (None: in the layer's own coordinates).
    lenient
        Report what is fatal as a trap and return an empty table, where an error would be raised otherwise.

    Raises
    ------
    InputError
        When the layer is damaged, its parts are out of step, or a field that the legend filters by is missing.
    """
    broken = () if layer.gpkg_layer else check_parts(find_parts(layer.path), layer.name)
    try:
        if not _bearable(broken, sources):
            refuse_fatal(broken)
        crs, traps = layer_crs(delivery, layer)
        box = carried(bounds, bounds_crs, crs) if bounds and bounds_crs is not None and crs is not None else bounds
        read = _read_gpkg if layer.gpkg_layer else _read_shapefile
        table = read(delivery, layer, sources, box)
    except GeoretrievalError as error:
        if not lenient:
            raise
        found = broken or (Trap("unreadable", layer.name, str(error), fatal=True),)
        return Table(np.empty(0, object), {}, None, "", found)
    return Table(table.geometry, table.columns, crs, table.encoding, (*broken, *traps, *table.traps), table.wkb)


def _bearable(broken: tuple[Trap, ...], sources: Sequence[Source]) -> bool:
    """A missing .dbf does not matter where no attribute is asked for."""
    return not known_fields(sources) and all(trap.kind in ("dbf-missing", "dbf-damaged") for trap in broken)


def _read_gpkg(delivery: Delivery, layer: LayerRef, sources: Sequence[Source], box: Bounds | None) -> Table:
    del delivery
    with reading(layer.path, layer.name):
        info = pyogrio.read_info(layer.path, layer=layer.gpkg_layer)
        places = _places(layer, [str(name) for name in info["fields"]], sources)
        meta, rows = pyogrio.read_arrow(
            layer.path, layer=layer.gpkg_layer, columns=sorted(set(places.values())), bbox=box)
        geometry, wkb = _from_wkb(rows.column(meta["geometry_name"] or "wkb_geometry"), meta)
        known = known_values(sources)
        columns = {name: _categories(rows.column(place), known.get(name, ())) for name, place in places.items()}
    return Table(geometry, columns, None, "UTF-8", wkb=wkb)


def _categories(column: Any, expected: Any) -> Categories:
    import pyarrow as pa

    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    values = [mended(unicodedata.normalize("NFC", value), expected) for value in encoded.dictionary.to_pylist()]
    codes = encoded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False).astype(np.int64)
    return Categories(codes, (*values, None))


def _read_shapefile(delivery: Delivery, layer: LayerRef, sources: Sequence[Source], box: Bounds | None) -> Table:
    parts = find_parts(layer.path)
    hidden = stale_index(parts)
    with reading(layer.path):
        meta, rows = pyogrio.read_arrow(layer.path, columns=[], return_fids=True, bbox=None if hidden else box)
        fids = rows.column(meta["fid_column"] or "OGC_FID").to_numpy()
        geometry, wkb = _from_wkb(rows.column(meta["geometry_name"] or "wkb_geometry"), meta)
    if hidden and box:
        touching = shapely.intersects(shapely.box(*box), shapely.envelope(geometry))
        fids, geometry, wkb = fids[touching], geometry[touching], None if wkb is None else wkb[touching]
    if not known_fields(sources) and check_parts(parts, layer.name):
        return Table(geometry, {}, None, "", wkb=wkb)
    assert parts.dbf is not None
    dbf = open_dbf(parts.dbf)
    places = _places(layer, dbf.names, sources)
    known = known_values(sources)
    encoding = choose_encoding(dbf, known, cpg=read_cpg(parts), asked=delivery.encoding)
    traps = [trap for trap in (encoding_trap(layer.name, encoding),) if trap and known]
    columns = {}
    for name, place in places.items():
        columns[name], lost = _dbf_column(dbf, place, encoding, known.get(name, ()), fids)
        if lost:
            traps.append(Trap("text-lost", layer.name, f"{layer.name}: {lost} different values of {place} have lost "
                                                       "letters; the words of the legend complete them."))
    return Table(geometry, columns, None, encoding.shown, tuple(traps), wkb)


def _dbf_column(
    dbf: Dbf, place: str, encoding: TextEncoding, expected: Any, fids: NDArray[np.int64],
) -> tuple[Categories, int]:
    """One column of the rows `fids`, and how many distinct values had to be mended."""
    field_ = dbf.field(place)
    assert field_ is not None
    raw, codes = dbf.distinct(field_)
    texts = [decoded(value, encoding) for value in raw]
    values = [mended(text, expected) for text in texts]
    nulls = [None if not value or set(value) == {"*"} else value for value in values]
    return Categories(codes[fids], tuple(nulls)), sum(a != b for a, b in zip(texts, values, strict=True))


def _places(layer: LayerRef, there: Sequence[str], sources: Sequence[Source]) -> dict[str, str]:
    """Folded field -> its name in the file; a shapefile cuts names after ten letters."""
    names = {name.casefold(): name for name in there}
    if not layer.gpkg_layer:
        names = {name[:10]: place for name, place in names.items()} | names
    wide = 10 if not layer.gpkg_layer else 1000
    places: dict[str, str] = {}
    for source in sources:
        for wanted in (*source.required_fields(), *source.optional_fields()):
            folded = wanted.casefold()
            if place := names.get(folded) or names.get(folded[:wide]):
                places[folded] = place
            elif wanted in source.required_fields():
                raise InputError(f"{layer.path} ({layer.name}) has no field {wanted}, which tells the classes apart; "
                                 f"it has {', '.join(there) or 'none'}.")
    return places


def _from_wkb(column: Any, meta: Any) -> tuple[NDArray[np.object_], NDArray[np.object_] | None]:
    """Geometry in two dimensions, and the bytes that it was read from."""
    wkb = column.to_numpy()
    with np.errstate(invalid="ignore"):
        geometry = shapely.from_wkb(wkb, on_invalid="ignore")
        return np.asarray(shapely.force_2d(geometry), object), wkb if meta["geometry_type"] in _PLAIN else None


def as_number(value: str | None) -> float:
    """A text as a number, NaN when it is none ("Gué ou radier")."""
    try:
        return float(value) if value is not None else float("nan")
    except ValueError:
        return float("nan")


def _plain(value: str) -> str:
    """The same spelling for 1, "1" and "1.000"; text stays as it is."""
    number = as_number(value)
    if number != number or number in (float("inf"), float("-inf")):
        return unicodedata.normalize("NFC", value).strip()
    return repr(number)

