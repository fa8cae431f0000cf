"""RELIABILITY R6: four processes read an index while it is built again and again, changed and swept."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import numpy as np

from georetrieval.search import sweeping
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.compacting import compact
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.store import IndexStore
from tests.made.campaign import size, told
from tests.made.rows import about, part

READERS = size(1, 4, ci=4)
SECONDS = size(2, 60, ci=10)
ROWS = 40


def numbered(number: int) -> list[Any]:
    """Two parts whose vectors say of which build they are."""
    return [(Descriptors(np.full((ROWS, 8), number), rows.keys, rows.names, rows.scopes, "euclidean"), table)
            for rows, table in (part(f"a{n}", n, ROWS, dim=8) for n in range(2))]


def read_often(index: Path, ready: Any, stop: Any, seen: Any) -> None:
    """Until told to stop: (build, version, rows) of each opening; a build of -1 is a mixture."""
    found = []
    while not stop.is_set():
        store, (rows, _) = IndexStore.open(index).load_current()
        numbers = np.unique(rows.vectors)
        found.append((float(numbers[0]) if len(numbers) == 1 else -1.0, store.manifest.version, len(rows)))
        ready.set()
    gallery = IndexStore.open(index).gallery()
    assert len(gallery.descriptors) in (2 * ROWS, 2 * ROWS - 1)
    seen.put(found)


def write(index: Path, seconds: float) -> dict[int, tuple[float, int]]:
    """Build, remove, compact in turns; (build, rows) of each version."""
    versions = {IndexStore.open(index).manifest.version: (1.0, 2 * ROWS)}
    end, number = time.monotonic() + seconds, 1
    while time.monotonic() < end:
        number += 1
        for store, rows in (
            (IndexStore.build(index, numbered(number), about(8), replace=True), 2 * ROWS),
            (remove_rows(index, Choice(tile_ids=("a0-001",)))[0], 2 * ROWS - 1),
            (compact(index)[1], 2 * ROWS - 1),
        ):
            versions[store.manifest.version] = (float(number), rows)
            time.sleep(0.01)
    return versions


def test_r6_readers_see_whole_versions_that_never_go_back(memory_folder, monkeypatch):
    """Even when a version is kept for three seconds only: its files vanish while others are read."""
    monkeypatch.setattr(sweeping, "KEPT_S", 3.0)
    index = memory_folder / "town"
    IndexStore.build(index, numbered(1), about(8))
    context = multiprocessing.get_context("spawn")
    stop, ready, seen = context.Event(), [context.Event() for _ in range(READERS)], context.Queue()
    readers = [context.Process(target=read_often, args=(index, one, stop, seen)) for one in ready]
    for reader in readers:
        reader.start()
    try:
        for one in ready:
            assert one.wait(timeout=300), "a reader never read"
        versions = write(index, SECONDS)
    finally:
        stop.set()
    every = [seen.get(timeout=300) for _ in readers]
    for reader in readers:
        reader.join()
    for found in every:
        assert [version for _, version, _ in found] == sorted(version for _, version, _ in found)
        assert all(versions[version] == (number, rows) for number, version, rows in found)
    opens, met = sum(map(len, every)), {version for found in every for _, version, _ in found}
    told("R6", readers=READERS, seconds=SECONDS, published=len(versions), opens=opens, versions_met=len(met))
    assert len(met) > 1
    assert opens >= size(5, 10_000, ci=400)
    assert {reader.exitcode for reader in readers} == {0}
