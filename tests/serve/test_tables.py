"""The explorer of an index in a table of a real server: what it shows is what the folder shows."""

from __future__ import annotations

import json

import pytest

from georetrieval.errors import InputError
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_export import export_postgres
from georetrieval.search.store import IndexStore
from georetrieval.serve import sources
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.settings import Settings
from tests.made.server import server as postgres
from tests.made.serving import make_land, served_here

__all__ = ["postgres"]


@pytest.fixture
def there(land, postgres):
    """The index in a table of the server."""
    address = Address.parse(postgres.address())
    export_postgres(IndexStore.open(land / "town"), address)
    return address


def test_the_page_shows_a_table_as_it_shows_the_folder(land, there):
    folder = Explorer(land / "town", Settings(), tiles=[land / "tiles"])
    with served_here(folder) as one, served_here(Explorer(there, Settings(), tiles=[land / "tiles"])) as other:
        for path in ("/api/index", "/api/tiles", "/api/tiles.geojson", "/api/tiles/3"):
            first, second = one.get(path).json, other.get(path).json
            for found in (first, second):
                for own in ("index_version", "name"):
                    found.pop(own, None)
            assert first == second, path
        for question in ({"tile": 3, "k": 50}, {"tile": 20, "k": 5}, {"like": [1, 4], "unlike": [9]}):
            first, second = (json.loads(server.post("/api/search", question).data) for server in (one, other))
            assert first.pop("took_ms")
            assert second.pop("took_ms")
            assert first == second
        first, second = (server.get("/api/download?format=csv&q=%7B%22tile%22%3A3%7D") for server in (one, other))
        assert first.data == second.data


def test_a_table_that_is_exported_again_is_shown_anew(tmp_path, postgres, monkeypatch):
    land, address = make_land(tmp_path), Address.parse(postgres.address())
    export_postgres(IndexStore.open(land / "town"), address)
    explorer = Explorer(address, Settings())
    monkeypatch.setattr(sources, "CHECK_S", 0.0)
    old = explorer.fresh()
    assert explorer.fresh() is old
    remove_rows(land / "town", Choice(tile_ids=(str(old.tiles.names[3]),)))
    export_postgres(IndexStore.open(land / "town"), address)
    new = explorer.fresh()
    assert (old.tiles.indexed, new.tiles.indexed) == (15, 14)
    assert explorer.held(new.tag) is new


def test_the_server_is_asked_beside_the_answers(tmp_path, postgres, monkeypatch):
    land, address = make_land(tmp_path), Address.parse(postgres.address())
    export_postgres(IndexStore.open(land / "town"), address)
    source = sources.source_of(address)
    first = source.load().name
    remove_rows(land / "town", Choice(tile_ids=(str(IndexStore.open(land / "town").load()[0].names[3]),)))
    export_postgres(IndexStore.open(land / "town"), address)
    assert source.current() == first  # it was asked a moment ago
    monkeypatch.setattr(sources, "CHECK_S", 0.0)
    asked = []
    monkeypatch.setattr(sources.threading, "Thread", lambda target, daemon: asked.append((target, daemon)) or Later())
    assert source.current() == first  # nobody waits for the server
    assert source.current() == first
    [(target, daemon)] = asked  # one question at a time
    assert daemon
    target()
    assert source.current() != first


class Later:
    """A thread that starts when the test says so."""

    def start(self) -> None:
        """Nothing yet."""


def test_a_server_that_is_away_leaves_the_page_whole(there, monkeypatch):
    explorer = Explorer(there, Settings())
    shown = explorer.fresh()
    monkeypatch.setattr(explorer.source, "address", Address.parse("postgresql://a@127.0.0.1:1/c?table=d"))
    with pytest.raises(InputError):
        explorer.source.newest()
    assert explorer.fresh() is shown
    assert explorer.held(shown.tag) is shown
