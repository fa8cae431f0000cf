"""RELIABILITY R9: whatever happens to an index, in any order, it holds what a dictionary holds."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from georetrieval.errors import InputError, StoreError
from georetrieval.search.building import Part
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.checking import verify
from georetrieval.search.compacting import compact
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.repairing import repair
from georetrieval.search.store import IndexStore
from tests.made.campaign import SEED, size, told
from tests.made.crashes import killed_at
from tests.made.mutations import KINDS, mutated
from tests.made.rows import about, add, contents

LIVES = size(6, 1_000, ci=500)
STEPS = size(20, 50, ci=50)
NAMES = st.lists(st.integers(0, 30), min_size=1, max_size=5, unique=True)
NUMBERS = st.integers(0, 2**32 - 1)
met: Counter[str] = Counter()


def rows_of(numbers: list[int], number: int) -> Part:
    """Rows of these tiles whose vectors are drawn with this number."""
    names = [f"t{n:02d}" for n in numbers]
    vectors = np.random.default_rng(number).normal(size=(len(names), 3)).astype(np.float32)
    return Descriptors(vectors, names, names, ["s"] * len(names), "cosine"), pa.table({"date": ["d"] * len(names)})


def as_dict(part: Part) -> dict[str, bytes]:
    """Tile -> bytes of its vector."""
    return {name: vector.tobytes() for name, vector in zip(part[0].names.tolist(), part[0].vectors, strict=True)}


class Life(RuleBasedStateMachine):
    """`rows` is what the index has to hold; `versions` what each version that was published holds."""

    def __init__(self) -> None:
        super().__init__()
        memory = Path("/dev/shm")
        self.folder = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
        self.index, self.rows, self.versions = self.folder / "town", dict[str, bytes](), dict[str, dict[str, bytes]]()

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    def done(self, what: str, rows: dict[str, bytes]) -> None:
        """The index holds these rows now."""
        met[what] += 1
        self.rows = rows
        self.versions[IndexStore.open(self.index).name] = rows

    def written(self, what: str, step: Callable[[], object], rows: dict[str, bytes], kill: int) -> None:
        """Let a step be killed before one of its operations, or end; either way what is there is whole."""
        if not kill or not killed_at(kill, step):
            if not kill:
                step()
            self.done(what, rows)
            return
        held = dict(contents(self.index))
        for path in (self.index / "manifests").glob("[0-9]*"):  # published, and not made the current one any more
            self.versions.setdefault(f"manifests/{path.name}", rows)
        assert held in (self.rows, rows)
        self.done(f"{what} killed", held)

    @initialize(numbers=NAMES, number=NUMBERS)
    def first(self, numbers: list[int], number: int) -> None:
        part = rows_of(numbers, number)
        IndexStore.build(self.index, [part], about(3))
        self.done("build", as_dict(part))

    @rule(numbers=NAMES, number=NUMBERS, kill=st.integers(0, 40))
    def append(self, numbers: list[int], number: int, kill: int) -> None:
        part = rows_of(numbers, number)
        self.written("append", lambda: add(self.index, [part]), as_dict(part) | self.rows, kill)

    @rule(numbers=NAMES, number=NUMBERS, kill=st.integers(0, 40))
    def replace(self, numbers: list[int], number: int, kill: int) -> None:
        part = rows_of(numbers, number)
        self.written("replace", lambda: IndexStore.build(self.index, [part], about(3), replace=True), as_dict(part),
                     kill)

    @rule(numbers=NAMES, kill=st.integers(0, 30))
    def tombstone(self, numbers: list[int], kill: int) -> None:
        names = tuple(f"t{n:02d}" for n in numbers)
        left = {name: vector for name, vector in self.rows.items() if name not in names}
        if not left or not set(names) <= self.rows.keys():
            with pytest.raises(InputError):
                remove_rows(self.index, Choice(tile_ids=names))
            met["tombstone refused"] += 1
            return
        self.written("tombstone", lambda: remove_rows(self.index, Choice(tile_ids=names)), left, kill)

    @rule(data=st.data(), kill=st.integers(0, 30))
    def tombstone_one(self, data: Any, kill: int) -> None:
        self.tombstone([int(data.draw(st.sampled_from(sorted(self.rows)))[1:])], kill)

    @rule(kill=st.integers(0, 30))
    def pack(self, kill: int) -> None:
        self.written("compact", lambda: compact(self.index), self.rows, kill)

    @rule()
    def gc(self) -> None:
        """Two hours later, the next writer sweeps."""
        for path in [p for p in self.index.rglob("*") if p.is_file()]:
            os.utime(path, (time.time() - 7200,) * 2)
        IndexStore.open(self.index).sweep()
        assert len(list((self.index / "manifests").iterdir())) <= 4
        assert not list(self.index.rglob(".georetrieval-*"))
        met["gc"] += 1

    @rule(data=st.data(), kind=st.sampled_from([*KINDS, "gone"]), number=NUMBERS, mend=st.booleans())
    def corrupt(self, data: Any, kind: str, number: int, mend: bool) -> None:
        """An accident: seen, or without an effect; then the file is put back, or the index repaired."""
        store = IndexStore.open(self.index)
        file = self.index / data.draw(st.sampled_from(["CURRENT", store.name, *(r.file for r in store.manifest.files)]))
        whole = file.read_bytes()
        file.unlink()
        if kind != "gone":
            file.write_bytes(mutated(whole, kind, np.random.default_rng(number)))
        try:
            assert dict(contents(self.index)) == self.rows
            met["corrupt without effect"] += 1
        except StoreError:
            met["corrupt seen"] += 1
        if not (mend and self.repaired()):
            file.write_bytes(whole)
            os.utime(file)

    def repaired(self) -> bool:
        """Whether a version came back: it is one of those that were published, whole."""
        try:
            repair(self.index)
        except StoreError:
            met["repair refused"] += 1
            return False
        name = IndexStore.open(self.index).name
        assert verify(self.index).problems == ()
        met["repaired"] += 1
        assert dict(contents(self.index)) == self.versions[name]
        self.rows = self.versions[name]
        return True

    @invariant()
    def same(self) -> None:
        if self.index.exists():
            assert dict(contents(self.index)) == self.rows


def test_r9_an_index_is_a_dictionary():
    """Append, replace, tombstone, compact, each killed anywhere or not; gc; accidents; repair."""
    met.clear()
    run_state_machine_as_test(seed(SEED)(Life), settings=settings(
        max_examples=LIVES, stateful_step_count=STEPS, deadline=None, database=None,
        suppress_health_check=list(HealthCheck)))
    told("R9", lives=LIVES, steps_each=STEPS, done=met.total(), divergent=0,
         **{what.replace(" ", "_"): count for what, count in sorted(met.items())})
    assert {"append", "append killed", "tombstone", "compact", "gc", "corrupt seen"} <= met.keys()
