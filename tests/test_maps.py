import json
import sqlite3
import xml.etree.ElementTree as ET
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyproj import Transformer

from georetrieval.errors import InputError, UsageError
from georetrieval.maps import bounds_of, geojson, ground_table, on_ground, write_ground
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery

WEST, SOUTH = 930_000.0, 6_920_000.0


def catalogue(n: int = 4) -> pd.DataFrame:
    west = WEST + 500 * np.arange(n)
    return pd.DataFrame({"date": "2004", "xmin": west, "ymin": SOUTH, "xmax": west + 500, "ymax": SOUTH + 500})


def answered(crs: str = "EPSG:2154"):
    """Two queries: the first finds its own place at rank 1, the second at rank 2; the third is a picture of nowhere."""
    turn = np.deg2rad([0, 30, 60, 90])
    vectors = np.column_stack([np.cos(turn), np.sin(turn)])
    rows = Descriptors(vectors, list("abcd"), [f"57-2004-{k}" for k in "abcd"], ["57"] * 4, "cosine")
    attributes = ground_table(catalogue(), crs).append_column("scope", pa.array(["57"] * 4))
    ask = np.deg2rad([-5, 50, 92])
    queries = Descriptors(np.column_stack([np.cos(ask), np.sin(ask)]), ["a", "b", ""], ["q0", "q1", "photo.jpg"],
                          ["57"] * 3, "cosine")
    matches = Gallery.of(rows, attributes=attributes).search(queries, 2)
    bounds = np.array([[WEST, SOUTH, WEST + 500, SOUTH + 500], [WEST + 500, SOUTH, WEST + 1000, SOUTH + 500],
                       [np.nan] * 4])
    return on_ground(matches, attributes, bounds, crs), matches, attributes


def test_rectangles_ranks_and_hits():
    ground, _, _ = answered()
    assert ground.matches[["query", "rank", "tile_id", "hit"]].to_numpy().tolist() == [
        ["q0", 1, "57-2004-a", "yes"], ["q0", 2, "57-2004-b", "no"],
        ["q1", 1, "57-2004-c", "no"], ["q1", 2, "57-2004-b", "yes"],
        ["photo.jpg", 1, "57-2004-d", "unknown"], ["photo.jpg", 2, "57-2004-c", "unknown"]]
    assert ground.matches.geometry[2].bounds == (WEST + 1000, SOUTH, WEST + 1500, SOUTH + 500)
    assert ground.matches.score[0] == pytest.approx(np.cos(np.deg2rad(5)))
    assert ground.queries["best_rank"].tolist() == [1, 2, 0]
    assert ground.queries.geometry[1].bounds == (WEST + 500, SOUTH, WEST + 1000, SOUTH + 500)
    assert ground.queries.geometry[2] is None


def test_what_became_of_a_query_and_that_some_could_not_be_found():
    ground, matches, attributes = answered()
    assert ground.queries["outcome"].tolist() == ["first", "later", "unknown"]
    nothing = np.zeros_like(matches.hits)
    bounds = np.zeros((3, 4))
    missed = on_ground(replace(matches, hits=nothing), attributes, bounds, "EPSG:2154")
    assert missed.queries["outcome"].tolist() == ["none", "none", "absent"]  # nobody shows the place ""


def test_the_geopackage_has_both_layers_and_styles_that_name_every_value(tmp_path):
    ground, _, _ = answered()
    path = tmp_path / "m.gpkg"
    write_ground(path, ground)
    read = gpd.read_file(path, layer="matches")
    assert read.crs.to_epsg() == 2154
    columns = ["query", "rank", "hit", "tile_id", "score"]
    assert read[columns].to_numpy().tolist() == ground.matches[columns].to_numpy().tolist()
    assert len(gpd.read_file(path, layer="queries")) == 3
    with sqlite3.connect(path) as base:
        styles = dict(base.execute("select f_table_name, styleQML from layer_styles where useAsDefault"))
        columns = {row[0]: row[1] for row in base.execute("select table_name, column_name from gpkg_geometry_columns")}
        used = {row[0] for row in base.execute("select hit || ' ' || min(rank, 6) from matches")}
        assert base.execute("select distinct f_geometry_column from layer_styles").fetchall() == [(columns["matches"],)]
        assert base.execute("pragma user_version").fetchone() == (10200,)  # GDAL before 3.7 warns of newer ones
        assert base.execute("pragma integrity_check").fetchone() == ("ok",)
    assert styles.keys() == {"matches", "queries"}
    root = ET.fromstring(styles["matches"])
    categories = {c.get("value"): c.get("symbol") for c in root.iter("category")}
    assert set(categories.values()) == {s.get("name") for s in root.iter("symbol")}
    assert ET.fromstring(styles["queries"]).find("renderer-v2").get("type") == "singleSymbol"
    assert used == categories.keys()  # a legend without lines that occur nowhere
    for style in map(ET.fromstring, styles.values()):  # with neither, QGIS 3.22 drew no label at all
        settings = style.find("labeling/settings")
        assert settings.find("rendering").get("obstacle") == "0"
        assert int(settings.find("placement").get("priority")) > 0
    above, below = (ET.fromstring(styles[name]).find("labeling/settings/placement").get("quadOffset")
                    for name in ("queries", "matches"))
    assert (above, below) == ("1", "7")  # a query and its true answer lie on one tile
    inside = {o.get("value") for o in root.iter("Option") if o.get("name") == "draw_inside_polygon"}
    assert inside == {"1"}  # neighbours share edges: centred lines hide each other
    order = [(c.text, c.get("asc")) for c in root.iter("orderByClause")]
    assert order == [('"hit"', "1"), ('"rank"', "0")]  # drawn last, so on top: "yes", and the nearest
    assert '"rank"' in root.find("labeling/settings/text-style").get("fieldName")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.gpkg"]
    write_ground(path, ground)  # a second time over the first


def test_geojson_is_longitude_and_latitude_counter_clockwise():
    ground, _, _ = answered()
    collection = json.loads(geojson(ground))
    layers = [f["properties"]["layer"] for f in collection["features"]]
    assert layers == ["queries"] * 3 + ["matches"] * 6
    assert collection["features"][2]["geometry"] is None
    ring = np.array(collection["features"][0]["geometry"]["coordinates"][0])
    lon, lat = Transformer.from_crs(2154, 4326, always_xy=True).transform(WEST + 250, SOUTH + 250)
    assert ring.mean(axis=0) == pytest.approx([lon, lat], abs=2e-3)
    assert 6 < lon < 7  # eastern France, not the Indian Ocean
    x, y = ring[:, 0], ring[:, 1]
    assert (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() > 0
    assert "crs" not in collection


def test_a_plain_frame_goes_into_a_geopackage_and_not_into_geojson(tmp_path):
    ground, _, _ = answered(crs="")
    write_ground(tmp_path / "m.gpkg", ground)
    assert len(gpd.read_file(tmp_path / "m.gpkg", layer="matches")) == 6
    with pytest.raises(UsageError, match="plain frame"):
        geojson(ground)


def test_what_cannot_be_written_is_one_sentence(tmp_path):
    ground, _, _ = answered()
    with pytest.raises(UsageError, match=r"\.gpkg or \.geojson"):
        write_ground(tmp_path / "m.shp", ground)
    with pytest.raises(InputError, match="no answer"):
        write_ground(tmp_path / "m.gpkg", replace(ground, matches=ground.matches.iloc[:0]))
    assert list(tmp_path.iterdir()) == []


def test_an_index_table_is_geoparquet(tmp_path):
    table = ground_table(catalogue(), "EPSG:2154")
    pq.write_table(table, tmp_path / "t.parquet")
    read = gpd.read_parquet(tmp_path / "t.parquet")
    assert read.crs.to_epsg() == 2154
    assert read.geometry[3].bounds == (WEST + 1500, SOUTH, WEST + 2000, SOUTH + 500)
    assert bounds_of(table, [3, 0]).tolist() == [[WEST + 1500, SOUTH, WEST + 2000, SOUTH + 500],
                                                 [WEST, SOUTH, WEST + 500, SOUTH + 500]]
