"""Memory to ground: the rectangles of queries and answers, as frames, GeoPackage with its style, and GeoJSON."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely

from georetrieval.errors import InputError, UsageError
from georetrieval.files import publish, publishing
from georetrieval.geo.styles import Sizes, matches_style, queries_style, rows_style
from georetrieval.search.matches import Matches

BOUNDS = ("xmin", "ymin", "xmax", "ymax")
LONLAT = "EPSG:4326"
QUERIES, MATCHES, ROWS = "queries", "matches", "rows"
GPKG_VERSION = {"VERSION": "1.2"}
"""What every QGIS since 3.0 reads without a warning. *Source*: GDAL, driver GPKG, VERSION."""
Rectangles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ground:
    """Queries and answers on the ground.

    Attributes
    ----------
    queries : columns query, key, answers, best_rank (rank of the first true answer, 0 when there is none), outcome
        ("first", "later", "none": where the true answer is; "absent": no row that may answer shows its place;
        "unknown"), geometry
    matches : columns query, rank, score, hit ("yes", "no", "unknown"), tile_id, scope, date, geometry

    Both have a column confidence (0..1, of the query's first answer) when the index is calibrated; a query may then
    have no match at all, which is an answer too.
    """

    queries: gpd.GeoDataFrame
    matches: gpd.GeoDataFrame


def ground_table(catalogue: pd.DataFrame, crs: str) -> pa.Table:
    """Date, bounds and rectangle (WKB) of catalogue rows, with GeoParquet metadata: what an index keeps beside vectors.

    *Source*: GeoParquet 1.1.0.
    """
    from pyproj import CRS

    columns = {name: pa.array(catalogue[name].to_numpy(np.float64)) for name in BOUNDS}
    corners = [catalogue[name].to_numpy(np.float64) for name in BOUNDS]
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": {
        "encoding": "WKB", "geometry_types": ["Polygon"],
        "crs": CRS.from_user_input(crs).to_json_dict() if crs else None}}}
    return pa.table({
        "date": pa.array(catalogue["date"].astype(str).tolist(), pa.string()), **columns,
        "geometry": pa.array(shapely.to_wkb(shapely.box(*corners)), pa.binary()),
    }).replace_schema_metadata({"geo": json.dumps(geo)})


def on_ground(
    matches: Matches, attributes: pa.Table, query_bounds: Rectangles, crs: str, *,
    placed: npt.NDArray[np.bool_] | None = None, confidence: npt.NDArray[np.float64] | None = None,
) -> Ground:
    """Put matches on the ground.

    Parameters
    ----------
    attributes : gallery rows: scope, date, xmin, ymin, xmax, ymax
    query_bounds : (nq, 4) float64, a line per answered query; NaN where its place is not known
    crs : of all of them; "" for a plain frame
    placed : (nq,) bool, queries for which a hit means something; by default those with known bounds
    confidence : (nq,) 0..1, a column of both layers where it is known
    """
    known = np.asarray(np.isfinite(query_bounds).all(axis=1))
    judged = known if placed is None else placed
    first = np.where(matches.hits.any(axis=1), matches.hits.argmax(axis=1) + 1, 0)
    queries = gpd.GeoDataFrame({
        "query": matches.query_names.tolist(), "key": matches.query_keys.tolist(),
        "answers": matches.found.sum(axis=1).tolist(), "best_rank": first.tolist(),
        "outcome": np.select([~judged, first == 1, first > 1, matches.truths == 0],
                             ["unknown", "first", "later", "absent"], "none"),
    }, geometry=_boxes(query_bounds), crs=crs or None)
    answers = list(matches)
    rows = np.asarray([a.row for a in answers], np.int64)
    table = attributes.take(pa.array(rows))
    bounds = np.column_stack([table.column(name).to_numpy() for name in BOUNDS]).astype(float).reshape(-1, 4)
    found = gpd.GeoDataFrame({
        "query": [str(matches.query_names[a.query]) for a in answers], "rank": [a.rank for a in answers],
        "score": [a.score for a in answers],
        "hit": [("yes" if a.hit else "no") if judged[a.query] else "unknown" for a in answers],
        "tile_id": matches.gallery_names[rows].tolist(), "scope": table.column("scope").to_pylist(),
        "date": table.column("date").to_pylist(),
    }, geometry=_boxes(bounds), crs=crs or None)
    if confidence is not None:
        queries["confidence"] = np.round(confidence, 4)
        found["confidence"] = np.round(confidence, 4)[[a.query for a in answers]]
    return Ground(queries, found)


def ground_of(matches: Matches, catalogue: pd.DataFrame, crs: str) -> Ground:
    """Put matches on the ground when queries and gallery are tiles of one catalogue (by tile id)."""
    rows = catalogue.set_index("tile_id")
    gallery = rows.loc[matches.gallery_names.tolist()]
    table = ground_table(gallery, crs).append_column("scope", pa.array(gallery["scope"].astype(str).tolist()))
    bounds = rows.loc[matches.query_names.tolist(), list(BOUNDS)].to_numpy(np.float64)
    return on_ground(matches, table, bounds, crs)


def rows_on_ground(rows: pa.Table, crs: str) -> gpd.GeoDataFrame:
    """The rows of an index as rectangles: tile_id, key, scope, date, geometry.

    Raises
    ------
    UsageError
        When they are pictures without a place.
    """
    if rows.column("xmin").null_count:
        raise UsageError("The rows of this index have no place on the ground; export them as .parquet or .csv.")
    columns = {name: rows.column(name).to_pylist() for name in ("tile_id", "key", "scope", "date")}
    return gpd.GeoDataFrame(columns, geometry=_boxes(bounds_of(rows, np.arange(rows.num_rows))), crs=crs or None)


def write_rows(path: Path, rows: pa.Table, crs: str) -> None:
    """Publish the rows of an index as GeoPackage (layer "rows", with its style) or GeoJSON, by the suffix."""
    frame = rows_on_ground(rows, crs)
    if path.suffix.lower() == ".gpkg":
        _write_layers(path, {ROWS: frame}, [_style(ROWS, rows_style(_sizes(frame)))])
    elif frame.crs is None:
        raise UsageError("These tiles lie in a plain frame of pixels; GeoJSON needs a place on Earth. Use .gpkg.")
    else:
        publish(path, json.dumps({"type": "FeatureCollection", "features": _features(frame)},
                                 ensure_ascii=False).encode())


def write_geopackage(path: Path, matches: Matches, catalogue: pd.DataFrame, crs: str) -> None:
    """`write_gpkg` of matches between tiles of one catalogue."""
    write_gpkg(path, ground_of(matches, catalogue, crs))


def write_gpkg(path: Path, ground: Ground) -> None:
    """Publish a GeoPackage with the layers "queries" and "matches" and the styles that QGIS applies by itself.

    Raises
    ------
    InputError
        When there is nothing to write, or the place cannot be written.
    """
    if len(ground.matches) == 0 and "confidence" not in ground.queries:
        raise InputError("There is no answer to put on a map.")
    kinds = set(zip(ground.matches["hit"], ground.matches["rank"], strict=True))
    sizes = _sizes(ground.matches)._replace(rectangles=len(ground.queries))
    _write_layers(path, {MATCHES: ground.matches, QUERIES: ground.queries},
                  [_style(MATCHES, matches_style(sizes, kinds)),
                   _style(QUERIES, queries_style(_sizes(ground.queries), set(ground.queries["outcome"])))])


def _write_layers(path: Path, layers: Mapping[str, gpd.GeoDataFrame], styles: Sequence[Mapping[str, Any]]) -> None:
    with publishing(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*crs.*was not provided.*")
        for name, frame in layers.items():
            pyogrio.write_dataframe(frame, temporary, layer=name, driver="GPKG", geometry_type="Polygon",
                                    dataset_options=GPKG_VERSION, layer_options={"GEOMETRY_NAME": "geom"})
        pyogrio.write_dataframe(pd.DataFrame(styles), temporary, layer="layer_styles", driver="GPKG",
                                dataset_options=GPKG_VERSION)


def geojson(ground: Ground) -> str:
    """One GeoJSON text of queries and answers, in longitude and latitude (property "layer" tells them apart).

    *Source*: RFC 7946 (WGS 84, counter-clockwise rings).

    Raises
    ------
    UsageError
        When the tiles lie in a plain frame of pixels.
    """
    if ground.matches.crs is None:
        raise UsageError("These tiles lie in a plain frame of pixels; GeoJSON needs a place on Earth. Use gpkg.")
    features: list[Any] = []
    for name, frame in ((QUERIES, ground.queries), (MATCHES, ground.matches)):
        features += _features(frame.assign(layer=name))
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _features(frame: gpd.GeoDataFrame) -> list[Any]:
    moved = frame.to_crs(LONLAT)
    moved["geometry"] = shapely.orient_polygons(shapely.set_precision(moved.geometry.to_numpy(), 1e-7))
    features: list[Any] = json.loads(moved.to_json(drop_id=True))["features"]
    return features


def write_ground(path: Path, ground: Ground) -> None:
    """Publish as GeoPackage or GeoJSON, by the suffix.

    Raises
    ------
    UsageError
        For another suffix.
    """
    suffix = path.suffix.lower()
    if suffix == ".gpkg":
        write_gpkg(path, ground)
    elif suffix in (".geojson", ".json"):
        publish(path, geojson(ground).encode())
    else:
        raise UsageError(f"{path} must end in .gpkg or .geojson, so that it says what to write.")


def _boxes(bounds: Rectangles) -> Any:
    boxes = np.full(len(bounds), None, object)
    known = np.isfinite(bounds).all(axis=1)
    boxes[known] = shapely.box(*bounds[known].T)
    return boxes


def _style(layer: str, qml: str) -> dict[str, Any]:
    return {"f_table_catalog": "", "f_table_schema": "", "f_table_name": layer, "f_geometry_column": "geom",
            "styleName": layer, "styleQML": qml, "styleSLD": "", "useAsDefault": True, "description": "georetrieval",
            "owner": "", "ui": "", "update_time": pd.Timestamp("2000-01-01", tz="UTC")}


def _sizes(frame: gpd.GeoDataFrame) -> Sizes:
    """How many rectangles, and their side in metres."""
    bounds = frame.geometry[frame.geometry.notna()].bounds
    metric = frame.crs is not None and frame.crs.is_projected and frame.crs.axis_info[0].unit_conversion_factor == 1
    side = float((bounds["maxx"] - bounds["minx"]).median()) if metric and len(bounds) else 0.0
    return Sizes(len(frame), side)


def bounds_of(attributes: pa.Table, rows: Sequence[int] | npt.NDArray[np.int64]) -> Rectangles:
    """(n, 4) float64 rectangles of some gallery rows."""
    table = attributes.take(pa.array(np.asarray(rows, np.int64)))
    columns = [table.column(name).to_numpy() for name in BOUNDS]
    return np.column_stack(columns).astype(np.float64).reshape(-1, 4)
