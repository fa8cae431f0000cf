"""One small département, written once for all tests of the room."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from georetrieval.synthetic.departement import write_departement


@dataclass(frozen=True)
class World:
    """A written département and its note."""

    folder: Path
    note: dict[str, Any]

    def path(self, survey: int, what: str) -> Path:
        return self.folder / self.note["surveys"][survey][what]


SMALL: dict[str, Any] = {"km": 3, "seed": 4, "gsd_m": 2.0, "sheet_km": 2, "new_vectors": "both"}


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("made") / "world"
    write_departement(folder, **SMALL)
    return World(folder, json.loads((folder / "world.json").read_text()))
