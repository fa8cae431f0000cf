"""RELIABILITY R2 and R8: `index build` killed from outside at any time, and with too little memory; nothing is lost."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from georetrieval.cli.main import main
from georetrieval.files import TEMPORARY_PREFIX
from georetrieval.geo.tiling import build_tiles
from georetrieval.search.store import IndexStore
from tests.made import tiny
from tests.made.campaign import SEED, size, told

KILLS = size(20, 200)
LEVELS = size(3, 20)
PATIENCE_S = 60
ACROSS = 5 if KILLS <= 20 else 9
"""Sheets on a side; a sheet of 25 tiles is a task: 625 tiles, at night 2,025."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tile set of small tiles, and the index that nobody interrupts."""
    folder = tmp_path_factory.mktemp("place")
    survey, settings = tiny.sheets(folder / "in", across=ACROSS, px=32, cell_m=200)
    build_tiles([survey], folder / "tiles", grid=settings.grid, px=settings.px, legend=settings.legend)
    for name in ("first", "whole"):  # the first time all modules are loaded
        start = time.monotonic()
        with pytest.raises(SystemExit) as end:
            main(words(folder, folder / name))
        assert end.value.code == 0
    return folder, tiny.files_of(folder / "whole"), time.monotonic() - start


def words(folder: Path, index: Path) -> list[str]:
    return ["index", "build", str(index), "--model", "hog", "--tiles", str(folder / "tiles"), "--date", "2004"]


def command(folder: Path, index: Path, memory: int | None = None) -> int:
    """The command in a child that has all modules loaded already: its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        if memory is not None:
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        with (index.parent / "said").open("a") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            sys.stderr = sys.stdout = said
            signal.alarm(PATIENCE_S)
            main(words(folder, index))
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def notes(index: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (index / "work").glob("*.json")}


def test_r2_killed_at_any_time(place, tmp_path):
    """The same index, byte for byte; a task that was done is never done again, so that one is lost at most."""
    folder, whole, whole_s = place
    random, kills, builds, longest = np.random.default_rng(SEED), 0, 0, whole_s
    while kills < KILLS:
        index = tmp_path / f"build{builds}" / "town"
        index.parent.mkdir()
        done: dict[str, int] = {}
        while True:
            child = command(folder, index)
            time.sleep(float(random.uniform(0, longest / 3)))
            os.kill(child, signal.SIGKILL)
            code = ended(child)
            assert code in (0, -signal.SIGKILL), (index.parent / "said").read_text()
            kills += code == -signal.SIGKILL
            if (index / "CURRENT").exists():
                break
            now = notes(index)
            assert done.items() <= now.items()
            done = now
        if (index / "work").exists():  # killed between publishing and tidying up
            assert IndexStore.open(index).verify().problems == ()
        assert {name: sha for name, sha in tiny.files_of(index).items()  # a killed writer's files are swept in an hour
                if not name.startswith("work/") and not Path(name).name.startswith(TEMPORARY_PREFIX)} == whole
        builds += 1
    told("R2", kills=kills, builds=builds, tiles=25 * ACROSS**2)


def test_r8_with_little_memory(place, tmp_path):
    """An exit code and one sentence, or an end by the system; with memory again, the same index."""
    folder, whole, _ = place
    now = psutil.Process().memory_info().vms
    codes = []
    for level in range(LEVELS):
        index = tmp_path / f"level{level}" / "town"
        index.parent.mkdir()
        code = ended(command(folder, index, now + (level * 480 << 20) // LEVELS))
        said = (index.parent / "said").read_text()
        assert code != -signal.SIGALRM, "it hangs"
        assert code in (0, 2, 3, 75) or code < 0, (code, said)
        assert "Traceback" not in said, said
        codes.append(code)
        if code != 0:
            assert ended(command(folder, index)) == 0, (index.parent / "said").read_text()
        assert {name: sha for name, sha in tiny.files_of(index).items() if name.startswith("segments/")} == {
            name: sha for name, sha in whole.items() if name.startswith("segments/")}
    assert any(codes), "no level was low enough"
    told("R8 memory", levels=LEVELS, ended=codes)
