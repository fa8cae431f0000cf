"""Exact search at the speed of a matrix product: FAISS proposes, pair by pair scores decide, as in `ExactIndex`.

The rows are not copied into FAISS, and not even scaled when their lengths are 1 within rounding: the array that is
given is what is searched. That is the one the index was read into where its rows stand by name, else a copy by name
(`flat_of`).
"""

from __future__ import annotations

import numpy as np

from georetrieval.search.descriptors import Descriptors, Space, Vectors
from georetrieval.search.index import (
    CHUNK_BYTES,
    Doubles,
    Rows,
    Scores,
    checked,
    doubt_of,
    fitting,
    pair_scores,
    unit,
)

SPARE = 3
"""Rows that are proposed beyond the k asked for: those that rounding could have put behind the k-th."""
PAIRS = 512
"""Pairs scored at once: what they need stays in the processor's cache."""
UNIT_WITHIN = 1e-5
"""Lengths that differ from 1 by less need no scaling; the difference is added to what rounding can do."""
FEW_QUERIES = 4
"""Up to so many are compared with chosen rows where these lie, without gathering them."""


class FlatIndex:
    """The answers of `ExactIndex`, bit for bit, sooner.

    FAISS proposes k + `SPARE` rows per query by float32 scores. Where rounding could hide another row behind the last
    one proposed (many rows nearly equally near), all rows are scored again for that query.

    Parameters
    ----------
    vectors : (n, d) float32, finite and not zero
    space : Space

    Raises
    ------
    InputError
        For a vector that is not finite, or zero.
    """

    def __init__(self, vectors: Vectors, space: Space | str) -> None:
        self.vectors = checked(vectors, "The index")
        self.space = Space(space)
        lengths = np.sqrt(np.einsum("nd,nd->n", self.vectors, self.vectors))
        off = float(np.abs(lengths - 1).max(initial=0.0)) if self.space is Space.COSINE else 0.0
        ready = self.space is Space.EUCLIDEAN or off < UNIT_WITHIN
        self.prepared = self.vectors if ready else unit(self.vectors)
        self._slack = 2 * off if ready else 0.0
        self._longest = float(lengths.max(initial=0.0)) if ready else 1.0
        self._measured: Doubles = np.full(len(lengths), np.nan)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.vectors)

    def search(self, vectors: Vectors, k: int) -> tuple[Scores, Rows]:
        """The min(k, size) nearest rows of each of (nq, d) vectors: scores float32, rows int64."""
        return self.among(vectors, k, None)

    def among(self, vectors: Vectors, k: int, rows: Rows | None) -> tuple[Scores, Rows]:
        """The same among `rows` only (ascending; None: all)."""
        queries = checked(vectors, "The question")
        fitting(queries, self.vectors, k)
        size = self.size if rows is None else len(rows)
        count = min(k, size)
        if count == 0 or len(queries) == 0:
            return np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.int64)
        prepared = self.prepare(queries)
        rough, found = self._rough(prepared, min(size, count + SPARE), rows)
        lost = (found < 0).any(axis=1)  # FAISS gives up where a distance overflows
        doubt = self.doubt(prepared)
        scores, best = self.decided(queries, rough, np.where(found < 0, 0, found), count, doubt)
        sure = np.ones(len(queries), np.bool_)
        if found.shape[1] < size:
            sure = rough[:, -1] < rough[:, count - 1] - doubt
        for i in np.flatnonzero(~sure | lost):
            scores[i], best[i] = self._slowly(queries[i], prepared[i], count, rows)
        return scores, best

    def prepare(self, queries: Vectors) -> Vectors:
        """Queries as they are compared with `prepared`: in the cosine space of a length between 1/2 and 2.

        How long a query is does not change which row is nearest to it, only whether float32 can hold the products.
        """
        if self.space is Space.EUCLIDEAN:
            return queries
        squares = np.einsum("nd,nd->n", queries, queries)
        return queries if ((squares > 0.25) & (squares < 4)).all() else unit(queries)

    def doubt(self, prepared: Vectors) -> Vectors:
        """By how much two rough scores of each query may be in the wrong order: (nq,)."""
        lengths = np.sqrt(np.einsum("nd,nd->n", prepared, prepared))
        if self.space is Space.EUCLIDEAN:  # FAISS adds the query's square, which the bound leaves out
            both = (lengths + self._longest).astype(np.float64)
            return np.asarray(4 * (prepared.shape[1] + 8) * np.finfo(np.float32).eps * both * both, np.float32)
        return np.asarray(doubt_of(prepared.shape[1], lengths, self._longest) + 2 * self._slack * lengths, np.float32)

    def decided(self, queries: Vectors, rough: Scores, found: Rows, count: int, doubt: Vectors) -> tuple[Scores, Rows]:
        """`settled`, of those rows only that rounding could have put among the first `count`.

        Parameters
        ----------
        rough : (nq, m) scores, best first, of the rows `found`
        doubt : (nq,) by how much two of them may be in the wrong order
        """
        if found.shape[1] <= count:
            return self._settled(queries, found, count)
        clear = rough[:, count] < rough[:, count - 1] - doubt
        if clear.all():
            return self._settled(queries, found[:, :count], count)
        scores, best = np.empty((len(found), count), np.float32), np.empty((len(found), count), np.int64)
        for which, width in ((np.flatnonzero(clear), count), (np.flatnonzero(~clear), found.shape[1])):
            scores[which], best[which] = self._settled(queries[which], found[which, :width], count)
        return scores, best

    def _settled(self, queries: Vectors, found: Rows, count: int) -> tuple[Scores, Rows]:
        """Of (nq, m) rows, each of its own query, the `count` nearest by `pair_scores`, equal ones by row."""
        lengths = self._lengths_of(found) if self.space is Space.COSINE else None
        step = max(1, PAIRS // max(1, found.shape[1]))
        exact = np.empty(found.shape)
        for start in range(0, len(queries), step):
            some = slice(start, start + step)
            exact[some] = _pairs(self.vectors[found[some]], queries[some], None if lengths is None else lengths[some])
        loose = np.flatnonzero(~(exact[:, :-1] > exact[:, 1:]).all(axis=1))  # the others are in order already
        if len(loose):
            found, rows = found.copy(), found[loose]
            order = np.lexsort((rows, -exact[loose]), axis=1)
            exact[loose] = np.take_along_axis(exact[loose], order, 1)
            found[loose] = np.take_along_axis(rows, order, 1)
        return exact[:, :count].astype(np.float32), found[:, :count]

    def _lengths_of(self, found: Rows) -> Doubles:
        """Lengths of rows as `pair_scores` takes them, each measured when it is first met."""
        lengths = self._measured[found]
        if (unknown := np.isnan(lengths)).any():
            met = np.zeros(self.size, np.bool_)
            met[found[unknown]] = True
            new = np.flatnonzero(met)
            for start in range(0, len(new), PAIRS):
                some = new[start:start + PAIRS]
                self._measured[some] = _lengths(self.vectors[some])
            lengths = self._measured[found]
        return lengths

    def rough_of(self, prepared: Vectors, found: Rows) -> Scores:
        """Rough scores of (nq, m) rows, each of its own query: products, or minus squared distances."""
        import faiss

        scores = np.empty(found.shape, np.float32)
        found = np.ascontiguousarray(found)
        name = "fvec_L2sqr_by_idx" if self.space is Space.EUCLIDEAN else "fvec_inner_products_by_idx"
        arrays = [faiss.swig_ptr(array) for array in (scores, prepared, self.prepared, found)]
        getattr(faiss, name)(*arrays, prepared.shape[1], *found.shape)
        return np.negative(scores) if self.space is Space.EUCLIDEAN else scores

    def _rough(self, prepared: Vectors, count: int, rows: Rows | None) -> tuple[Scores, Rows]:
        """The `count` best rough scores of each query, best first, and their rows."""
        if rows is None:
            return self._nearest(prepared, self.prepared, count)
        if len(prepared) <= FEW_QUERIES:
            each = np.broadcast_to(rows, (len(prepared), len(rows)))
            scores, places = best_first(self.rough_of(prepared, each), count)
            return scores, rows[places]
        parts = []
        step = max(1, CHUNK_BYTES // (4 * prepared.shape[1]))
        for start in range(0, len(rows), step):
            some = rows[start:start + step]
            scores, found = self._nearest(prepared, self.prepared[some], min(count, len(some)))
            parts.append((scores, some[found]))
        scores, found = (np.concatenate(values, axis=1) for values in zip(*parts, strict=True))
        scores, places = best_first(scores, count)
        return scores, np.take_along_axis(found, places, 1)

    def _nearest(self, prepared: Vectors, among: Vectors, count: int) -> tuple[Scores, Rows]:
        import faiss

        metric = faiss.METRIC_L2 if self.space is Space.EUCLIDEAN else faiss.METRIC_INNER_PRODUCT
        scores, found = faiss.knn(prepared, among, count, metric=metric)
        return (np.negative(scores) if self.space is Space.EUCLIDEAN else scores), found

    def _slowly(self, query: Vectors, prepared: Vectors, count: int, rows: Rows | None) -> tuple[Scores, Rows]:
        """Of one query: every row that could be among the first, scored pair by pair."""
        every = np.arange(self.size) if rows is None else rows
        rough = self.rough_of(prepared[None], every[None])[0]
        worst = np.partition(rough, len(every) - count)[len(every) - count]
        with np.errstate(invalid="ignore"):
            candidates = every[~(rough < worst - self.doubt(prepared[None])[0])]
        exact = np.empty(len(candidates))
        step = max(1, CHUNK_BYTES // (8 * len(query)))
        for start in range(0, len(candidates), step):
            some = candidates[start:start + step]
            exact[start:start + step] = pair_scores(self.vectors[some], query, self.space)
        best = np.lexsort((candidates, -exact))[:count]
        return exact[best].astype(np.float32), candidates[best]


def flat_of(rows: Descriptors) -> FlatIndex:
    """The rows that mean something, in the order of their names, as `Gallery` wants them."""
    order = rows.by_name
    return FlatIndex(rows.vectors if order is None else rows.vectors[order], rows.space)


def best_first(scores: Scores, count: int) -> tuple[Scores, Rows]:
    """The `count` highest of each line of (nq, m) scores, highest first, and where they stood."""
    line = np.arange(len(scores))[:, None]
    if count >= scores.shape[1]:
        places = np.argsort(-scores, axis=1, kind="stable")
        return scores[line, places], places
    places = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    best = scores[line, places]
    order = np.argsort(-best, axis=1, kind="stable")
    return best[line, order], places[line, order]


def _pairs(vectors: Vectors, queries: Vectors, lengths: Doubles | None) -> Doubles:
    """`pair_scores` of (nq, m, d) vectors and (nq, d) queries: (nq, m) float64, the same sums in the same order.

    Parameters
    ----------
    lengths : (nq, m) of the vectors, in the cosine space; None in the euclidean one
    """
    a, b = vectors.astype(np.float64), queries.astype(np.float64)
    if lengths is None:
        a -= b[:, None]
        a *= a
        return np.asarray(-np.sqrt(a.sum(axis=2)))
    a *= b[:, None]
    return np.asarray(a.sum(axis=2) / (lengths * _lengths(b)[:, None]))


def _lengths(vectors: Vectors | Doubles) -> Doubles:
    wide = vectors.astype(np.float64)
    return np.asarray(np.sqrt((wide * wide).sum(axis=1)))
