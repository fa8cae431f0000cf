"""Every query against every row at once: for galleries of some thousand rows that are asked as a whole."""

from __future__ import annotations

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Space, Vectors
from georetrieval.search.index import CHUNK_BYTES, Doubles, Rows, Scores, checked

DIGITS = 12
"""Decimals, relative to the longest vector, beyond which scores count as equal: float64 sums keep more than that."""


class DenseIndex:
    """All scores as one matrix product in float64.

    `ExactIndex` computes the scores of its candidates again, pair by pair. Where descriptors lie very close together,
    as those of untrained nets do, or where many answers per query are wanted, nearly every row is a candidate; then
    this gives the same answers sooner.

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
        self.space = Space(space)
        self._vectors = checked(vectors, "The index")
        self._wide = self._prepared(self._vectors)
        self._squares = np.einsum("nd,nd->n", self._wide, self._wide)

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self._wide)

    def search(self, vectors: Vectors, k: int) -> tuple[Scores, Rows]:
        """The min(k, size) nearest rows of each of (nq, d) vectors: scores float32, rows int64."""
        if k < 1 or vectors.shape[1] != self._wide.shape[1]:
            raise UsageError(f"k is {k} and the question has vectors of length {vectors.shape[1]}; k must be at least "
                             f"1 and the length {self._wide.shape[1]}.")
        queries = self._prepared(checked(vectors, "The question"))
        count = min(k, self.size)
        scores, rows = np.empty((len(queries), count), np.float32), np.empty((len(queries), count), np.int64)
        step = max(1, CHUNK_BYTES // (8 * max(1, self.size)))
        for start in range(0, len(queries) if count else 0, step):
            block = self._scores(queries[start:start + step])
            best = np.argsort(-block, axis=1, kind="stable")[:, :count]
            rows[start:start + step] = best
            scores[start:start + step] = np.take_along_axis(block, best, axis=1)
        return scores, rows

    def among(self, vectors: Vectors, k: int, rows: Rows | None) -> tuple[Scores, Rows]:
        """The same among some rows only."""
        if rows is None:
            return self.search(vectors, k)
        scores, found = DenseIndex(self._vectors[rows], self.space).search(vectors, k)
        return scores, rows[found]

    def _prepared(self, vectors: Vectors) -> Doubles:
        wide = vectors.astype(np.float64)
        if self.space is Space.EUCLIDEAN:
            return wide
        return np.asarray(wide / np.linalg.norm(wide, axis=1, keepdims=True))

    def _scores(self, queries: Doubles) -> Doubles:
        products = queries @ self._wide.T
        if self.space is Space.COSINE:
            return np.asarray(products.round(DIGITS))
        lengths = np.einsum("nd,nd->n", queries, queries)
        squares = lengths[:, None] + self._squares - 2 * products
        scale = max(float(lengths.max(initial=0.0)), float(self._squares.max()))
        return np.asarray(-np.sqrt(np.maximum((squares / scale).round(DIGITS), 0.0) * scale))
