"""Writing map layers as the surveys ship them: shapefiles in upper case, GeoPackages in lower case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.raw
import shapely
from numpy.typing import NDArray

from georetrieval.files import publish, scratch_folder
from georetrieval.synthetic.layer import Shapes

CRS = "EPSG:2154"
SIDE_FILES = (".shp", ".shx", ".dbf", ".prj")


@dataclass(frozen=True)
class Table:
    """One layer to write: `theme` is its folder, fields are (long name, short name) -> values (None = NULL)."""

    theme: str
    name: str
    kind: str
    shapes: Shapes
    fields: Mapping[tuple[str, str], NDArray[Any]]


def write_shapefile(folder: Path, table: Table, encoding: str, edition: str) -> None:
    """Write FOLDER/THEME/NAME.SHP with its side files, text in `encoding` and, as usual, no .cpg that says so."""
    with scratch_folder() as scratch:
        _write(scratch / f"{table.name}.shp", table, [short for _, short in table.fields], driver="ESRI Shapefile",
               encoding=encoding, layer_options={"DBF_DATE_LAST_UPDATE": edition})
        for suffix in SIDE_FILES:
            data = (scratch / f"{table.name}{suffix}").read_bytes()
            publish(folder / table.theme / f"{table.name}{suffix.upper()}", data)


def write_geopackage(path: Path, tables: Sequence[Table], edition: str) -> None:
    """Write all tables as layers of one GeoPackage, without spatial index, as it is shipped."""
    with _frozen_clock(edition), scratch_folder() as scratch:
        for table in tables:
            _write(scratch / path.name, table, [long for long, _ in table.fields], driver="GPKG",
                   layer=table.name.lower(), layer_options={"SPATIAL_INDEX": "NO", "GEOMETRY_NAME": "geometrie"})
        publish(path, (scratch / path.name).read_bytes())


def _write(path: Path, table: Table, names: list[str], **options: Any) -> None:
    flat = table.kind.removesuffix(" Z") == table.kind
    shapes = table.shapes if flat or not len(table.shapes) else shapely.force_3d(table.shapes, _height(table.shapes))
    values = list(table.fields.values())
    pyogrio.raw.write(
        str(path), geometry=shapely.to_wkb(shapes) if len(shapes) else np.empty(0, object),
        field_data=[_plain(value) for value in values], fields=names,
        field_mask=[_missing(value) for value in values], geometry_type=table.kind, crs=CRS, **options)


def _height(shapes: Shapes) -> Any:
    """Altitudes between 180 and 260 m; every tenth object's is unknown, which the survey writes as -1000."""
    middle = shapely.get_coordinates(shapely.centroid(shapes))
    height = np.round(220 + 40 * np.sin(middle[:, 0] / 3100) * np.cos(middle[:, 1] / 2700), 1)
    return np.where(np.arange(len(shapes)) % 10 == 9, -1000.0, height)


def _missing(values: NDArray[Any]) -> NDArray[np.bool_] | None:
    if values.dtype == object:
        return np.array([value is None for value in values], bool)
    return np.isnan(values) if values.dtype.kind == "f" else None


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype(object) if values.dtype.kind == "U" else values


@contextmanager
def _frozen_clock(edition: str) -> Iterator[None]:
    """GDAL stamps tables with the time; the same world has to give the same bytes."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{edition}T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
