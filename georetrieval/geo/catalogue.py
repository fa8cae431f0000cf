"""The catalogue of tiles: one row per tile, GeoParquet with page checksums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from georetrieval.errors import StoreError
from georetrieval.files import publishing

FIXED: dict[str, pa.DataType] = {
    "tile_id": pa.string(), "key": pa.string(), "scope": pa.string(), "date": pa.string(),
    "col": pa.int32(), "row": pa.int32(), "valid": pa.bool_(), "photo_share": pa.float32(),
    "xmin": pa.float64(), "ymin": pa.float64(), "xmax": pa.float64(), "ymax": pa.float64(), "sheet": pa.string(),
}
"""Columns of every catalogue; then `share_<class key>` (float32, NaN without vectors) and `geometry` (WKB)."""

MOST_ROWS = 50_000_000


def write_catalogue(path: Path, rows: pd.DataFrame, class_keys: Sequence[str], crs: str) -> None:
    """Publish a catalogue; `rows` has the columns of `FIXED` and the shares, in the order to be kept."""
    columns = {name: pa.array(rows[name].to_numpy(), type=kind) for name, kind in FIXED.items()}
    for name in (f"share_{key}" for key in class_keys):
        columns[name] = pa.array(rows[name].to_numpy(np.float32), type=pa.float32())
    corners = [rows[name].to_numpy(np.float64) for name in ("xmin", "ymin", "xmax", "ymax")]
    columns["geometry"] = pa.array(shapely.to_wkb(shapely.box(*corners)), type=pa.binary())
    table = pa.table(columns).replace_schema_metadata({"geo": json.dumps(_geo(corners, crs))})
    with publishing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", write_page_checksum=True)


def read_catalogue(path: Path) -> pd.DataFrame:
    """Read a catalogue without its geometry column, checksums verified.

    Raises
    ------
    StoreError
        When it is missing, damaged or not a catalogue.
    """
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        if file.metadata.num_rows > MOST_ROWS:
            raise StoreError(f"{path} declares {file.metadata.num_rows} rows, more than a catalogue holds.")
        names = [name for name in file.schema_arrow.names if name in FIXED or name.startswith("share_")]
        if missing := [name for name in FIXED if name not in names]:
            raise StoreError(f"{path} is not a catalogue of tiles: the column {missing[0]} is missing.")
        frame: pd.DataFrame = file.read(columns=names).to_pandas()
    except (OSError, pa.ArrowException, ValueError) as error:
        raise StoreError(f"The catalogue {path} cannot be read ({_first(error)}); run `tiles build` again.") from error
    return frame


def _geo(corners: list[Any], crs: str) -> dict[str, Any]:
    """The "geo" metadata. *Source*: GeoParquet 1.1.0."""
    from pyproj import CRS

    west, south, east, north = corners
    bbox = [float(west.min()), float(south.min()), float(east.max()), float(north.max())] if len(west) else []
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Polygon"],
                              "crs": CRS.from_user_input(crs).to_json_dict() if crs else None}
    if bbox:
        column["bbox"] = bbox
    return {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")
