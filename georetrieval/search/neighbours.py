"""What lies around a gallery's own rows, looked up once and kept: the ground that re-ranking stands on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieval.search.descriptors import Space, Vectors
from georetrieval.search.gallery import Gallery
from georetrieval.search.index import Doubles, Rows, Scores, unit
from georetrieval.search.matches import NO_ROW

CHUNK_BYTES = 64 << 20
"""Memory for one block of distances."""


class Neighbours:
    """The nearest rows of gallery rows, and their farthest one, found when they are first asked for.

    Parameters
    ----------
    gallery : only its valid rows are neighbours
    count : length of a list; a row is in its own list

    Attributes
    ----------
    vectors : (n, d) float32; of length 1 in the cosine space, so that distances mean the same in both spaces
    count : int, at most the number of valid rows
    """

    def __init__(self, gallery: Gallery, count: int) -> None:
        self._gallery = gallery
        self._where = gallery.held
        self.vectors = prepared(gallery.descriptors.vectors, gallery.valid, gallery.descriptors.space)
        self.count = min(count, len(self._where))
        n = len(gallery.descriptors)
        self._known = np.zeros(n, np.bool_)
        self._rows = np.full((n, self.count), NO_ROW, np.int64)
        self._scores = np.full((n, self.count), -np.inf, np.float32)
        self._apart = np.full((n, self.count), np.nan)
        self._far = np.full(n, np.nan)

    def of(self, rows: Rows) -> tuple[Rows, Scores]:
        """(m, count) neighbours of some rows, nearest first, and their scores."""
        new = np.unique(rows[~self._known[rows]])
        if len(new):
            scores, positions = self._gallery.index.search(self._gallery.descriptors.vectors[new], self.count)
            self._rows[new], self._scores[new] = self._where[positions], scores
            self._known[new] = True
        return self._rows[rows], self._scores[rows]

    def distances(self, rows: Rows) -> Doubles:
        """(m, count) squared distances of some rows to their neighbours."""
        new = np.unique(rows[np.isnan(self._apart[rows, 0])])
        near, _ = self.of(new)
        for row, others in zip(new, near, strict=True):
            self._apart[row] = pair_distances(self.vectors[others], self.vectors[row])
        return self._apart[rows]

    def farthest(self, rows: Rows) -> Doubles:
        """(m,) squared distance of some rows to the gallery row farthest from each."""
        new = np.unique(rows[np.isnan(self._far[rows])])
        if len(new):
            self._far[new] = self.farthest_from(self.vectors[new])
        return self._far[rows]

    def farthest_from(self, vectors: Vectors) -> Doubles:
        """(m,) squared distance of prepared (m, d) vectors to the gallery row farthest from each."""
        among = self.vectors[self._where]
        squares = np.einsum("nd,nd->n", among, among)
        step = max(1, CHUNK_BYTES // (4 * max(1, len(among))))
        worst = [(squares - 2 * (vectors[i:i + step] @ among.T)).argmax(axis=1) for i in range(0, len(vectors), step)]
        return pair_distances(vectors, among[np.concatenate(worst)])


def prepared(vectors: Vectors, valid: npt.NDArray[np.bool_], space: Space) -> Vectors:
    """(n, d) vectors whose squared euclidean distance orders rows as the space does; invalid rows become zero."""
    out = np.zeros_like(vectors)
    out[valid] = unit(vectors[valid]) if space is Space.COSINE else vectors[valid]
    return out


def pair_distances(a: Vectors, b: Vectors) -> Doubles:
    """(m,) float64 squared euclidean distances of rows of (m, d) and (m, d), or of (m, d) and one (d,)."""
    apart = a.astype(np.float64) - b.astype(np.float64)
    return np.asarray(np.einsum("nd,nd->n", apart, apart))
