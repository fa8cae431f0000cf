"""Where PostGIS is beside pgvector: a geometry column in the index's CRS, kept or made again as the CRS says."""

from __future__ import annotations

from itertools import count

import numpy as np
import pyarrow as pa
import pytest

from georetrieval.maps import ground_table
from georetrieval.search.building import About
from georetrieval.search.gallery import Gallery
from georetrieval.search.postgres import PostgresStore
from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_export import export_postgres
from georetrieval.search.postgres_session import Session
from georetrieval.search.store import IndexStore
from tests.made.rows import part

EYE = {"architecture": "hog", "px": 1}
_numbers = count(1)


@pytest.fixture(scope="module", params=["public", "gis"])
def land(request, postgis_server):
    """Addresses of tables in a database of its own: both extensions in the schema `public`, or in one of their own."""
    name = f"land_{request.param}"
    with postgis_server.session("postgres") as session:
        session.run(f"CREATE DATABASE {name}")
    with postgis_server.session(name) as session:
        session.run(f"CREATE SCHEMA IF NOT EXISTS {request.param}")
        for extension in ("vector", "postgis"):
            session.run(f"CREATE EXTENSION {extension} SCHEMA {request.param}")
    return lambda: Address.parse(postgis_server.address(f"tiles_{next(_numbers)}", database=name))


def town(folder, crs: str, seed: int = 1) -> IndexStore:
    rows, table = part("57", seed, rows=40, dim=8)
    return IndexStore.build(folder, [(rows, ground_table(table.to_pandas(), crs))],
                            About(model="hog", fingerprint=EYE, crs=crs, cell_m=100))


def seen(address: Address) -> tuple[int, str, list[list[object]]]:
    """The table's own number, the type of its geometry, and what the geometries are."""
    with Session(address) as session:
        [[schema]] = session.run("SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace "
                                 "WHERE e.extname = 'postgis'")
        session.run(f"SET search_path = public, {schema}")
        [[oid, kind]] = session.run(
            "SELECT CAST(attrelid AS bigint), format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = "
            "to_regclass(:name) AND attname = 'geometry'", name=f'"{address.table}"')
        shapes = session.run(
            f'SELECT ST_SRID(geometry), ST_Area(geometry), ST_XMin(geometry) = x_min AND ST_YMax(geometry) = y_max, '
            f'ST_IsValid(geometry) FROM "{address.table}"')
    return oid, kind, shapes


@pytest.mark.parametrize(("crs", "srid", "kind"), [
    ("EPSG:2154", 2154, "geometry(Polygon,2154)"), ("EPSG:27572", 27572, "geometry(Polygon,27572)"),
    ("", 0, "geometry(Polygon)")])
def test_an_index_is_exported_again_into_the_same_table(land, tmp_path, crs, srid, kind):
    """Its rights and views stay: of the geometry too it is known that it is the same."""
    address, first = land(), town(tmp_path / "first", crs)
    assert export_postgres(first, address).shapes
    before, told, shapes = seen(address)
    assert told == kind
    assert shapes == [[srid, 10_000.0, True, True]] * 40
    second = town(tmp_path / "second", crs, seed=2)
    export_postgres(second, address)
    assert seen(address) == (before, kind, shapes)
    table = PostgresStore.open(address)
    asked = second.load()[0].take([3, 17])
    rows, _ = table.source()[1].nearest([asked], 5)
    assert np.array_equal(Gallery.of(rows).search(asked, 5).scores, second.gallery().search(asked, 5).scores)
    table.close()


def test_another_crs_makes_the_table_anew(land, tmp_path):
    address, places = land(), []
    for crs in ("EPSG:2154", "EPSG:27572", "", "EPSG:2154"):
        export_postgres(town(tmp_path / f"town-{len(places)}", crs), address)
        places.append(seen(address))
    assert len({oid for oid, _, _ in places}) == 4
    assert [shapes[0][0] for _, _, shapes in places] == [2154, 27572, 0, 2154]
    assert [kind for _, kind, _ in places] == ["geometry(Polygon,2154)", "geometry(Polygon,27572)",
                                               "geometry(Polygon)", "geometry(Polygon,2154)"]


def test_rows_without_a_place_have_no_geometry(land, tmp_path):
    address, rows = land(), part("57", 1, rows=12, dim=8)[0]
    store = IndexStore.build(tmp_path / "town", [(rows, pa.table({"date": ["2004"] * 12}))],
                             About(model="hog", fingerprint=EYE, crs="", cell_m=100))
    assert not export_postgres(store, address).shapes
    with Session(address) as session:
        assert session.run("SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attname = 'geometry'",
                           name=f'"{address.table}"') == []
