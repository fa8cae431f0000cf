"""RELIABILITY R1: killed (kill -9) at every operation on files of build, add, remove, compact and their sweeps."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from georetrieval.search import sweeping
from georetrieval.search.checking import verify
from georetrieval.search.store import IndexStore
from tests.made.campaign import size, told
from tests.made.rows import contents, life

PARTS = max(2, size(2, 40))
OPERATIONS = ((os, "fsync"), (Path, "write_bytes"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir"),
              (tempfile, "mkstemp"))


@pytest.fixture(autouse=True)
def nothing_is_kept_for_long(monkeypatch):
    """So that the sweep, too, has something to do."""
    monkeypatch.setattr(sweeping, "KEPT_VERSIONS", 1)
    monkeypatch.setattr(sweeping, "KEPT_S", -1.0)


def killed_at(last: int, step: Callable[[], object]) -> bool:
    """Run a step in a child that dies before its operation number `last`; whether it did."""
    child = os.fork()
    if child == 0:
        try:
            _count(last)
            step()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def _count(last: int) -> None:
    done = [0]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            done[0] += 1
            if done[0] == last:
                os._exit(9)
            return real(*args, **kwargs)
        return operation

    for place, name in OPERATIONS:
        setattr(place, name, counted(getattr(place, name)))


def test_r1_killed_at_every_operation(tmp_path):
    """0 rows lost, doubled or mixed; done again, each step ends with the files of a life without kills."""
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    points = 0
    before = frozenset()
    for number, (step, again) in enumerate(zip(life(whole, PARTS), life(broken, PARTS), strict=True)):
        step()
        after, last = contents(whole), 1
        start = tmp_path / f"start{number}"
        if broken.exists():
            shutil.copytree(broken, start)
        while True:
            shutil.rmtree(broken, ignore_errors=True)
            if start.exists():
                shutil.copytree(start, broken)
            if not killed_at(last, again):
                break
            points += 1
            if (broken / "CURRENT").exists():
                assert contents(broken) in (before, after), f"step {number}, operation {last}"
                assert verify(broken).problems == ()
            else:
                assert number == 0
            wanted = IndexStore.open(whole).name  # the hash of all that it names
            if not (broken / "CURRENT").exists() or IndexStore.open(broken).name != wanted:
                again()
            assert (contents(broken), IndexStore.open(broken).name) == (after, wanted)
            last += 1
        before = after
    told("R1", points=points)
    assert points >= size(60, 1_000)
