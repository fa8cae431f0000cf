"""Re-ranking against slow literal copies of the papers' equations, and what no re-ranking may break."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.matches import NO_ROW
from georetrieval.search.rerank import RERANKERS, k_reciprocal, query_expansion


def described(vectors: np.ndarray, space: str, prefix: str = "g") -> Descriptors:
    n = len(vectors)
    return Descriptors(vectors, [f"k{i % 30}" for i in range(n)], [f"{prefix}{i}" for i in range(n)],
                       ["54" if i % 2 else "57" for i in range(n)], space)


def world(space: str, n: int = 70, nq: int = 12, seed: int = 0) -> tuple[Descriptors, Descriptors]:
    """Clusters of rows, and queries near them."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(size=(9, 6)) * 2
    rows = middles[rng.integers(0, 9, n)] + rng.normal(size=(n, 6))
    asked = middles[rng.integers(0, 9, nq)] + rng.normal(size=(nq, 6))
    return described(asked, space, "q"), described(rows, space)


def apart(vectors: np.ndarray, space: str) -> np.ndarray:
    wide = vectors.astype(np.float32).astype(float)
    if space == "cosine":
        wide /= np.linalg.norm(wide, axis=1)[:, None]
    return ((wide[:, None] - wide[None]) ** 2).sum(axis=2)


def literally(vectors: np.ndarray, space: str, k1: int, k2: int, weight: float) -> np.ndarray:
    """Distances of row 0 to all others, by the equations of Zhong et al., one set at a time."""
    d = apart(vectors, space)
    d /= d.max(axis=1, keepdims=True)
    n = len(d)
    rank = np.argsort(d, axis=1, kind="stable")

    def mutual(i: int, k: int) -> set[int]:
        return {int(j) for j in rank[i, :k + 1] if i in rank[j, :k + 1]}

    v = np.zeros((n, n))
    for i in range(n):
        own = mutual(i, k1)
        wider = set(own)
        for j in own:
            half = mutual(j, int(np.around(k1 / 2)))
            if 3 * len(own & half) >= 2 * len(half):
                wider |= half
        members = sorted(wider)
        v[i, members] = np.exp(-d[i, members])
        v[i] /= v[i].sum()
    v = np.stack([v[rank[i, :k2]].mean(axis=0) for i in range(n)])
    jaccard = 1 - np.minimum(v[0], v).sum(axis=1) / np.maximum(v[0], v).sum(axis=1)
    return ((1 - weight) * jaccard + weight * d[0])[1:]


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (7, 3, 0.0), (5, 1, 0.5), (90, 6, 0.3)])
def test_k_reciprocal_is_the_paper(space, k1, k2, weight):
    queries, rows = world(space)
    gallery = Gallery.of(rows)
    first = gallery.search(queries, len(rows))
    found = k_reciprocal(queries, gallery, first, k1, k2, weight)
    for i in range(len(queries)):
        wanted = literally(np.concatenate([queries.vectors[i:i + 1], rows.vectors]), space, k1, k2, weight)
        np.testing.assert_allclose(-found.scores[i], wanted[found.rows[i]], atol=1e-6)
        assert (np.diff(found.scores[i]) <= 0).all()
    assert (found.rows != first.rows).any()


def test_few_candidates_get_the_distances_that_they_have_among_all():
    queries, rows = world("cosine", n=200)
    gallery = Gallery.of(rows)
    found = k_reciprocal(queries, gallery, gallery.search(queries, 25), 20, 6)
    for i in range(len(queries)):
        wanted = literally(np.concatenate([queries.vectors[i:i + 1], rows.vectors]), "cosine", 20, 6, 0.3)
        np.testing.assert_allclose(-found.scores[i], wanted[found.rows[i]], atol=1e-6)


def test_a_mutual_neighbour_comes_before_a_nearer_stranger():
    """On a line: the query at 0, a lonely friend at -1, and at 0.9 the edge of a crowd whose rows have each other.

    The three nearest of the query are 0.9, -1, 1.1; of 0.9: 1.1, 1.11, 1.12; of -1: the query, 0.9, 1.1.
    """
    vectors = np.array([[x] for x in (-1.0, 0.9, 1.1, 1.11, 1.12, 1.13)])
    rows, asked = described(vectors, "euclidean"), described(np.array([[1e-3]]), "euclidean", "q")
    gallery = Gallery.of(rows)
    first = gallery.search(asked, len(rows))
    assert first.rows[0, 0] == 1
    found = k_reciprocal(asked, gallery, first, 3, 1, 0.0)
    assert found.rows[0, 0] == 0
    assert found.scores[0, 1:] == pytest.approx(-1)  # no neighbour in common with any other row


@pytest.mark.parametrize("rows_added", [0, 4])
def test_query_expansion_is_the_weighted_mean(rows_added):
    queries, rows = world("cosine")
    gallery = Gallery.of(rows)
    found = query_expansion(queries, gallery, gallery.search(queries, 20), n=3, alpha=2.0, rows=rows_added)
    unit = {name: d.vectors / np.linalg.norm(d.vectors, axis=1)[:, None] for name, d in (("q", queries), ("g", rows))}
    likeness = unit["g"] @ unit["g"].T
    for i, q in enumerate(unit["q"]):
        best = np.argsort(-(unit["g"] @ q))[:3]
        wider = q + sum((unit["g"][j] @ q) ** 2 * unit["g"][j] for j in best)
        for score, j in zip(found.scores[i], found.rows[i], strict=True):
            near = [m for m in np.argsort(-likeness[j]) if m != j][:rows_added]
            row = unit["g"][j] + sum(max(0, likeness[j, m]) ** 2 * unit["g"][m] for m in near)
            assert score == pytest.approx(row @ wider / np.linalg.norm(row) / np.linalg.norm(wider), abs=1e-5)


def test_query_expansion_in_the_euclidean_space():
    """Query 0, answers 1 and 4: their weights are (1 - 1/4)^1 and 0, so the mean is 0.75 / 1.75."""
    gallery = Gallery.of(described(np.array([[1.0], [4.0]]), "euclidean"))
    asked = described(np.array([[1e-15]]), "euclidean", "q")
    found = query_expansion(asked, gallery, gallery.search(asked, 2), n=2, alpha=1.0)
    assert found.scores[0] == pytest.approx([-(1 - 3 / 7), -(4 - 3 / 7)], abs=1e-6)


@pytest.mark.parametrize("name", RERANKERS)
@pytest.mark.parametrize("space", ["cosine", "euclidean"])
@pytest.mark.parametrize("where", [
    Filter(scopes=("57",)), Filter(exclude_self=True), Filter(own_scope=True), Filter(scopes=("none",))])
def test_no_row_comes_or_goes(name, space, where):
    _, rows = world(space)
    vectors = rows.vectors.copy()
    vectors[[3, 8]] = 0
    damaged = Descriptors(vectors, rows.keys, rows.names, rows.scopes, space)
    gallery = Gallery.of(damaged)
    first = gallery.search(damaged, 50, where=where)
    found = RERANKERS[name](damaged, gallery, first)
    assert (np.sort(found.rows, axis=1) == np.sort(first.rows, axis=1)).all()
    assert (found.found == first.found).all()
    assert (found.scores[~found.found] == -np.inf).all()
    assert np.isfinite(found.scores[found.found]).all()
    for i in range(len(found)):
        some = found.rows[i][found.found[i]]
        assert (found.hits[i][: len(some)] == (damaged.keys[some] == found.query_keys[i])).all()
        assert (np.diff(found.scores[i][: len(some)]) <= 0).all()
    assert (found.rows[found.found] != NO_ROW).all()
    assert (found.truths == first.truths).all()


@pytest.mark.parametrize("name", RERANKERS)
def test_an_answer_depends_on_its_own_query_alone(name):
    queries, rows = world("cosine")
    gallery = Gallery.of(rows)
    together = RERANKERS[name](queries, gallery, gallery.search(queries, 30))
    alone = RERANKERS[name](queries.take([4]), gallery, gallery.search(queries.take([4]), 30))
    assert (together.rows[4] == alone.rows[0]).all()
    np.testing.assert_allclose(together.scores[4], alone.scores[0], rtol=1e-6)


@pytest.mark.parametrize("name", RERANKERS)
def test_equal_rows_keep_their_order(name):
    rows = described(np.repeat(np.eye(4), 8, axis=0), "cosine")
    gallery = Gallery.of(rows)
    first = gallery.search(rows, 32)
    found = RERANKERS[name](rows, gallery, first)
    assert (found.rows[:, :8] == first.rows[:, :8]).all()


def test_the_first_k_of_a_longer_list():
    queries, rows = world("cosine")
    gallery = Gallery.of(rows)
    longer, short = gallery.search(queries, 9).first(4), gallery.search(queries, 4)
    assert (longer.rows == short.rows).all()
    assert (longer.k, (longer.hits == short.hits).all(), (longer.scores == short.scores).all()) == (4, True, True)


def test_settings_that_make_no_sense_are_refused():
    queries, rows = world("cosine")
    gallery = Gallery.of(rows)
    first = gallery.search(queries, 5)
    with pytest.raises(UsageError, match="k2 <= k1"):
        k_reciprocal(queries, gallery, first, 3, 4)
    with pytest.raises(UsageError, match="-1 rows"):
        query_expansion(queries, gallery, first, n=-1)
