"""One result that everything reads: metrics, mining, maps, reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from georetrieval.search.descriptors import Texts
from georetrieval.search.index import Rows, Scores

NO_ROW = int(np.iinfo(np.int64).max)
"""Row of an answer that does not exist: no array is that long, so using it as an index fails loudly."""


class Match(NamedTuple):
    """One answer: the query's position in `Matches`, rank from 1, score, gallery row, whether it is true."""

    query: int
    rank: int
    score: float
    row: int
    hit: bool


@dataclass(frozen=True, eq=False)
class Matches:
    """Answers to nq queries, nearest first; a higher score is always nearer.

    Queries whose descriptor means nothing (blank, NaN, zero) have no line here: they are in `unanswered_names`.
    Where fewer than k rows may answer (small gallery, strict filter), the rest of the line has row `NO_ROW`,
    score -inf and hit False; iterating leaves these out.

    Attributes
    ----------
    scores : (nq, k) float32
    rows : (nq, k) int64
        Positions in the descriptors that the gallery was made of (`gallery_names[row]`).
    hits : (nq, k) bool
        The gallery row has the query's key.
    truths : (nq,) int64
        How many rows that could have answered have the query's key.
    query_rows : (nq,) int64
        Positions of the answered queries in the descriptors that were asked.
    query_names, query_keys, query_scopes : (nq,) str
    gallery_names, gallery_keys : (n,) str
    unanswered_names, unanswered_scopes : (nu,) str
    """

    scores: Scores
    rows: Rows
    hits: npt.NDArray[np.bool_]
    truths: Rows
    query_rows: Rows
    query_names: Texts
    query_keys: Texts
    query_scopes: Texts
    gallery_names: Texts
    gallery_keys: Texts
    unanswered_names: Texts
    unanswered_scopes: Texts

    def __len__(self) -> int:
        return len(self.rows)

    def _repr_html_(self) -> str:
        from georetrieval.search.showing import matches_html

        return matches_html(self)

    @property
    def k(self) -> int:
        """How many answers per query were asked for."""
        return int(self.rows.shape[1])

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """(nq, k) bool: where there is an answer."""
        return np.asarray(self.rows != NO_ROW)

    def __iter__(self) -> Iterator[Match]:
        for query, answer in np.argwhere(self.found):
            yield Match(int(query), int(answer) + 1, float(self.scores[query, answer]),
                        int(self.rows[query, answer]), bool(self.hits[query, answer]))

    def first(self, k: int) -> Matches:
        """The first k answers of each query; what `truths` says stays."""
        return replace(self, scores=self.scores[:, :k], rows=self.rows[:, :k], hits=self.hits[:, :k])

    def take(self, queries: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Matches:
        """The answers of some queries, by a mask or by their positions, in the order asked; the unanswered stay."""
        which = np.asarray(queries) if len(queries) else np.empty(0, np.int64)
        named = ("scores", "rows", "hits", "truths", "query_rows", "query_names", "query_keys", "query_scopes")
        return replace(self, **{name: getattr(self, name)[which] for name in named})

    def in_scope(self, scope: str) -> Matches:
        """The part of the answers, and of the unanswered, whose query belongs to `scope`."""
        which = self.query_scopes == scope
        left = self.unanswered_scopes == scope
        return replace(self.take(which), unanswered_names=self.unanswered_names[left],
                       unanswered_scopes=self.unanswered_scopes[left])
