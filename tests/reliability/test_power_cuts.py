"""RELIABILITY R3: after a power cut at any moment the index is at least the last version that was acknowledged."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from georetrieval import files
from georetrieval.errors import GeoretrievalError
from georetrieval.search import manifest, store, sweeping
from tests.made.campaign import SEED, size, told
from tests.made.power import Disk, Event, Recorder, lay_out
from tests.made.rows import Contents, contents, life

CASES = size(100, 50_000, ci=4_000)
PARTS = size(2, 60, ci=20)


def lived(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Event], list[Contents]]:
    """Build, add, remove, compact with nothing kept for long; all that reached the disk, and each version's rows."""
    versions = []
    with monkeypatch.context() as patched:
        patched.setattr(sweeping, "KEPT_VERSIONS", 1)
        patched.setattr(sweeping, "KEPT_S", -1.0)
        events = Recorder(patched, Path(os.path.realpath(folder))).events
        for step in life(folder / "town", parts=PARTS):
            step()
            events.append(("done", "", len(versions) + 1))
            versions.append(contents(folder / "town"))
    return events, versions


def cut(events: list[Event], versions: list[Contents], scratch: Path, most: int = CASES) -> tuple[int, list[str]]:
    """How many states were looked at, and what is wrong in some of them."""
    disk, random, acknowledged, looked, wrong = Disk(), np.random.default_rng(SEED), 0, set(), []
    every: list[tuple[int, dict[str, bytes]]] = []
    for event in events:
        if event[0] == "done":
            acknowledged = int(str(event[2]))
            continue
        disk.apply(event)
        for state in disk.states(random):
            key = (acknowledged, frozenset(state.items()))
            if key not in looked:
                looked.add(key)
                every.append((acknowledged, state))
    if len(every) > most:
        every = [every[place] for place in sorted(random.choice(len(every), most, replace=False))]
    for acknowledged, state in every:
        problem = found(state, acknowledged, versions, scratch)
        wrong += [problem] if problem else []
    return len(every), wrong


def found(state: dict[str, bytes], acknowledged: int, versions: list[Contents], scratch: Path) -> str:
    """What is wrong with a state; nothing is when it is one version whole, and not an older one than acknowledged."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    lay_out(state, scratch)
    try:
        rows = contents(scratch / "town")
    except GeoretrievalError as error:
        none_yet = acknowledged == 0 and "town/CURRENT" not in state
        return "" if none_yet else f"after {acknowledged}: {error}"
    which = max((number for number, version in enumerate(versions, 1) if version == rows), default=0)
    return "" if which >= max(1, acknowledged) else f"after {acknowledged}: version {which}"


def test_r3_every_state_that_a_power_cut_leaves_is_whole(memory_folder, monkeypatch):
    start = time.process_time()
    (memory_folder / "real").mkdir()
    events, versions = lived(memory_folder / "real", monkeypatch)
    assert [len(rows) for rows in versions] == [n * PARTS for n in (6, 12, 11, 11)]
    count, wrong = cut(events, versions, memory_folder / "after")
    told("R3", states=count, wrong=len(wrong), seconds=round(time.process_time() - start, 1))
    assert wrong == []
    assert count >= size(80, 6_000, ci=2_000)


def no_fsync(monkeypatch):
    monkeypatch.setattr(files, "_fsync", lambda _: None)


def rename_before_write(monkeypatch):
    def publish(path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{files.TEMPORARY_PREFIX}x")
        temporary.write_bytes(b"")
        temporary.replace(path)
        files._fsync(path.parent)
        path.write_bytes(data)
        files._fsync(path)

    monkeypatch.setattr(files, "publish", publish)
    monkeypatch.setattr(manifest, "publish", publish)


def current_first(monkeypatch):
    def publish_version(index, version):
        name = manifest.manifest_name(version)
        manifest.point_to(index, name)
        files.publish(index / name, version.encoded())
        return name

    monkeypatch.setattr(store, "publish_version", publish_version)


@pytest.mark.parametrize("plant", [no_fsync, rename_before_write, current_first])
def test_r3_a_planted_bug_is_caught(memory_folder, monkeypatch, plant):
    """Else the campaign above would prove nothing."""
    (memory_folder / "real").mkdir()
    with monkeypatch.context() as planted:
        plant(planted)
        events, versions = lived(memory_folder / "real", monkeypatch)
    count, wrong = cut(events, versions, memory_folder / "after", most=size(100, 8_000, ci=2_000))
    told(f"R3 with {plant.__name__}", states=count, caught=len(wrong))
    assert wrong
