"""RELIABILITY R12: what shows nothing is never indexed and never an answer, is counted, and spoils nothing."""

from __future__ import annotations

from dataclasses import replace

import faiss
import numpy as np
import pyarrow as pa
import pytest

from georetrieval.recipe.indexing import index_tiles
from georetrieval.search.canaries import read_canaries
from georetrieval.search.changing import add_rows
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.store import IndexStore
from tests.made.campaign import SEED, size, told
from tests.made.rows import ABOUT, EYE
from tests.made.towns import survey, town

SETS = size(20, 5_000, ci=200)
LEAST, MOST = 34, 80
"""Rows of a set: half of them have to be enough for the sixteen codes of PQ4x4fs."""
FACTORIES = ("SQ8", "PQ4x4fs,RFlat", "exact", "Flat", "IVF2,Flat")
DIM = 8


def spoilt(random: np.random.Generator, rows: int) -> tuple[Descriptors, np.ndarray]:
    """Rows up to half of which mean nothing, in one of six ways; which mean something."""
    vectors = random.normal(size=(rows, DIM)).astype(np.float32)
    bad = random.choice(rows, int(random.uniform(0, 0.5) * rows), replace=False)
    for row in bad:
        kind = random.integers(0, 6)
        vectors[row] = (0, np.nan, np.inf, -np.inf, -0.0, vectors[row, 0])[kind]
        if kind == 5:  # one number of it
            vectors[row] = random.normal(size=DIM)
            vectors[row, random.integers(0, DIM)] = random.choice([np.nan, np.inf])
    names = [f"t{i:03d}" for i in random.permutation(rows)]
    fine = np.ones(rows, bool)
    fine[bad] = False
    return Descriptors(vectors, names, names, [str(random.choice(["57", "54"])) for _ in names], "cosine"), fine


def beside(rows: Descriptors) -> pa.Table:
    return pa.table({"date": ["2004"] * len(rows)})


@pytest.fixture(autouse=True)
def few_rows_are_enough(capfd):
    """FAISS says on stderr that it would rather have more to train on."""
    yield
    capfd.readouterr()


def test_r12_none_is_indexed_none_returned_and_all_are_counted(tmp_path):
    random, left_out, asked = np.random.default_rng(SEED), 0, 0
    faiss.omp_set_num_threads(1)
    for number in range(SETS):
        rows, fine = spoilt(random, int(random.integers(LEAST, MOST)))
        queries, sane = spoilt(random, 6)
        plain = rows.take(fine)
        factory = FACTORIES[number % len(FACTORIES)]
        with_them, without = Gallery.of(rows, index=factory), Gallery.of(plain, index=factory)
        found, wanted = with_them.search(queries, 10), without.search(queries, 10)
        assert with_them.left_out == (~fine).sum()
        assert fine[found.rows].all()
        assert found.query_rows.tolist() == np.flatnonzero(sane).tolist()
        assert found.unanswered_names.tolist() == queries.names[~sane].tolist()
        assert rows.names[found.rows].tolist() == plain.names[wanted.rows].tolist(), factory
        assert (found.scores == wanted.scores).all()
        if number % 10 == 0:
            stored(tmp_path / str(number), rows, fine)
        left_out, asked = left_out + int((~fine).sum()), asked + int(sane.sum())
    told("R12", sets=SETS, rows_left_out=left_out, queries=asked)
    assert left_out > 5 * SETS


def stored(path, rows: Descriptors, fine: np.ndarray) -> None:
    """Half of the rows built, half added: counted exactly, in the index and of each survey."""
    half = np.arange(len(rows)) < len(rows) // 2
    first, more = rows.take(half), rows.take(~half)
    sources = [{"scope": scope, "date": "2004", "tiles": "one", "digest": "1"} for scope in ("54", "57")]
    IndexStore.build(path, [(first, beside(first))], replace(ABOUT, sources=tuple(sources), canaries=((1.0,) * DIM,)))
    again = [source | {"blank": 0, "tiles": "two", "digest": "2"} for source in sources]
    store = add_rows(path, lambda _: [(more, beside(more))], fingerprint=EYE, sources=again)[0]
    assert store.manifest.counts.model_dump() == {"tiles": int(fine.sum()), "blank": 0, "failed": int((~fine).sum())}
    held = {scope: sum(s["failed"] for s in store.manifest.sources if s["scope"] == scope) for scope in ("54", "57")}
    assert held == {scope: int((~fine & (rows.scopes == scope)).sum()) for scope in ("54", "57")}
    assert sorted(store.load()[0].names.tolist()) == sorted(rows.names[fine].tolist())
    assert store.verify().problems == ()


@pytest.mark.parametrize("dark", [0, 3, 8])
def test_r12_blank_tiles_of_a_photograph(tmp_path, dark):
    """Up to half of the photograph is black: these tiles are no rows, no answers and no canaries."""
    tiles = town(tmp_path / "tiles", [survey(tmp_path, "2004", 1, dark=dark)])
    store = index_tiles(tmp_path / "index", tiles, "hog", dates=["2004"])
    assert store.manifest.counts.model_dump() == {"tiles": 16 - dark, "blank": dark, "failed": 0}
    blank = set(tiles.catalogue["tile_id"][~tiles.catalogue["valid"]])
    assert len(blank) == dark
    assert not blank & set(store.load()[0].names.tolist())
    kept = read_canaries(store.path, store.manifest.canary_file).pictures
    assert len(kept) == 8
    assert not blank & {canary.name for canary in kept}
    assert all(np.ptp(canary.pixels) > 0 for canary in kept)
