"""What looking closely at one layer reveals, each finding in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyogrio
import shapely

from georetrieval.geo.dbf import Dbf, open_dbf
from georetrieval.geo.deliveries import LayerRef
from georetrieval.geo.shapefile import UNKNOWN_ALTITUDE_M, find_parts, read_header, stale_index
from georetrieval.geo.shapes import FAR_M
from georetrieval.geo.sources import Source
from georetrieval.geo.tables import Table
from georetrieval.geo.traps import Trap, noted, reading

OLDEST_YEAR = 1800
"""A date before it is a placeholder: IGN writes 1590 for "unknown" (BDTOPO.md)."""

_Z_KINDS = range(11, 20)


def header_traps(layer: LayerRef) -> list[Trap]:
    """What the files say before any object is looked at: altitudes, dates, indexes."""
    return _gpkg_traps(layer) if layer.gpkg_layer else _shapefile_traps(layer)


def shape_traps(layer: LayerRef, table: Table, dropped: Mapping[str, int]) -> list[Trap]:
    """Objects that cannot be painted, and geometries that will have to be mended."""
    name = layer.name
    if not len(table.geometry):
        return [noted("layer-empty", name, "the layer is empty, which is legal.")]
    kinds = {"NULL geometry": "null-geometry", "empty geometry": "null-geometry", "placed at (0, 0)": "at-origin",
             "coordinates that are no numbers": "not-finite"}
    traps = [
        noted(kinds[why], name, f"{count} of {len(table.geometry)} objects are left out: {why}.")
        for why, count in dropped.items()
    ]
    there = table.geometry[~shapely.is_missing(table.geometry)]
    areas = there[shapely.get_dimensions(there) == 2]
    if broken := int((~shapely.is_valid(areas)).sum()):
        traps.append(noted("invalid-geometry", name, f"{broken} polygons are not valid; painting mends them."))
    return traps


def value_traps(layer: LayerRef, table: Table, sources: Sequence[Source], unsaid: int) -> list[Trap]:
    """Widths that are not there, and values that no class of the legend knows."""
    name, traps = layer.name, []
    if unsaid:
        fields = ", ".join(dict.fromkeys(source.width_field for source in sources if source.width_field))
        traps.append(noted("width-missing", name, f"{fields} is absent, NULL, 0 or not believable for {unsaid} "
                                                  "objects; the legend's default widths are used."))
    for field in dict.fromkeys(field for source in sources for field, _ in source.where):
        if values := _strangers(table, field, sources):
            text = f"values of {field} that no class is painted from: {values}."
            traps.append(noted("value-unknown", name, text))
    return traps


def _strangers(table: Table, field: str, sources: Sequence[Source]) -> str:
    """The values of a filter field that no source knows, the most frequent first."""
    column = table.column(field)
    if column is None or not len(table.geometry):
        return ""
    expected = [value for source in sources for value in source.values_of(field)]
    strange = ~column.among(expected)
    counts = np.bincount(column.codes[strange], minlength=len(column.values))
    places = [place for place in np.argsort(-counts, kind="stable") if counts[place]]
    found = [(int(counts[place]), column.values[place]) for place in places]
    shown = [f"{value if value is not None else 'NULL'} ({count})" for count, value in found[:6]]
    return ", ".join(shown) + (f" and {len(found) - 6} more" if len(found) > 6 else "")


def _shapefile_traps(layer: LayerRef) -> list[Trap]:
    name, traps = layer.name, []
    parts, header = find_parts(layer.path), read_header(layer.path)
    if header.kind in _Z_KINDS and header.z_min <= UNKNOWN_ALTITUDE_M:
        traps.append(_altitude(name))
    if stale_index(parts):
        traps.append(noted("index-old", name, "its .qix index is not that of its .shp and is not used; delete it."))
    xmin, ymin, xmax, ymax = header.bounds
    if xmin == 0 and ymin == 0 and max(abs(xmax), abs(ymax)) > FAR_M:
        text = "the bounds in its header begin at (0, 0); those of its objects are used."
        traps.append(noted("header-origin", name, text))
    if parts.dbf and (years := _old_years(open_dbf(parts.dbf))):
        traps.append(_dates(name, years))
    return traps


def _gpkg_traps(layer: LayerRef) -> list[Trap]:
    name, traps = layer.name, []
    with reading(layer.path, name):
        info = pyogrio.read_info(layer.path, layer=layer.gpkg_layer)
        if not info["features"]:
            return []
        if not info["capabilities"]["fast_spatial_filter"]:
            traps.append(noted("no-rtree", name, "the GeoPackage has no spatial index for it; reading a part of it is "
                                                 "about ten times slower."))
        kinds = zip(info["fields"], info["dtypes"], strict=True)
        columns = [str(field) for field, kind in kinds if str(kind).startswith("datetime")]
        if columns and (years := _old_stamps(layer, columns)):
            traps.append(_dates(name, years))
    return traps


def _old_stamps(layer: LayerRef, columns: Sequence[str]) -> list[int]:
    _, table = pyogrio.read_arrow(layer.path, layer=layer.gpkg_layer, columns=columns, read_geometry=False)
    stamps = [table.column(name) for name in columns if pa.types.is_temporal(table.column(name).type)]
    lowest = [pc.min(pc.year(column)).as_py() for column in stamps]
    return sorted({year for year in lowest if year is not None and year < OLDEST_YEAR})


def _old_years(dbf: Dbf) -> list[int]:
    fields = [f for f in dbf.fields if f.kind == "D" or (f.kind == "C" and f.name.upper().startswith("DATE"))]
    dates = [value for field in fields for value in dbf.distinct(field)[0]]
    years = {int(date[:4]) for date in dates if len(date) >= 8 and date[:4].isdigit()}
    return sorted(year for year in years if 0 < year < OLDEST_YEAR)


def _dates(name: str, years: Sequence[int]) -> Trap:
    return noted("date-old", name, f"dates of the year {', '.join(map(str, years))} stand for unknown and break many "
                                   "readers; date columns are not read.")


def _altitude(name: str) -> Trap:
    return noted("altitude-unknown", name, "altitudes of -1000 stand for unknown; Z is not used.")
