"""Sixteen tiles at two dates with photo and classes, their index of 2004, an evaluation of it, and a server of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from georetrieval.geo.tileset import TileSet
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.settings import Settings
from tests.made.browsers import chromium, screenshots
from tests.made.serving import Serving, command, make_land, served_here


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with tiles/, town/ (an index of 2004 by HOG), and matches.gpkg and .geojson of 2019."""
    folder = tmp_path_factory.mktemp("explorer")
    make_land(folder)
    for suffix in ("gpkg", "geojson"):
        command("evaluate", f"{folder}/town", "--tiles", folder / "tiles", "--date", "2019", "--format", "json",
                "-o", folder / f"matches.{suffix}")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; without one the test is skipped, or fails where CI promised it."""
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that keeps pictures of the page."""
    return screenshots(tmp_path_factory.mktemp("screenshots"))


@pytest.fixture(scope="session")
def tiles(land: Path) -> TileSet:
    return TileSet.open(land / "tiles")


@pytest.fixture(scope="session")
def server(land: Path) -> Iterator[Serving]:
    explorer = Explorer(land / "town", Settings(lang="fr"), tiles=[land / "tiles"], evaluation=land / "matches.gpkg")
    with served_here(explorer) as found:
        yield found


@pytest.fixture(scope="session")
def columns(server: Serving) -> dict[str, Any]:
    """GET /api/tiles."""
    found: dict[str, Any] = json.loads(server.get("/api/tiles").data)
    return found
