"""Descriptors behind an index: it answers, filters exactly, and refuses strangers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from georetrieval.errors import MismatchError, UsageError
from georetrieval.search.ann import EXACT, FaissIndex, Plan
from georetrieval.search.dense import DenseIndex
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.excluding import NOTHING, Excluded, Middles, Places, excluded
from georetrieval.search.filtering import EVERYTHING, Allowed, Allowing, Filter, Mask
from georetrieval.search.fingerprint import require_same
from georetrieval.search.flat import FlatIndex
from georetrieval.search.index import Index, Rows, Scores
from georetrieval.search.matches import NO_ROW, Matches
from georetrieval.search.words import Words

__all__ = ["EVERYTHING", "Filter", "Gallery"]

MANY = 256
"""A query from which more rows than this are kept away is asked alone, among the others."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Rows that can be found again. Make one with `Gallery.of`.

    Attributes
    ----------
    descriptors : all rows, those that mean nothing included; `Matches.rows` are positions in it
    attributes : Arrow table with a row per descriptor, or None; filtered on, never interpreted
    fingerprint : of the eye that made the descriptors; {} when not known
    kind : "exact", "dense", a FAISS factory string, or "given" for an index that was made elsewhere
    valid : (n,) bool, rows that mean something
    order : rows by name, as the index holds them, so that of equal ones the first name answers; None: as they stand
    """

    descriptors: Descriptors
    attributes: pa.Table | None
    fingerprint: Mapping[str, Any]
    kind: str
    valid: Mask
    order: Rows | None
    index: Index

    @classmethod
    def of(
        cls, descriptors: Descriptors, *, attributes: pa.Table | None = None,
        fingerprint: Mapping[str, Any] | None = None, index: str | Index = EXACT,
    ) -> Gallery:
        """Put descriptors behind an index; rows that are zero or not finite stay outside it.

        Parameters
        ----------
        attributes : Arrow table with as many rows as `descriptors`; columns used by filters: date, scope, xmin..ymax
        fingerprint : of the eye that made the descriptors
        index : "exact"; "dense" for a small gallery that is asked as a whole; a FAISS factory string such as
            "PQ64x4fs,RFlat"; or an index of these rows in the order of their names (`flat_of`)

        Raises
        ------
        UsageError
            When the table and the descriptors differ in length.
        """
        if attributes is not None and attributes.num_rows != len(descriptors):
            raise UsageError(f"{len(descriptors)} descriptors came with {attributes.num_rows} rows of attributes.")
        valid = descriptors.valid
        order = descriptors.by_name
        built = _built(descriptors, order, index) if isinstance(index, str) else index
        if built.size != int(valid.sum()):
            raise UsageError(f"{int(valid.sum())} descriptors that mean something came with an index of {built.size}.")
        return cls(descriptors, attributes, dict(fingerprint or {}), index if isinstance(index, str) else "given",
                   valid, order, built)

    def _repr_html_(self) -> str:
        from georetrieval.search.showing import gallery_html

        return gallery_html(self)

    @property
    def held(self) -> Rows:
        """(size,) rows that the index holds, by their positions in it."""
        return np.flatnonzero(self.valid) if self.order is None else self.order

    @property
    def left_out(self) -> int:
        """How many rows mean nothing and are never returned."""
        return int((~self.valid).sum())

    def search(
        self, queries: Descriptors, k: int = 5, *, where: Filter | None = None,
        fingerprint: Mapping[str, Any] | None = None, places: Places | None = None,
    ) -> Matches:
        """The k nearest rows of each query that may answer; never fewer when k exist.

        Parameters
        ----------
        fingerprint : of the eye that made the queries; compared with the gallery's when both are given
        places : (nq, 2) float64, the middle of each query, NaN where it is not known; for `Filter.beyond_m`

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
        asked = queries if answered.all() else queries.take(answered)
        apart = self._excluded(asked, where, None if places is None else np.asarray(places, float)[answered])
        keys = self._keys.of(asked.keys)
        if not where.own_scope:
            some = self._allowing.of(where)
            scores, rows = self._nearest(asked, k, some, apart)
            return self._matches(queries, asked, answered, scores, rows, keys, self._truths(keys, some, apart))
        scores, rows = _nothing(len(asked), k)
        truths = np.zeros(len(asked), np.int64)
        codes = self._allowing.scopes.of(asked.scopes)
        for code in np.unique(codes).tolist():
            group, some = np.flatnonzero(codes == code), self._allowing.of(where, code)
            part, away = (asked, apart) if len(group) == len(asked) else (asked.take(group), apart.take(group))
            scores[group], rows[group] = self._nearest(part, k, some, away)
            truths[group] = self._truths(keys[group], some, away)
        return self._matches(queries, asked, answered, scores, rows, keys, truths)

    def _same_eye(self, queries: Descriptors, fingerprint: Mapping[str, Any] | None) -> None:
        if queries.space != self.descriptors.space:
            raise MismatchError(f"The queries live in the {queries.space} space, the gallery in the "
                                f"{self.descriptors.space} one; embed them with the same model.")
        if fingerprint and self.fingerprint:
            require_same(self.fingerprint, fingerprint)

    @cached_property
    def _keys(self) -> Words:
        return Words(self.descriptors.keys)

    @cached_property
    def _names(self) -> Words:
        return Words(self.descriptors.names)

    @cached_property
    def _held_keys(self) -> Rows:
        """How often each key occurs among the rows that the index holds."""
        return np.bincount(self._keys.codes[self.valid], minlength=len(self._keys.counts))

    @cached_property
    def _allowing(self) -> Allowing:
        return Allowing(self.descriptors.scopes, self.attributes, self.valid, self.order)

    @cached_property
    def _middles(self) -> Middles:
        return Middles(*self._allowing.boxes())

    def _excluded(self, asked: Descriptors, where: Filter, places: Places | None) -> Excluded:
        """Rows that are kept away from each query."""
        if not where.exclude_self and not where.beyond_m:
            return NOTHING
        if where.beyond_m and (places is None or not where.beyond_m > 0):
            raise UsageError("To leave out what is near, the places of the queries and a distance above 0 are needed.")
        own = self._names if where.exclude_self else None
        return excluded(asked.names, own, self._middles if where.beyond_m else None, places, where.beyond_m)

    def _nearest(self, queries: Descriptors, k: int, some: Allowed, away: Excluded) -> tuple[Scores, Rows]:
        """(nq, k) scores and gallery rows among `some`, padded with -inf and `NO_ROW`."""
        if self.index.size == 0 or len(queries) == 0 or (some.rows is not None and not len(some.rows)):
            return _nothing(len(queries), k)
        many = away.counts > MANY
        if not many.any():
            return self._without(queries, k, some.positions, away)
        scores, rows = _nothing(len(queries), k)
        if not many.all():
            few = np.flatnonzero(~many)
            scores[few], rows[few] = self._without(queries.take(few), k, some.positions, away.take(few))
        for i in np.flatnonzero(many).tolist():
            left = some.mask.copy()
            left[away.of(i)] = False
            held = np.flatnonzero(left if self.order is None else left[self.order])
            if len(held):
                scores[i], rows[i] = (values[0] for values in self._without(queries.take([i]), k, held, NOTHING))
        return scores, rows

    def _without(self, queries: Descriptors, k: int, positions: Rows | None, away: Excluded) -> tuple[Scores, Rows]:
        """As `_nearest`, for queries from which few rows are kept away: so many more are asked for and dropped."""
        wanted = k + int(away.counts.max(initial=0))
        scores, found = self.index.among(queries.vectors, wanted, positions)
        rows = found if self.order is None else self.order[found]
        if wanted > k:
            dropped = away.hold(rows)
            order = np.argsort(dropped, axis=1, kind="stable")[:, :k]
            scores = np.take_along_axis(np.where(dropped, np.float32(-np.inf), scores), order, 1)
            rows = np.take_along_axis(np.where(dropped, NO_ROW, rows), order, 1)
        if rows.shape[1] >= k:
            return scores, rows
        missing = ((0, 0), (0, k - rows.shape[1]))
        return np.pad(scores, missing, constant_values=-np.inf), np.pad(rows, missing, constant_values=NO_ROW)

    def _truths(self, keys: Rows, some: Allowed, away: Excluded) -> Rows:
        """How many rows that may answer have each of (nq,) keys, by their numbers."""
        truths = self._keys.times(keys, self._held_keys if some.rows is None else some.mask)
        if len(away.rows):
            mine = some.mask[away.rows] & (self._keys.codes[away.rows] == np.repeat(keys, away.counts))
            truths = truths - np.bincount(np.repeat(np.arange(len(keys)), away.counts)[mine], minlength=len(keys))
        return truths

    def _matches(
        self, queries: Descriptors, asked: Descriptors, answered: Mask, scores: Scores, rows: Rows, keys: Rows,
        truths: Rows,
    ) -> Matches:
        hits = rows != NO_ROW
        if len(self.valid):
            hits &= self._keys.codes[rows if hits.all() else np.where(hits, rows, 0)] == keys[:, None]
        return Matches(
            scores=scores, rows=rows, hits=hits, truths=truths, query_rows=np.flatnonzero(answered).astype(np.int64),
            query_names=asked.names, query_keys=asked.keys, query_scopes=asked.scopes,
            gallery_names=self.descriptors.names, gallery_keys=self.descriptors.keys,
            unanswered_names=queries.names[~answered], unanswered_scopes=queries.scopes[~answered],
        )


def _nothing(queries: int, k: int) -> tuple[Scores, Rows]:
    """Answers that do not exist: (nq, k) scores -inf and rows `NO_ROW`."""
    return np.full((queries, k), -np.inf, np.float32), np.full((queries, k), NO_ROW, np.int64)


def _built(descriptors: Descriptors, order: Rows | None, kind: str) -> Index:
    vectors = descriptors.vectors if order is None else descriptors.vectors[order]
    if kind == "dense":
        return DenseIndex(vectors, descriptors.space)
    flat = FlatIndex(vectors, descriptors.space)
    return flat if kind == EXACT else FaissIndex(flat, Plan(kind))
