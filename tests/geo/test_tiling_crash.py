"""A build that dies at once, as by kill -9, between any two files: the next one ends as if nothing had been."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from georetrieval.errors import InputError
from georetrieval.files import sha256_file
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from tests.made import tiny

DYING = """
import os, sys
from pathlib import Path
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tiling import build_tiles

folder, left = Path(sys.argv[1]), int(sys.argv[2])
replace = Path.replace

def dying(self, target):
    global left
    left -= 1
    if left < 0:
        os._exit(9)
    return replace(self, target)

Path.replace = dying
survey = Survey("57", "2004", folder / "in" / "ortho", folder / "in" / "vectors")
grid, out = TileGrid("EPSG:2154", 250), folder / f"out{sys.argv[2]}"
build_tiles([survey], out, grid=grid, px=64, legend=Legend.load("bdtopo12"))
"""


def files_of(out: Path) -> dict[str, str]:
    files = [p for p in sorted(out.rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return {str(p.relative_to(out)): sha256_file(p) for p in files}


@pytest.mark.parametrize("left", [0, 2, 4, 6, 7])
def test_death_before_any_file(tmp_path: Path, left: int) -> None:
    """One block is eight files: photo, classes, names for GDAL and QGIS, record, pack, catalogue, manifest."""
    tiny.write_survey(tmp_path / "in")
    survey = Survey("57", "2004", tmp_path / "in" / "ortho", tmp_path / "in" / "vectors")

    def build(out: Path) -> TileSet:
        return build_tiles([survey], out, grid=TileGrid(tiny.CRS, 250), px=64, legend=Legend.load("bdtopo12"))

    reference = files_of(build(tmp_path / "reference").path)
    assert len(reference) == 8
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path), str(left)], check=False, capture_output=True)
    assert died.returncode == 9, died.stderr
    out = tmp_path / f"out{left}"
    assert len(files_of(out)) == left
    with pytest.raises(InputError, match="tiles build"):
        TileSet.open(out)
    assert files_of(build(out).path) == reference
    assert {p.name for p in out.rglob(".*")} == {".lock"}
