"""The k-reciprocal encoding of one query and its candidates.

*Source*: Zhong et al., Re-ranking person re-identification with k-reciprocal encoding, CVPR 2017; R, R* and V are
their names. Only lists that the candidates' encodings depend on are looked up; the outcome is that of the whole set.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from georetrieval.search.descriptors import Vectors
from georetrieval.search.index import Doubles, Rows
from georetrieval.search.neighbours import Neighbours, pair_distances

KEPT = 2 / 3
"""*Source*: Zhong et al. 2017, equation 4."""


class Encoding:
    """A query among the gallery rows that matter for it; the query is local row 0, gallery rows follow in order.

    Parameters
    ----------
    vector : (d,) prepared vector of the query
    far : squared distance of the gallery row farthest from it
    candidates : (c,) its nearest gallery rows, nearest first
    around : lists of at least k1 + 1 neighbours
    k1, k2 : neighbours that encode a row; rows whose encodings are averaged, at most k1 + 1
    """

    def __init__(self, vector: Vectors, far: float, candidates: Rows, around: Neighbours, k1: int, k2: int) -> None:
        self.candidates, self.around, self.far, self.k2 = candidates, around, far, k2
        self.width, self.half = k1 + 1, int(np.around(k1 / 2)) + 1
        self.encoded = _with_lists(candidates, around, k2)
        inner = _with_lists(self.encoded, around, self.width)
        self.rows = _with_lists(inner, around, self.half)
        self.vectors = np.concatenate([vector[None], around.vectors[self.rows]])
        self.to_query = pair_distances(self.vectors, vector)
        self.lists = self._lists()

    def jaccard(self) -> Doubles:
        """(c,) Jaccard distance of each candidate's encoding to the query's: equations 5 to 11."""
        asked = np.concatenate([[0], self._local(self.candidates)])
        encoded = np.concatenate([[0], self._local(self.encoded)])
        encodings = self._encodings(encoded)
        nearest = self.lists[asked, :self.k2]
        known = nearest >= 0
        place = np.searchsorted(encoded, nearest[known])
        counts = known.sum(axis=1)
        mean = _sparse(np.repeat(np.arange(len(asked)), counts), place, (len(asked), len(encoded)),
                       np.repeat(1 / counts, counts))
        expanded = (mean @ encodings).tocsc()
        query = expanded[[0], :].toarray()[0]
        used = np.flatnonzero(query)
        common = np.minimum(expanded[:, used].toarray()[1:], query[used]).sum(axis=1)
        return np.asarray(1 - common / (2 - common))

    def _local(self, rows: Rows) -> Rows:
        """Local numbers of gallery rows; -1 for those that are too far away to matter."""
        place = np.minimum(np.searchsorted(self.rows, rows), len(self.rows) - 1)
        return np.asarray(np.where(self.rows[place] == rows, place + 1, -1))

    def _lists(self) -> Rows:
        """(m, width) neighbours of each local row, -1 where there are none; the query comes first among equals."""
        near, _ = self.around.of(self.rows)
        apart = self.to_query[1:, None]
        distances = np.concatenate([apart, self.around.distances(self.rows)], axis=1)
        local = np.concatenate([np.zeros_like(apart, dtype=np.int64), self._local(near)], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :self.width]
        lists = np.full((len(self.rows) + 1, self.width), -1)
        lists[1:, :order.shape[1]] = np.take_along_axis(local, order, 1)
        own = np.concatenate([[0], self._local(self.candidates)])[:self.width]
        lists[0, :len(own)] = own
        return lists

    def _reciprocal(self, width: int) -> Any:
        """R(., width - 1): (m, m), 1 where two rows are in each other's lists."""
        some = self.lists[:, :width]
        known = some >= 0
        lines = np.repeat(np.arange(len(some)), known.sum(axis=1))
        listed = _sparse(lines, some[known], (len(some), len(some)), np.ones(len(lines)))
        return listed.multiply(listed.T).tocsr()

    def _encodings(self, encoded: Rows) -> Any:
        """V of some local rows, lines of sum 1: equations 4, 7 and 8."""
        own, half = self._reciprocal(self.width)[encoded], self._reciprocal(self.half)
        common = (own @ half.T).multiply(own).tocoo()  # of each mutual neighbour: how much of its set is shared
        sizes = np.asarray(half.sum(axis=1)).ravel()
        kept = common.data >= KEPT * sizes[common.col] - 1e-9
        taken = _sparse(common.row[kept], common.col[kept], common.shape, np.ones(int(kept.sum())))
        wider = (own + taken @ half).tocoo()
        far = np.concatenate([[self.far], self.around.farthest(self.rows[encoded[1:] - 1])])
        scale = np.maximum(far, self.to_query[encoded])
        apart = _distances(self.vectors[encoded], self.vectors)[wider.row, wider.col]
        weights = np.exp(-apart / np.where(scale > 0, scale, 1)[wider.row])
        total = np.bincount(wider.row, weights, len(encoded))
        return _sparse(wider.row, wider.col, wider.shape, weights / total[wider.row])


def _with_lists(rows: Rows, around: Neighbours, width: int) -> Rows:
    """Some gallery rows and the first `width` of their lists, sorted."""
    return np.unique(np.concatenate([rows, around.of(rows)[0][:, :width].ravel()]))


def _distances(some: Vectors, vectors: Vectors) -> Vectors:
    """(s, m) squared distances, near enough for weights: rounding errors are 1e-6 of the vectors' length."""
    squares = np.einsum("nd,nd->n", some, some)[:, None] + np.einsum("nd,nd->n", vectors, vectors)
    return np.asarray(np.maximum(squares - 2 * (some @ vectors.T), 0))


def _sparse(lines: Rows, columns: Rows, shape: tuple[int, ...], values: Doubles) -> Any:
    return csr_array((values, (lines, columns)), shape=shape)
