"""RELIABILITY R1: killed (kill -9) at every operation on files of all that writes to an index."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from georetrieval.errors import StoreError
from georetrieval.search import sweeping
from georetrieval.search.checking import verify
from georetrieval.search.store import IndexStore
from tests.made.campaign import SEED, size, told
from tests.made.crashes import killed_at
from tests.made.rows import Step, contents, long_life

LIVES = size(1, 30, ci=4)
EVERY = size(5, 1, ci=1)
"""In `make test`, every fifth operation only; an odd number, since a publication has six."""


@pytest.fixture(autouse=True)
def nothing_is_kept_for_long(monkeypatch):
    """So that the sweep, too, has something to do."""
    monkeypatch.setattr(sweeping, "KEPT_VERSIONS", 1)
    monkeypatch.setattr(sweeping, "KEPT_S", -1.0)


def state(index: Path) -> Any:
    """The rows of the current version; "none" without one, "damaged" when they cannot be read."""
    if not (index / "CURRENT").exists():
        return "none"
    try:
        return contents(index)
    except StoreError:
        return "damaged"


def listed(index: Path) -> tuple[str, list[str]]:
    """The current version (the hash of all that it names), and every file once nothing superfluous is left."""
    store = IndexStore.open(index)
    store.sweep()
    return store.name, sorted(str(path.relative_to(index)) for path in index.rglob("*") if path.is_file())


def kill_everywhere(step: Step, whole: Path, broken: Path, start: Path) -> int:
    """One step, killed before its operations and done again; once it is done it stays so. How many kills."""
    step.before(whole)
    before = state(whole / step.place)
    step.run(whole)
    after, wanted = state(whole / step.place), listed(whole / step.place)
    step.before(broken)
    shutil.copytree(broken, start)
    last, points, over = 1, 0, False
    while killed_at(last, lambda: step.run(broken)):
        where = f"{step.what}, operation {last}"
        found = state(broken / step.place)
        assert found in ((after,) if over else (before, after)), where
        over = over or found == after != before
        if found not in ("none", "damaged"):
            assert verify(broken / step.place).problems == () or before == "damaged", where
        if found != after or IndexStore.open(broken / step.place).name != wanted[0] or step.what in ("gc", "repair"):
            step.run(broken)
        assert (state(broken / step.place), listed(broken / step.place)) == (after, wanted), where
        shutil.rmtree(broken)
        shutil.copytree(start, broken)
        last, points = last + EVERY, points + 1
    assert (state(broken / step.place), listed(broken / step.place)) == (after, wanted)
    shutil.rmtree(start)
    return points


def test_r1_killed_at_every_operation(memory_folder):
    """0 rows lost, doubled or mixed; done again, each step ends with the files of a life without kills."""
    points: Counter[str] = Counter()
    for number in range(LIVES):
        whole, broken = (memory_folder / f"{name}{number}" for name in ("whole", "broken"))
        whole.mkdir()
        broken.mkdir()
        for step in long_life(parts=2 + number % 2, rows=4 + number, seed=SEED + number):
            points[step.what] += kill_everywhere(step, whole, broken, memory_folder / "start")
        shutil.rmtree(whole)
        shutil.rmtree(broken)
    told("R1", lives=LIVES, points=points.total(), **{what.replace(" ", "_"): n for what, n in points.items()})
    assert min(points.values()) >= 2 * LIVES
    assert points.total() >= size(50, 7_500, ci=1_000)
