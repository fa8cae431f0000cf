"""Texts of many rows as numbers, made once, so that no question has to compare all of them."""

from __future__ import annotations

from itertools import repeat

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from georetrieval.search.descriptors import Texts
from georetrieval.search.index import Rows

FEW = 64
"""Numbers that are looked up one by one."""


class Words:
    """The different values of a column of texts, and where they are.

    Parameters
    ----------
    texts : (n,) str
    """

    def __init__(self, texts: Texts) -> None:
        try:
            encoded = pa.array(texts.tolist(), pa.string()).dictionary_encode()
            different, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy(zero_copy_only=False)
        except UnicodeEncodeError:  # of a file whose name is no UTF-8; slower
            found, codes = np.unique(texts, return_inverse=True)
            different = found.tolist()
        self.codes: Rows = codes.astype(np.int64)
        self._place = {text: code for code, text in enumerate(different)}
        self.counts: Rows = np.bincount(self.codes, minlength=len(self._place)).astype(np.int64)
        self._ends: Rows = np.cumsum(self.counts)
        self._order: Rows | None = None

    def of(self, texts: Texts) -> Rows:
        """The number of each of (nq,) texts, -1 for those that no row has."""
        return np.fromiter(map(self._place.get, texts.tolist(), repeat(-1)), np.int64, len(texts))

    def times(self, codes: Rows, among: Rows | npt.NDArray[np.bool_]) -> Rows:
        """How often each of (nq,) numbers occurs.

        Parameters
        ----------
        among : (m,) int64, how often each number occurs; or (n,) bool, the rows that count
        """
        if not len(self.counts):
            return np.zeros(len(codes), np.int64)
        if among.dtype != np.bool_:
            return np.where(codes >= 0, among[codes], 0).astype(np.int64)
        if len(codes) <= FEW and self.counts[codes].sum() < len(self.codes) // 8:  # less work
            return np.asarray([int(among[self.where(code)].sum()) for code in codes.tolist()], np.int64)
        counts = np.bincount(self.codes[among], minlength=len(self.counts))
        return np.where(codes >= 0, counts[codes], 0).astype(np.int64)

    def where(self, code: int) -> Rows:
        """The rows of one number, ascending."""
        if self._order is None:  # set at once: several threads may ask
            self._order = np.argsort(self.codes, kind="stable").astype(np.int64)
        end = int(self._ends[code])
        return self._order[end - int(self.counts[code]):end] if code >= 0 else self._order[:0]
