"""Definitions in a GeoPackage that GDAL would run, however they are spelt."""

from __future__ import annotations

import sqlite3

import pytest

from georetrieval.errors import InputError
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
