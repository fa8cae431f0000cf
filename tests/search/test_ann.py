"""Every kind of index behind a gallery against the exact oracle, row by row."""

from __future__ import annotations

from functools import cache
from typing import Any

import faiss
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from georetrieval.errors import InputError, UsageError
from georetrieval.search import ann
from georetrieval.search.ann import FaissIndex, Plan
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.flat import FlatIndex, flat_of
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.index import ExactIndex
from tests.made.campaign import size
from tests.made.clouds import cloud

N = 400
PLANS = (Plan("PQ4x4fs,RFlat", 8), Plan("PQ2x4fs,RFlat", 8), Plan("IVF4,PQ4x4fs,RFlat", 8, 4), Plan("IVF4,Flat", 8, 2),
         Plan("Flat", 8))


@settings(deadline=None, max_examples=size(15, 1000, ci=200))
@given(st.integers(1, 90), st.integers(1, 20), st.integers(1, 100), st.integers(0, 2**32 - 1),
       st.sampled_from(["cosine", "euclidean"]), st.booleans(), st.booleans())
def test_the_flat_index_says_what_the_oracle_says_bit_for_bit(n, d, k, seed, space, some, alike):
    random = np.random.default_rng(seed)
    data = random.normal(size=(n, d)).astype(np.float32)
    if alike:  # many rows equal or nearly so: rounding orders them as it likes
        data = data[random.integers(0, 2, n) % n] + np.float32(1e-7) * random.integers(0, 2, (n, d)).astype(np.float32)
    queries = np.concatenate([data[:3], random.normal(size=(6, d)).astype(np.float32)])
    rows = np.sort(random.choice(n, 1 + n // 2, replace=False)) if some else None
    for asked in (queries, queries[:1]):
        wanted = ExactIndex(data, space).among(asked, k, rows)
        found = FlatIndex(data, space).among(asked, k, rows)
        assert (found[1] == wanted[1]).all()
        assert (found[0] == wanted[0]).all()


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_rows_that_are_chosen_are_looked_at_in_parts(space, monkeypatch):
    monkeypatch.setattr("georetrieval.search.flat.CHUNK_BYTES", 4 * 8 * 30)
    data = cloud(N, 8, 20, 0.5)
    rows = np.arange(3, N, 3)
    scores, found = FlatIndex(data, space).among(data[:40], 6, rows)
    wanted = ExactIndex(data, space).among(data[:40], 6, rows)
    assert (found == wanted[1]).all()
    assert (scores == wanted[0]).all()


@cache
def world(seed: int) -> tuple[Descriptors, pa.Table, list[dict[str, Any]]]:
    """Rows in any order of names, some of them equal, two that mean nothing; their table, also row by row."""
    random = np.random.default_rng(seed)
    vectors = cloud(N, 8, 40, 0.4, seed)
    vectors[random.integers(0, N, 60)] = vectors[0]  # equal rows
    vectors[7], vectors[9] = 0, np.nan
    scopes = np.asarray(["54", "57", "88"])[random.integers(0, 3, N)]
    x, y = random.uniform(0, 5000, (2, N)).round(-2)
    table = pa.table({"date": np.asarray(["2004", "2019"])[random.integers(0, 2, N)].tolist(), "xmin": x,
                      "ymin": y, "xmax": x + 100, "ymax": y + 100})
    names = [f"t{i}" for i in random.permutation(N)]
    return Descriptors(vectors, [f"k{i // 4}" for i in range(N)], names, scopes, "cosine"), table, table.to_pylist()


@cache
def gallery(kind: str | Plan, seed: int) -> Gallery:
    rows, table, _ = world(seed)
    index = FaissIndex(flat_of(rows), kind) if isinstance(kind, Plan) else kind
    return Gallery.of(rows, attributes=table, index=index)


def allowed(
    where: Filter, rows: Descriptors, r: dict[str, Any], row: int, queries: Descriptors, i: int, middle: np.ndarray
) -> bool:
    """The filter, said again one row at a time."""
    far = np.hypot((r["xmin"] + r["xmax"]) / 2 - middle[0], (r["ymin"] + r["ymax"]) / 2 - middle[1])
    return bool(
        rows.valid[row] and (not where.dates or r["date"] in where.dates)
        and (not where.scopes or rows.scopes[row] in where.scopes)
        and (where.bounds is None or (r["xmin"] < where.bounds[2] and r["xmax"] > where.bounds[0]
                                      and r["ymin"] < where.bounds[3] and r["ymax"] > where.bounds[1]))
        and not (where.exclude_self and rows.names[row] == queries.names[i])
        and not (where.own_scope and rows.scopes[row] != queries.scopes[i])
        and not (where.beyond_m and far <= where.beyond_m))


wheres = st.builds(
    Filter, dates=st.sampled_from([(), ("2004",), ("2004", "2019"), ("1950",)]),
    scopes=st.sampled_from([(), ("57",), ("54", "88")]), exclude_self=st.booleans(), own_scope=st.booleans(),
    bounds=st.sampled_from([None, (0.0, 0.0, 900.0, 900.0), (500.0, 0.0, 4900.0, 5000.0)]),
    beyond_m=st.sampled_from([0.0, 150.0, 2500.0]))


@pytest.mark.parametrize("kind", ["exact", "dense", *PLANS], ids=str)
@settings(deadline=None, max_examples=size(4, 200, ci=40))
@given(where=wheres, k=st.sampled_from([1, 3, 5, 60, 500]), seed=st.integers(0, size(0, 3, ci=3)), lone=st.booleans())
def test_filters_are_exact_on_every_kind(kind, where, k, seed, lone):
    """Who may answer is exact on all; that as many answer as may and are asked for, and in which order, too."""
    rows, _, records = world(seed)
    queries = rows.take([0, 30, 7, 55, 120][: 2 if lone else 5])
    middles = np.asarray([[records[i]["xmin"] + 50, records[i]["ymin"] + 50] for i in (0, 30, 7, 55, 120)])
    middles = middles[: len(queries)]
    matches = gallery(kind, seed).search(queries, k, where=where, places=middles)
    assert matches.query_rows.tolist() == [i for i in range(len(queries)) if i != 2]
    for line, i in enumerate(matches.query_rows):
        may = [r for r in np.argsort(rows.names).tolist()
               if allowed(where, rows, records[r], r, queries, i, middles[i])]
        answers = matches.rows[line][matches.found[line]]
        assert len(answers) == min(k, len(may))
        assert set(answers.tolist()) <= set(may)
        assert matches.truths[line] == sum(rows.keys[r] == queries.keys[i] for r in may)
        if not may:
            continue
        scores, wanted = ExactIndex(rows.vectors[may], "cosine").search(queries.vectors[i:i + 1], len(may))
        score_of = dict(zip(np.asarray(may)[wanted[0]].tolist(), scores[0].tolist(), strict=True))
        order = list(score_of)
        told = [(-score_of[r], rows.names[r]) for r in answers.tolist()]
        assert told == sorted(told)
        if not isinstance(kind, Plan) or kind.factory == "Flat":
            assert answers.tolist() == order[: len(answers)]
        assert matches.scores[line][0] <= scores[0][0] + 1e-6
        np.testing.assert_allclose(matches.scores[line][: len(answers)], [-t[0] for t in told], atol=1e-6)


@pytest.mark.parametrize("plan", PLANS, ids=str)
@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_equal_rows_come_in_the_order_of_the_rows_however_many_they_are(plan, space):
    data = cloud(N, 8, 20, 0.5)
    data[50:350] = data[50]
    index = FaissIndex(FlatIndex(data, space), plan)
    assert index.search(data[50:51], 5)[1].tolist() == [[50, 51, 52, 53, 54]]
    assert index.among(data[50:51], 5, np.arange(0, N, 2))[1].tolist() == [[50, 52, 54, 56, 58]]


@pytest.mark.parametrize("where", [Filter(), Filter(scopes=("a",))], ids=["all", "most"])
def test_twins_come_by_their_names_through_the_codes_too(where, monkeypatch):
    """Every row twice, in any order of names: codes propose, names decide, and few questions need the exact index."""
    random = np.random.default_rng(4)
    place = random.permutation(np.repeat(np.arange(700), 2))
    names = np.asarray([f"t{i}" for i in random.permutation(1400)])
    rows = Descriptors(cloud(700, 16, 70, 0.5)[place], names, names, np.where(place % 5 > 0, "a", "b"), "cosine")
    codes = Gallery.of(rows, index="PQ8x4fs,RFlat")
    compared, slowly = [], codes.index.flat.among
    monkeypatch.setattr(codes.index.flat, "among", lambda q, k, r: compared.append(len(q)) or slowly(q, k, r))
    asked = rows.take(np.flatnonzero(place % 5 > 0)[::20])
    found = codes.search(asked, 4, where=where)
    for twin, line in zip(asked.names, found.rows, strict=True):
        mine = names[place == place[names == twin]].tolist()
        assert names[line[:2]].tolist() == sorted(mine)
        assert names[line[2:]].tolist() == sorted(names[line[2:]].tolist())
    assert sum(compared) < len(asked) / 2


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
@pytest.mark.parametrize("factory", ["PQ8x4fs,RFlat", "IVF16,PQ8x4fs,RFlat"])
def test_most_filtered_answers_are_the_true_ones(space, factory, monkeypatch):
    """With half of the rows allowed the codes are asked for more, and all is not simply compared."""
    data, rows = cloud(4000, 16, 400, 0.5), np.arange(0, 4000, 2)
    flat = FlatIndex(data, space)
    index = FaissIndex(flat, Plan(factory, 40, 8 if "IVF" in factory else 0))
    asked = data[1:4000:37]
    wanted = flat.among(asked, 5, rows)[1]
    compared = []
    slowly = flat.among
    monkeypatch.setattr(flat, "among", lambda q, k, r: compared.append(len(q)) or slowly(q, k, r))
    found = index.among(asked, 5, rows)[1]
    assert sum(compared) < len(asked) / 4
    assert np.mean([len(set(a) & set(b)) / 5 for a, b in zip(wanted, found, strict=True)]) > 0.98


def test_too_few_proposals_are_completed_and_minus_one_never_leaves():
    random = np.random.default_rng(5)
    data = np.concatenate([random.normal(c, 0.01, size=(n, 8)) for c, n in ((-5, 9), (5, 400))]).astype(np.float32)
    flat = FlatIndex(data, "euclidean")
    codes = ann.trained(flat, Plan("IVF2,Flat"))
    assert (codes.search(data[:3], 40)[1] < 0).any()  # the danger is real
    index = FaissIndex(flat, Plan("IVF2,Flat", 2, 1), codes)
    scores, rows = index.search(data[:3], 20)
    assert (rows == ExactIndex(data, "euclidean").search(data[:3], 20)[1]).all()
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_rows_that_mean_nothing_never_reach_the_codes(bad):
    data = cloud(N, 8, 20, 0.5)
    which = np.arange(0, N, 3)
    names = np.asarray([f"t{i}" for i in range(N)])
    order = np.argsort(np.delete(names, which))
    clean = FaissIndex(FlatIndex(np.delete(data, which, 0)[order], "cosine"), PLANS[0])
    data[which] = bad
    dirty = Gallery.of(Descriptors(data, names, names, names, "cosine"), index="PQ4x4fs,RFlat")
    assert bytes(faiss.serialize_index(dirty.index.codes)) == bytes(faiss.serialize_index(clean.codes))
    assert not np.isin(dirty.search(dirty.descriptors, 5).rows, which).any()
    with pytest.raises(InputError, match="zero or not finite"):
        FlatIndex(data, "cosine")


def test_a_kind_that_faiss_cannot_read_is_refused_before_there_are_vectors():
    for factory in ("NONSENSE", "IVF4,NONSENSE", "PQx"):
        with pytest.raises(UsageError, match="knows no kind"):
            ann.require_readable(factory)
    for factory in ("PQ64x4fs,RFlat", "IVF4096,PQ64x4fs,RFlat", "PQ7", "OPQ16_64,IVF10,PQ16"):  # PQ7: not of length 64
        ann.require_readable(factory)


def test_a_question_that_makes_no_sense_is_one_sentence():
    flat = FlatIndex(cloud(N, 8, 20, 0.5), "cosine")
    for factory in ("NoSuch7", "IVF9999,Flat"):
        with pytest.raises(UsageError, match="factory string"):
            FaissIndex(flat, Plan(factory))
    index = FaissIndex(flat, PLANS[0])
    with pytest.raises(UsageError, match="at least 1"):
        index.search(flat.vectors, 0)
    with pytest.raises(UsageError, match="same model"):
        index.search(np.ones((1, 3), np.float32), 1)
    assert index.search(np.ones((0, 8), np.float32), 2)[1].shape == (0, 2)
    names = [f"t{i}" for i in range(5)]
    few = Descriptors(flat.vectors[:5], names, names, names, "cosine")
    with pytest.raises(UsageError, match="came with an index of 400"):
        Gallery.of(few, index=index)
    with pytest.raises(UsageError, match="places of the queries"):
        Gallery.of(few).search(few, 1, where=Filter(beyond_m=5))


def test_distances_that_overflow_are_those_of_the_oracle():
    """Between these rows FAISS finds no distance at all, and says -1."""
    rows = np.array([[1.5e19, 0], [-1.5e19, 0], [1e19, 0]], np.float32)
    found = FlatIndex(rows, "euclidean").search(rows, 3)
    wanted = ExactIndex(rows, "euclidean").search(rows, 3)
    assert found[1].tolist() == wanted[1].tolist()
    assert found[1].min() >= 0
