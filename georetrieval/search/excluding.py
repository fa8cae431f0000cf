"""Rows that are kept away from single queries: those of the query's own name, and those too near to its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieval.search.descriptors import Texts
from georetrieval.search.index import Rows
from georetrieval.search.words import Words

Places = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Excluded:
    """Of each of nq queries the rows that may not answer it, each once; laid end to end.

    Attributes
    ----------
    rows : (sum of counts,) int64
    counts : (nq,) int64; empty when nothing is kept away from any query
    """

    rows: Rows
    counts: Rows

    def of(self, query: int) -> Rows:
        """The rows of one query."""
        start = int(self.counts[:query].sum())
        return self.rows[start:start + int(self.counts[query])]

    def take(self, queries: Rows) -> Excluded:
        """What is kept away from some of the queries."""
        if not len(self.counts):
            return self
        return laid([self.of(int(query)) for query in queries])

    def hold(self, answers: Rows) -> npt.NDArray[np.bool_]:
        """(nq, m) bool: where an answer is one of the rows of its query."""
        span = max(int(self.rows.max(initial=0)), int(answers.max(initial=0))) + 1
        mine = np.repeat(np.arange(len(self.counts)), self.counts) * span + self.rows
        return np.asarray(np.isin(np.arange(len(answers))[:, None] * span + answers, mine))


NOTHING = Excluded(np.empty(0, np.int64), np.empty(0, np.int64))


def laid(each: Sequence[Rows]) -> Excluded:
    """Rows per query, laid end to end."""
    rows = np.concatenate(each) if each else np.empty(0, np.int64)
    return Excluded(rows.astype(np.int64), np.asarray([len(some) for some in each], np.int64))


class Middles:
    """The middles of rows, as a tree that is made once.

    Parameters
    ----------
    xmin, ymin, xmax, ymax : (n,) float64; rows with one that is not finite are near to nothing
    """

    def __init__(self, xmin: Places, ymin: Places, xmax: Places, ymax: Places) -> None:
        from scipy.spatial import cKDTree

        middles = np.column_stack([(xmin + xmax) / 2, (ymin + ymax) / 2])
        self._known = np.flatnonzero(np.isfinite(middles).all(axis=1))
        self._tree = cKDTree(middles[self._known]) if len(self._known) else None

    def near(self, places: Places, beyond: float) -> list[Rows]:
        """Of each of (nq, 2) places the rows that are not farther than `beyond`, ascending; none of NaN."""
        found = [np.empty(0, np.int64)] * len(places)
        asked = np.flatnonzero(np.isfinite(places).all(axis=1))
        if self._tree is not None and len(asked):
            lists = self._tree.query_ball_point(places[asked], beyond)
            for query, near in zip(asked, lists, strict=True):
                found[query] = self._known[np.sort(np.asarray(near, np.int64))]
        return found


def excluded(
    names: Texts, own: Words | None, middles: Middles | None, places: Places | None, beyond: float
) -> Excluded:
    """What is kept away from queries.

    Parameters
    ----------
    names : (nq,) of the queries
    own : the names of the rows, when those of the query's own name are kept away
    middles : of the rows, when those near to its place are
    places : (nq, 2), NaN where a place is not known
    beyond : rows whose middle is not farther than this are too near
    """
    each = [own.where(int(code)) for code in own.of(names)] if own is not None else None
    if middles is not None and places is not None:
        near = middles.near(places, beyond)
        each = near if each is None else [np.union1d(a, b) for a, b in zip(each, near, strict=True)]
    return laid(each or [])
