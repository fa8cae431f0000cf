"""Who is taken for whom: counts of first answers by key, and the F1 of each key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from georetrieval.search.descriptors import Texts
from georetrieval.search.matches import Matches

Counts = npt.NDArray[np.int64]
NOTHING = ""
"""Answer to a query that means nothing."""


@dataclass(frozen=True, eq=False)
class Confusion:
    """Counts of answers.

    Attributes
    ----------
    asked
        `(a,)` str, the keys that ask, sorted.
    answered
        `(b,)` str, first the keys that ask in the same order, then other keys that are answered, sorted.
    counts
        `(a, b)` int64, how often a picture of the row's key is answered with the column's.
    """

    asked: Texts
    answered: Texts
    counts: Counts

    @classmethod
    def of(cls, true: Texts, said: Texts) -> Self:
        """Of `(n,)` keys of the queries and `(n,)` keys that were answered."""
        asked = np.unique(np.asarray(true, dtype=np.str_))
        others = np.setdiff1d(np.asarray(said, dtype=np.str_), asked)
        answered = np.concatenate([asked, others])
        column = {str(key): place for place, key in enumerate(answered)}
        counts = np.zeros((len(asked), len(answered)), np.int64)
        for row, key in zip(np.searchsorted(asked, true), said, strict=True):
            counts[row, column[str(key)]] += 1
        return cls(asked, answered, counts)

    def _repr_html_(self) -> str:
        from georetrieval.search.showing import confusion_html

        return confusion_html(self)

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """`(a,)` share of a key's pictures that are answered rightly, 0..1."""
        return np.asarray(self._right() / self.counts.sum(axis=1))

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """`(a,)` share of the answers with this key that are right, 0..1; 0 for a key that is never answered."""
        said = self.counts.sum(axis=0)[: len(self.asked)]
        return np.asarray(self._right() / np.maximum(said, 1))

    @property
    def f1(self) -> npt.NDArray[np.float64]:
        """`(a,)` harmonic mean of precision and recall, 0..1; 0 where both are 0.

        *Source*: van Rijsbergen, Information retrieval, 1979, chapter 7; papers/004 gives one for all keys together.
        """
        said = self.counts.sum(axis=0)[: len(self.asked)]
        return np.asarray(2 * self._right() / (said + self.counts.sum(axis=1)))

    def rows(self) -> list[dict[str, Any]]:
        """One line per key that asks: key, queries, precision, recall, f1, and whom it is most often taken for."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        worst = wrong.argmax(axis=1) if len(self.asked) else np.empty(0, np.int64)
        return [
            {"key": str(key), "queries": int(self.counts[row].sum()), "precision": round(float(self.precision[row]), 4),
             "recall": round(float(self.recall[row]), 4), "f1": round(float(self.f1[row]), 4),
             "taken_for": str(self.answered[worst[row]]) if wrong[row].any() else "",
             "times": int(wrong[row].max(initial=0))}
            for row, key in enumerate(self.asked)
        ]

    def _right(self) -> Counts:
        return self.counts[np.arange(len(self.asked)), np.arange(len(self.asked))]


def first_answers(matches: Matches, queries: int) -> Texts:
    """`(queries,)` str, the key of each query's first answer; "" where it has none."""
    said = np.full(queries, NOTHING, dtype=matches.gallery_keys.dtype if len(matches.gallery_keys) else np.str_)
    there = matches.found[:, 0] if matches.k else np.zeros(len(matches), np.bool_)
    said[matches.query_rows[there]] = matches.gallery_keys[matches.rows[there, 0]]
    return said
