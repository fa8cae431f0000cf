"""Descriptors behind an index: it answers, filters exactly, and refuses strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from georetrieval.errors import MismatchError, UsageError
from georetrieval.search.dense import DenseIndex
from georetrieval.search.descriptors import Descriptors, Texts
from georetrieval.search.fingerprint import require_same
from georetrieval.search.index import ExactIndex, FaissIndex, Index, Rows, Scores
from georetrieval.search.matches import NO_ROW, Matches

Mask = npt.NDArray[np.bool_]
BOUNDS_COLUMNS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Filter:
    """Which rows may answer; all conditions hold together, an empty one asks nothing.

    Attributes
    ----------
    dates, scopes : values of the columns "date" and "scope"
    bounds : (xmin, ymin, xmax, ymax); rows whose rectangle shares some area with it
    exclude_self : leave out rows that have the query's own name
    own_scope : a query meets only the rows of its own scope
    """

    dates: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    bounds: tuple[float, float, float, float] | None = None
    exclude_self: bool = False
    own_scope: bool = False


EVERYTHING = Filter()


@dataclass(frozen=True, eq=False)
class Gallery:
    """Rows that can be found again. Make one with `Gallery.of`.

    Attributes
    ----------
    descriptors : all rows, those that mean nothing included; `Matches.rows` are positions in it
    attributes : Arrow table with a row per descriptor, or None; filtered on, never interpreted
    fingerprint : of the eye that made the descriptors; {} when not known
    kind : "exact", "dense" or a FAISS factory string
    """

    descriptors: Descriptors
    attributes: pa.Table | None
    fingerprint: Mapping[str, Any]
    kind: str
    valid: Mask
    index: Index

    @classmethod
    def of(
        cls, descriptors: Descriptors, *, attributes: pa.Table | None = None,
        fingerprint: Mapping[str, Any] | None = None, index: str = "exact",
    ) -> Gallery:
        """Put descriptors behind an index; rows that are zero or not finite stay outside it.

        Parameters
        ----------
        attributes : Arrow table with as many rows as `descriptors`; columns used by filters: date, scope, xmin..ymax
        fingerprint : of the eye that made the descriptors
        index : "exact"; "dense" for a small gallery that is asked as a whole; or a FAISS factory string such as "Flat"

        Raises
        ------
        UsageError
            When the table and the descriptors differ in length.
        """
        if attributes is not None and attributes.num_rows != len(descriptors):
            raise UsageError(f"{len(descriptors)} descriptors came with {attributes.num_rows} rows of attributes.")
        valid = descriptors.valid
        built = _built(descriptors, _by_name(descriptors.names, valid), index)
        return cls(descriptors, attributes, dict(fingerprint or {}), index, valid, built)

    @property
    def left_out(self) -> int:
        """How many rows mean nothing and are never returned."""
        return int((~self.valid).sum())

    def search(
        self, queries: Descriptors, k: int = 5, *, where: Filter | None = None,
        fingerprint: Mapping[str, Any] | None = None,
    ) -> Matches:
        """The k nearest rows of each query that may answer; never fewer when k exist.

        Parameters
        ----------
        fingerprint : of the eye that made the queries; compared with the gallery's when both are given

        Raises
        ------
        MismatchError
            When the queries live in another space or come from another eye.
        UsageError
            For k < 1, another vector length, or a filter on a column that is not there.
        """
        where = where or EVERYTHING
        self._same_eye(queries, fingerprint)
        if k < 1:
            raise UsageError(f"k must be at least 1, and is {k}.")
        answered = queries.valid
        asked = queries.take(answered)
        scores = np.full((len(asked), k), -np.inf, np.float32)
        rows = np.full((len(asked), k), NO_ROW, np.int64)
        truths = np.zeros(len(asked), np.int64)
        allowed = self._allowed(where)
        for group, some in _groups(asked, allowed, self.descriptors.scopes, where.own_scope):
            scores[group], rows[group] = self._nearest(asked.take(group), k, some, where.exclude_self)
            truths[group] = self._truths(asked.take(group), some, where.exclude_self)
        return self._matches(queries, answered, scores, rows, truths)

    def _same_eye(self, queries: Descriptors, fingerprint: Mapping[str, Any] | None) -> None:
        if queries.space != self.descriptors.space:
            raise MismatchError(f"The queries live in the {queries.space} space, the gallery in the "
                                f"{self.descriptors.space} one; embed them with the same model.")
        if fingerprint and self.fingerprint:
            require_same(self.fingerprint, fingerprint)

    def _allowed(self, where: Filter) -> Mask:
        allowed = self.valid.copy()
        if where.dates:
            allowed &= np.isin(_texts(self._column("date")), where.dates)
        if where.scopes:
            allowed &= np.isin(self.descriptors.scopes, where.scopes)
        if where.bounds is not None:
            allowed &= self._touching(where.bounds)
        return allowed

    def _touching(self, bounds: tuple[float, float, float, float]) -> Mask:
        x0, y0, x1, y1 = bounds
        if not (x0 < x1 and y0 < y1):
            raise UsageError(f"The bounds {x0:g},{y0:g},{x1:g},{y1:g} are empty; give xmin,ymin,xmax,ymax.")
        xmin, ymin, xmax, ymax = (
            self._column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in BOUNDS_COLUMNS)
        return np.asarray((xmin < x1) & (xmax > x0) & (ymin < y1) & (ymax > y0))

    def _column(self, name: str) -> Any:
        if self.attributes is None or name not in self.attributes.column_names:
            raise UsageError(f"This gallery has no column {name!r} to filter on.")
        return self.attributes.column(name).combine_chunks()

    @cached_property
    def _order(self) -> Rows:
        """Rows of the index, in its order."""
        return _by_name(self.descriptors.names, self.valid)

    def _nearest(self, queries: Descriptors, k: int, allowed: Mask, exclude_self: bool) -> tuple[Scores, Rows]:
        """(nq, k) scores and gallery rows among the allowed ones, padded with -inf and `NO_ROW`."""
        where = self._order[allowed[self._order]]
        index = self.index if len(where) == self.index.size else _built(self.descriptors, where, "exact")
        own = _counts(self.descriptors.names[where], queries.names) if exclude_self else np.zeros(1, np.int64)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), NO_ROW, np.int64)
        if index.size == 0 or len(queries) == 0:
            return scores, rows
        found, positions = index.search(queries.vectors, k + int(own.max(initial=0)))
        answers = where[positions]
        for i in range(len(queries)):
            kept = self.descriptors.names[answers[i]] != queries.names[i] if exclude_self else slice(None)
            best = answers[i][kept][:k]
            rows[i, :len(best)], scores[i, :len(best)] = best, found[i][kept][:k]
        return scores, rows

    def _truths(self, queries: Descriptors, allowed: Mask, exclude_self: bool) -> Rows:
        where = np.flatnonzero(allowed)
        truths = _counts(self.descriptors.keys[where], queries.keys)
        if exclude_self:
            mine = _counts(_pairs(self.descriptors.keys[where], self.descriptors.names[where]),
                           _pairs(queries.keys, queries.names))
            truths = truths - mine
        return truths

    def _matches(self, queries: Descriptors, answered: Mask, scores: Scores, rows: Rows, truths: Rows) -> Matches:
        asked = queries.take(answered)
        keys = self.descriptors.keys
        known = rows != NO_ROW
        hits = np.zeros(rows.shape, np.bool_)
        hits[known] = keys[rows[known]] == np.broadcast_to(asked.keys[:, None], rows.shape)[known]
        return Matches(
            scores=scores, rows=rows, hits=hits, truths=truths, query_rows=np.flatnonzero(answered).astype(np.int64),
            query_names=asked.names, query_keys=asked.keys, query_scopes=asked.scopes,
            gallery_names=self.descriptors.names, gallery_keys=keys,
            unanswered_names=queries.names[~answered], unanswered_scopes=queries.scopes[~answered],
        )


def _by_name(names: Texts, which: Mask) -> Rows:
    """Some rows, by name: of equal answers the first name comes first, in whatever order the rows came."""
    rows = np.flatnonzero(which)
    held = names[rows]
    return rows if (held[1:] >= held[:-1]).all() else rows[np.argsort(held, kind="stable")]


def _built(descriptors: Descriptors, which: Rows, kind: str) -> Index:
    plain = len(which) == len(descriptors) and bool((which[1:] > which[:-1]).all())
    vectors = descriptors.vectors if plain else descriptors.vectors[which]
    if kind == "exact":
        return ExactIndex(vectors, descriptors.space)
    if kind == "dense":
        return DenseIndex(vectors, descriptors.space)
    return FaissIndex(vectors, descriptors.space, factory=kind)


def _groups(asked: Descriptors, allowed: Mask, scopes: Texts, own_scope: bool) -> list[tuple[Rows, Mask]]:
    if not own_scope:
        return [(np.arange(len(asked)), allowed)]
    return [(np.flatnonzero(asked.scopes == scope), allowed & (scopes == scope)) for scope in np.unique(asked.scopes)]


def _counts(among: Texts, of: Texts) -> Rows:
    """How often each text of `of` occurs in `among`: (len(of),) int64."""
    if len(among) == 0:
        return np.zeros(len(of), np.int64)
    values, counts = np.unique(among, return_counts=True)
    place = np.minimum(np.searchsorted(values, of), len(values) - 1)
    return np.where(values[place] == of, counts[place], 0).astype(np.int64)


def _pairs(first: Texts, second: Texts) -> Texts:
    return np.char.add(np.char.add(first, "\n"), second)


def _texts(column: Any) -> Texts:
    return np.asarray(column.to_pylist(), dtype=np.str_)
