"""RELIABILITY R7: a disk with so many pages left, for all that is written: never a false success, nothing lost."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import torch

from georetrieval.files import TEMPORARY_PREFIX, sha256_file
from georetrieval.geo.tileset import TileSet
from georetrieval.learn.checkpoint import load_state, save_state
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.checking import verify
from georetrieval.search.store import IndexStore
from tests.made.campaign import size, told
from tests.made.forked import command, forked, load_for
from tests.made.full_disk import PAGE, SmallDisk, SmallFiles, full_disks
from tests.made.rows import about, add, contents, part
from tests.made.tiny import write_survey

LEVELS = size(2, 10_000, ci=32)
"""Of each work, evenly from no page to all that it needs; at night every page."""
WAYS = size(1, 2, ci=2)
"""The second way, a limit on each file, besides the first."""
MOST_PAGES = 10_000
ROWS = 3_000
FEW = 120
"""Rows of the index that is exported row by row as text: a hundred pages all the same, in a tenth of the time."""


@dataclass(frozen=True)
class Work:
    """Something that writes to a folder, and what can be read there afterwards (None when there is nothing)."""

    what: str
    run: Callable[[Path], Callable[[], object]]
    read: Callable[[Path], Any]


def index_at(index: Path) -> Any:
    """Name of the version and its rows, all verified."""
    if not (index / "CURRENT").exists():
        return None
    assert verify(index).problems == ()
    return IndexStore.open(index).name, contents(index)


def hashes(*names: str) -> Callable[[Path], Any]:
    """Of some files of a folder; None without the last of them."""
    return lambda at: [sha256_file(at / name) for name in names] if (at / names[-1]).exists() else None


def gpkg_at(at: Path) -> Any:
    """Rows of an exported GeoPackage, and its style."""
    if not (at / "rows.gpkg").exists():
        return None
    rows, styles = (gpd.read_file(at / "rows.gpkg", layer=layer) for layer in ("rows", "layer_styles"))
    return rows.to_csv(), styles["styleQML"].tolist()


def tiles_at(at: Path) -> Any:
    """Every file of a tile set, by its hash."""
    if not (at / "tiles" / "tiles.json").exists():
        return None
    TileSet.open(at / "tiles")
    files = [p for p in sorted((at / "tiles").rglob("*")) if p.is_file() and not p.name.startswith(".")]
    return [(str(p.relative_to(at)), sha256_file(p)) for p in files]


def state_at(at: Path) -> Any:
    """The numbers of a checkpoint."""
    return load_state(at / "state.safetensors")[0]["net"]["w"].sum().item() if (at / "state.safetensors").exists() \
        else None


def exported(name: str, *names: str, of: str = "town") -> Work:
    """An export by the command line."""
    return Work(f"export {name}", lambda at: command("index", "export", at / of, "-o", at / name),
                gpkg_at if name.endswith("gpkg") else hashes(*(names or (name,))))


def works(survey: Path) -> list[Work]:
    """Index, tiles, checkpoint, exports."""
    first, more, other = ([part(f"{letter}{n}", 10 * place + n, ROWS, dim=8) for n in range(2)]
                          for place, letter in enumerate("abc"))
    town = ("town",)
    tiles = ("--photos", survey / "ortho", "--vectors", survey / "vectors", "--scope", "57", "--date", "2004",
             "--cell-m", 250, "--px", 64)
    tensors = {"net": {"w": torch.arange(60_000, dtype=torch.float32)}}
    return [
        Work("build", lambda at: lambda: IndexStore.build(at / "new", first, about(8)),
             lambda at: index_at(at / "new")),
        Work("replace", lambda at: lambda: IndexStore.build(at / "town", other, about(8), replace=True),
             lambda at: index_at(at.joinpath(*town))),
        Work("add", lambda at: lambda: add(at / "town", more), lambda at: index_at(at / "town")),
        Work("compact", lambda at: command("index", "compact", at / "town"), lambda at: index_at(at / "town")),
        exported("rows.parquet"), exported("rows.csv", "rows.csv", "rows.npy", "rows.json"),
        exported("rows.geojson", of="village"), exported("rows.gpkg", of="village"),
        Work("import", lambda at: command("index", "import", at / "again", at / "given.parquet"),
             lambda at: index_at(at / "again")),
        Work("tiles", lambda at: command("tiles", "build", *tiles, "-o", at / "tiles"), tiles_at),
        Work("checkpoint", lambda at: lambda: save_state(at / "state.safetensors", tensors, {"step": 3}), state_at),
    ]


@pytest.fixture
def given_folder(memory_folder):
    """Where each work begins: an index of two segments, one row of it removed, an exported file of it; a small one."""
    given = memory_folder / "given"
    IndexStore.build(given / "village", [part("v", 1, FEW, dim=8)], about(8))
    index = IndexStore.build(given / "town", [part(f"a{n}", n, ROWS, dim=8) for n in range(2)], about(8))
    remove_rows(index.path, Choice(tile_ids=("a0-002",)))
    assert forked(command("index", "export", given / "town", "-o", given / "given.parquet")).code == 0
    return given


def pages_of(folder: Path) -> int:
    """Pages that the files below a folder take."""
    return sum(-(-path.stat().st_size // PAGE) for path in folder.rglob("*") if path.is_file())


def fill(work: Work, disk: SmallDisk | SmallFiles, given: Path, levels: int) -> Counter[str]:
    """One work at every level, until there is room for it; each time it is done again with room."""
    ends: Counter[str] = Counter()
    at = disk.folder / "at"
    shutil.copytree(given, at)
    before = work.read(at)
    load_for(work.run(at))
    shutil.rmtree(at)
    shutil.copytree(given, at)
    ending = forked(work.run(at))
    assert ending.code == 0, ending
    whole = work.read(at)
    assert whole not in (None, before)
    stride = max(1, (pages_of(at) - pages_of(given)) // levels)
    for pages in range(0, MOST_PAGES, stride):
        shutil.rmtree(at)
        shutil.copytree(given, at)
        ending = disk.run(work.run(at), pages)
        where = f"{work.what} with {pages} pages: {ending}"
        assert ending.code in (0, 75), where
        assert ending.code == 0 or ending.refused, where
        assert work.read(at) == (whole if ending.code == 0 else before), f"a false success or a loss, {where}"
        assert not list(at.rglob(f"{TEMPORARY_PREFIX}*")), where
        ends["done" if ending.code == 0 else "refused"] += 1
        if ending.code == 0:
            break
        assert forked(work.run(at)).code == 0, where
        assert work.read(at) == whole, f"not resumed, {where}"
    shutil.rmtree(at)
    assert ends["done"] == 1, "never room enough"
    return ends


def test_r7_a_full_disk_at_every_level(given_folder, memory_folder, tmp_path):
    """0 false successes, the version before opens, 0 temporary files, done again with room all is whole."""
    write_survey(tmp_path / "survey")
    np.testing.assert_equal(index_at(given_folder / "town")[0][:18], "manifests/00000002")
    total: Counter[str] = Counter()
    with full_disks(memory_folder) as disks:
        for place, disk in enumerate(disks[:WAYS]):
            for work in works(tmp_path / "survey"):
                ends = fill(work, disk, given_folder, LEVELS if place == 0 else max(1, LEVELS // 4))
                total += ends
                told(f"R7 {work.what} by {disk.way}", levels=ends.total(), **ends)
    told("R7", levels=total.total(), refused=total["refused"], done=total["done"], false_successes=0)
    assert total.total() >= size(22, 600, ci=300)
