"""RELIABILITY R19: damaged stores come back as the newest version that is whole, and no row is ever made up."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from georetrieval.errors import StoreError
from georetrieval.search.checking import verify
from georetrieval.search.repairing import repair
from georetrieval.search.store import IndexStore
from tests.made.campaign import SEED, size, told
from tests.made.rows import contents, life

STORES = size(40, 2_000, ci=200)


@pytest.fixture
def lived(memory_folder):
    """Four versions, all still there; beside each its name, its rows and the files that it needs."""
    versions = []
    for step in life(memory_folder / "whole"):
        step()
        store = IndexStore.open(memory_folder / "whole")
        versions.append((store.name, contents(store.path), {store.name, *(ref.file for ref in store.manifest.files)}))
    return memory_folder / "whole", versions


def damage(index, versions, random):
    """CURRENT gone or garbled, manifests or segments bad or gone, up to three of them; what was hit."""
    names = [name for name, _, _ in versions]
    segments = sorted({file for _, _, files in versions for file in files if file.startswith("segments/")})
    hit = set()
    for kind in random.choice(["CURRENT", "newest", "manifest", "segment", "segment"], random.integers(1, 4)):
        file = {"CURRENT": "CURRENT", "newest": names[-1], "manifest": str(random.choice(names)),
                "segment": str(random.choice(segments))}[kind]
        path = index / file
        hit.add(file)
        data = path.read_bytes() if path.exists() else b""
        place = int(random.integers(0, max(1, len(data))))
        how = random.integers(0, 3)
        if how == 0:
            path.unlink(missing_ok=True)
        elif data:
            path.write_bytes(data[:place] if how == 1 else data[:place] + bytes([data[place] ^ 1]) + data[place + 1:])
    return hit


def test_r19_damaged_stores_are_repaired(lived, memory_folder):
    whole, versions = lived
    random, back, refused, lost = np.random.default_rng(SEED), 0, 0, 0
    for _ in range(STORES):
        index = memory_folder / "damaged"
        shutil.rmtree(index, ignore_errors=True)
        shutil.copytree(whole, index)
        hit = damage(index, versions, random)
        left = [(name, rows) for name, rows, files in versions if not files & hit]
        swept = {name for name, _, _ in versions[:-1] if not (index / name).exists()}  # as a sweep would remove them
        assert verify(index).problems or hit <= {"CURRENT"} | swept, hit  # white space in CURRENT may change nothing
        if not left:
            with pytest.raises(StoreError):
                repair(index)
            refused += 1
            continue
        done = repair(index)
        assert (IndexStore.open(index).name, contents(index)) == left[-1], hit
        assert verify(index).problems == ()
        if "CURRENT" not in hit:  # else nobody may know what was current
            assert done.lost == (left[-1][0] != versions[-1][0]), hit
        known = {file for name, _, files in versions if name not in hit for file in files & hit}
        assert all(file in " ".join(done.problems) for file in known), (hit, done.problems)
        back, lost = back + 1, lost + done.lost
    told("R19", stores=STORES, repaired=back, to_an_older_version=lost, none_was_whole=refused)
    assert back > STORES / 2
    assert lost > STORES / 20
