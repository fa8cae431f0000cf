"""Nearest vectors: what every index promises, and the exact one in plain numpy, which is the oracle of all others.

All answer `search(vectors, k)` with scores (nq, m) float32 and rows (nq, m) int64, m = min(k, size): nearest
first, a higher score is always nearer, equal scores in the order of the rows. The score is the cosine in the
cosine space and minus the distance in the euclidean one.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError, UsageError
from georetrieval.search.descriptors import Space, Vectors

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

CHUNK_BYTES = 64 << 20
"""Memory for one block of scores."""


class Index(Protocol):
    """One verb, asked of all rows or of some: the k nearest of each vector.

    `among` takes the rows that may answer, ascending; None is all of them.
    """

    @property
    def size(self) -> int: ...

    def search(self, vectors: Vectors, k: int) -> tuple[Scores, Rows]: ...

    def among(self, vectors: Vectors, k: int, rows: Rows | None) -> tuple[Scores, Rows]: ...


class ExactIndex:
    """Exhaustive search in numpy.

    A float32 matrix product proposes every row that rounding could have put among the first k; their scores are
    then computed again pair by pair in float64, so that the answer depends neither on the block size nor on the
    number of threads, and equal vectors have equal scores.

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
        self._prepared = self._prepare(self.vectors)
        self._squares = np.einsum("nd,nd->n", self._prepared, self._prepared)
        self._longest = float(np.sqrt(self._squares.max(initial=0.0)))

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.vectors)

    def search(self, vectors: Vectors, k: int) -> tuple[Scores, Rows]:
        """The min(k, size) nearest rows of each of (nq, d) vectors: scores float32, rows int64."""
        queries = checked(vectors, "The question")
        fitting(queries, self.vectors, k)
        count = min(k, self.size)
        scores = np.empty((len(queries), count), np.float32)
        rows = np.empty((len(queries), count), np.int64)
        if count:
            step = max(1, CHUNK_BYTES // (8 * self.size))
            for start in range(0, len(queries), step):
                self._block(queries[start:start + step], scores[start:start + step], rows[start:start + step])
        return scores, rows

    def among(self, vectors: Vectors, k: int, rows: Rows | None) -> tuple[Scores, Rows]:
        """The same among some rows only."""
        if rows is None:
            return self.search(vectors, k)
        scores, found = ExactIndex(self.vectors[rows], self.space).search(vectors, k)
        return scores, rows[found]

    def _prepare(self, vectors: Vectors) -> Vectors:
        return unit(vectors) if self.space is Space.COSINE else vectors

    def _block(self, queries: Vectors, scores: Scores, rows: Rows) -> None:
        prepared = self._prepare(queries)
        rough = prepared @ self._prepared.T
        lengths = np.linalg.norm(prepared, axis=1)
        if self.space is Space.EUCLIDEAN:
            rough *= 2
            rough -= self._squares
        count = scores.shape[1]
        worst = np.partition(rough, self.size - count, axis=1)[:, self.size - count]
        doubt = doubt_of(self.vectors.shape[1], lengths, self._longest)
        for i in range(len(queries)):
            candidates = np.flatnonzero(rough[i] >= worst[i] - doubt[i])
            exact = pair_scores(self.vectors[candidates], queries[i], self.space)
            best = np.lexsort((candidates, -exact))[:count]
            scores[i], rows[i] = exact[best].astype(np.float32), candidates[best]


def pair_scores(vectors: Vectors, query: Vectors, space: Space) -> Doubles:
    """Scores of (n, d) vectors against one (d,) query: (n,) float64, the same for the same pair everywhere."""
    a, b = vectors.astype(np.float64), query.astype(np.float64)
    if space is Space.EUCLIDEAN:
        return np.asarray(-np.sqrt(((a - b) ** 2).sum(axis=1)))
    lengths = np.sqrt((a * a).sum(axis=1)) * np.sqrt((b * b).sum())
    return np.asarray((a * b).sum(axis=1) / lengths)


def unit(vectors: Vectors) -> Vectors:
    """(n, d) vectors scaled to length 1, through float64 so that tiny and huge ones keep their direction."""
    scaled = np.empty(vectors.shape, np.float32)
    step = max(1, CHUNK_BYTES // (8 * max(1, vectors.shape[1])))
    for start in range(0, len(vectors), step):
        wide = vectors[start:start + step].astype(np.float64)
        scaled[start:start + step] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return scaled


def checked(vectors: Vectors, whose: str) -> Vectors:
    """`vectors` as contiguous (n, d) float32, all finite and not zero, else InputError."""
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2:
        raise InputError(f"{whose} needs an (n, d) array, and got one of shape {array.shape}.")
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.einsum("nd,nd->n", array, array)
    bad = ~(np.isfinite(length) & (length > 0))
    if bad.any():
        raise InputError(f"{whose} holds {int(bad.sum())} vectors that are zero or not finite (first: row "
                         f"{int(np.argmax(bad))}); leave them out before searching.")
    return array


def doubt_of(dim: int, lengths: Vectors, longest: float) -> Vectors:
    """Twice the greatest rounding error of a rough score: (nq,). Higham's bound d*u on the products' sum."""
    unit_roundoff = float(np.finfo(np.float32).eps) / 2
    size = lengths * longest * 2 + longest**2 * 2 if longest else lengths
    return np.asarray(2 * (dim + 8) * unit_roundoff * size, np.float32)


def fitting(queries: Vectors, vectors: Vectors, k: int) -> None:
    """UsageError unless k is at least 1 and both have vectors of one length."""
    if k < 1:
        raise UsageError(f"k must be at least 1, and is {k}.")
    if queries.shape[1] != vectors.shape[1]:
        raise UsageError(f"The question has vectors of length {queries.shape[1]}, the index of length "
                         f"{vectors.shape[1]}; both must come from the same model.")
