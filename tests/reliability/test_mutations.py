"""RELIABILITY R4: an index of which one file had an accident is refused in one sentence, or answers as before."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from georetrieval.search import kept_ann
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.store import IndexStore
from tests.made.campaign import SEED, size, told
from tests.made.forked import Ending, command, forked, load_for
from tests.made.mutations import KINDS, mutated
from tests.made.rows import about, part

CASES = size(48, 20_000, ci=2_000)
ROWS = 1_500
SPARE_BYTES = 3 << 30
SECONDS = 60
KIND = "PQ8x4fs,RFlat"
SLOWER = ": all rows were compared; make it again with: georetrieval index tune "
"""Said when the codes are damaged; the answers are then those of `search --exact`."""


def search(index: Path) -> Callable[[], object]:
    """The neighbours of one of the index's tiles."""
    return command("search", index, "a0-007", "-k", 8, "--format", "json")


def searched(index: Path) -> Ending:
    """What a person gets who asks for them."""
    return forked(search(index), spare_bytes=SPARE_BYTES, seconds=SECONDS)


@pytest.fixture
def built(memory_folder):
    """Two segments, one removed row, and codes, in some pages each; files by kind, those of the current version."""
    index = memory_folder / "town"
    IndexStore.build(index, [part(f"a{n}", n, ROWS, dim=8) for n in range(2)], about(8))
    remove_rows(index, Choice(tile_ids=("a1-003",)))
    store = IndexStore.open(index)
    chosen = kept_ann.tune(index, store.name, store.manifest, store.load()[0], asked=KIND)
    assert chosen.reached
    load_for(search(index))
    by_kind = {"CURRENT": ["CURRENT"], "manifest": [store.name], "segment": [r.file for r in store.manifest.segments]}
    return index, by_kind | {"ann": sorted(kept_ann.named_by(index, store.manifest))}


def test_r4_a_damaged_file_is_one_sentence_or_the_same_answer(built):
    """0 silently wrong, 0 crashes, 0 tracebacks; and the index is never written to by who reads it.

    Damaged codes are one sentence and the same answer, of all rows.
    """
    index, by_kind = built
    random, refused, same = np.random.default_rng(SEED), Counter[str](), Counter[str]()
    whole = searched(index)
    assert (whole.code, whole.err, whole.out.count("tile_id")) == (0, "", 8)
    assert len(by_kind["ann"]) == 2
    for case in range(CASES):
        what = sorted(by_kind)[case % len(by_kind)]
        kind = KINDS[case // len(by_kind) % len(KINDS)]
        file = index / str(random.choice(by_kind[what]))
        data = file.read_bytes()
        changed = mutated(data, kind, random)
        file.write_bytes(changed)
        found = searched(index)
        where = f"case {case}: {kind} in {what}: {found}"
        if found.code == 0:
            assert found.out == whole.out, where
            slower = SLOWER in found.err and found.err.count("\n") == 1
            assert changed == data or what == "CURRENT" or (what == "ann" and slower), where
            assert found.err == "" or (what == "ann" and slower), where
            (refused if slower else same)[what] += 1
        else:
            assert found.code == 2, where
            assert found.refused, where
            assert found.err.count("\n") == 1, where
            refused[what] += 1
        assert file.read_bytes() == changed, where
        file.write_bytes(data)
    assert searched(index) == whole
    told("R4", run=CASES, refused=refused.total(), same_answer=same.total(), refused_by_kind=dict(refused),
         same_by_kind=dict(same), silently_wrong=0, crashed=0)
    assert all(refused[what] > 0.8 * CASES / len(by_kind) for what in by_kind)


@pytest.mark.parametrize("what", ["gone", "folder", "link", "other"])
def test_r4_a_file_that_is_gone_or_something_else(built, tmp_path, what):
    """Each file in turn: not there, a folder in its place, a link, or the bytes of another one of its kind."""
    index, by_kind = built
    whole = searched(index)
    for names in by_kind.values():
        for name in names:
            file, kept = index / name, tmp_path / "kept"
            shutil.move(file, kept)
            if what == "folder":
                file.mkdir()
            elif what == "link":
                file.symlink_to(kept)
            elif what == "other":
                others = sorted((index / "manifests" if name == "CURRENT" else file.parent).iterdir())
                shutil.copy(others[0], file)
            found = searched(index)
            if name.startswith("ann/"):
                assert (found.code, found.out) == (0, whole.out), (what, name, found)
                assert found.err == "" or SLOWER in found.err, (what, name, found)
            else:
                assert (found.code, found.refused) == (2, True), (what, name, found)
            if what == "folder":
                file.rmdir()
            file.unlink(missing_ok=True)
            shutil.move(kept, file)
    assert searched(index).code == 0
