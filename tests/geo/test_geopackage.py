"""Definitions in a GeoPackage that GDAL would run, however they are spelt."""

from __future__ import annotations

import shutil
import sqlite3

import geopandas as gpd
import pytest
import shapely

from georetrieval.errors import InputError
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.geopackage import check_geopackage


@pytest.mark.parametrize(("name", "sql"), [
    ("t", "CREATE VIRTUAL TABLE t USING VirtualOGR('/x')"),
    ("t", "CREATE  VIRTUAL\tTABLE t USING VirtualOGR('/x')"),
    ("t", "create virtual table t /* using rtree */ using VirtualShape('/x', UTF-8, 2154)"),
    ("using rtree", "CREATE VIRTUAL TABLE \"using rtree\" USING VirtualOGR('/x')"),
])
def test_what_stands_for_something_outside_is_refused(tmp_path, name, sql):
    path = tmp_path / "a.gpkg"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE plain (a)")
        base.execute("PRAGMA writable_schema = ON")
        base.execute("INSERT INTO sqlite_master VALUES ('table', ?, ?, 0, ?)", (name, name, sql))
    with pytest.raises(InputError, match="outside the file"):
        check_geopackage(path)


def test_a_spatial_index_is_fine(tmp_path):
    path = tmp_path / "a.gpkg"
    with sqlite3.connect(path) as base:
        base.execute("CREATE VIRTUAL TABLE places USING rtree(id, x0, x1, y0, y1)")
    check_geopackage(path)


@pytest.fixture
def roads(tmp_path):
    """A GeoPackage as GDAL writes it, with 2000 roads."""
    path = tmp_path / "BDT_3-3_GPKG_LAMB93_D057-ED2024-09-15.gpkg"
    lines = [shapely.LineString([(905000 + i, 6930000), (905000 + i, 6931000)]) for i in range(2000)]
    gpd.GeoDataFrame({"nature": ["Chemin"] * 2000}, geometry=lines, crs="EPSG:2154").to_file(
        path, layer="troncon_de_route", driver="GPKG")
    return path


def begun(path, mode):
    """A program that writes into it and does not finish; more pages than it keeps in memory."""
    base = sqlite3.connect(path, isolation_level=None)
    base.execute(f"PRAGMA journal_mode={mode}")
    base.execute("PRAGMA cache_size=2")
    for (trigger,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        base.execute(f'DROP TRIGGER "{trigger}"')  # they call functions that GDAL brings along
    base.execute("BEGIN")
    base.execute("UPDATE troncon_de_route SET nature = 'Sentier de grande randonnée, très long'")
    return base


@pytest.mark.parametrize(("mode", "kind"), [("DELETE", "-journal"), ("PERSIST", "-journal"), ("WAL", "-wal")])
def test_a_geopackage_that_was_not_closed_is_refused(roads, tmp_path, mode, kind):
    base = begun(roads, mode)
    left = tmp_path / "killed" / roads.name   # as a kill -9 leaves it
    left.parent.mkdir()
    for file in tmp_path.glob(f"{roads.name}*"):
        shutil.copy(file, left.parent)
    for path in (roads, left):
        assert (path.parent / f"{path.name}{kind}").stat().st_size > 0
        with pytest.raises(InputError, match=f"not closed .*{kind} lies beside"):
            open_delivery(path)
    link = tmp_path / "here.gpkg"
    link.symlink_to(left)
    with pytest.raises(InputError, match="not closed"):
        check_geopackage(link)
    base.rollback()
    base.close()
    check_geopackage(roads)   # with PERSIST the journal stays, its head zeroed
    with sqlite3.connect(left) as mended:
        natures = mended.execute("SELECT DISTINCT nature FROM troncon_de_route").fetchall()
    mended.close()
    check_geopackage(left)
    assert natures == [("Chemin",)]


def test_who_reads_beside_us_is_no_reason(roads):
    """QGIS keeps files open in WAL mode: its journal is empty as long as it writes nothing."""
    with sqlite3.connect(roads) as base:
        base.execute("PRAGMA journal_mode=WAL")
        base.execute("SELECT count(*) FROM troncon_de_route").fetchall()
        assert (roads.parent / f"{roads.name}-wal").stat().st_size == 0
        check_geopackage(roads)
    base.close()
