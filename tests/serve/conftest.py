"""Sixteen tiles at two dates with photo and classes, their index of 2004, an evaluation of it, and a server of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from georetrieval.cli.main import main
from georetrieval.geo.tileset import TileSet
from tests.made.explorer import Serving, serving
from tests.made.towns import survey, town


def command(*words: object) -> None:
    """The command line; it has to end well."""
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    assert not end.value.code


@pytest.fixture(scope="session")
def land(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with tiles/, town/ (an index of 2004 by HOG), wide.tif, and matches.gpkg and .geojson of 2019."""
    folder = tmp_path_factory.mktemp("explorer")
    town(folder / "tiles", [survey(folder, "2004", 1, dark=1), survey(folder, "2019", 2)], px=64)
    command("index", "build", f"{folder}/town", "--model", "hog", "--tiles", folder / "tiles", "--date", "2004")
    for suffix in ("gpkg", "geojson"):
        command("evaluate", f"{folder}/town", "--tiles", folder / "tiles", "--date", "2019", "--format", "json",
                "-o", folder / f"matches.{suffix}")
    return folder


@pytest.fixture(scope="session")
def tiles(land: Path) -> TileSet:
    return TileSet.open(land / "tiles")


@pytest.fixture(scope="session")
def server(land: Path) -> Iterator[Serving]:
    with serving(land, "./town", "--tiles", "tiles", "--evaluation", "matches.gpkg", "--lang", "fr") as found:
        yield found


@pytest.fixture(scope="session")
def columns(server: Serving) -> dict[str, Any]:
    """GET /api/tiles."""
    found: dict[str, Any] = json.loads(server.get("/api/tiles").data)
    return found
