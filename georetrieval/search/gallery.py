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
from georetrieval.search.ann import EXACT, FaissIndex, Plan
from georetrieval.search.dense import DenseIndex
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.excluding import NOTHING, Excluded, Places, excluded
from georetrieval.search.fingerprint import require_same
from georetrieval.search.flat import FlatIndex
from georetrieval.search.index import Index, Rows, Scores
from georetrieval.search.matches import NO_ROW, Matches
from georetrieval.search.words import Words, name_order

Mask = npt.NDArray[np.bool_]
MANY = 256
"""A query from which more rows than this are kept away is asked alone, among the others."""
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
    beyond_m : leave out rows whose middle is not farther than this from the query's, in the units of the bounds; 0 asks
        nothing, and so does a query whose place is not known
    """

    dates: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    bounds: tuple[float, float, float, float] | None = None
    exclude_self: bool = False
    own_scope: bool = False
    beyond_m: float = 0.0


EVERYTHING = Filter()


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
        order = name_order(descriptors.names, valid)
        built = _built(descriptors, order, index) if isinstance(index, str) else index
        if built.size != int(valid.sum()):
            raise UsageError(f"{int(valid.sum())} descriptors that mean something came with an index of {built.size}.")
        return cls(descriptors, attributes, dict(fingerprint or {}), index if isinstance(index, str) else "given",
                   valid, order, built)

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
        scores = np.full((len(asked), k), -np.inf, np.float32)
        rows = np.full((len(asked), k), NO_ROW, np.int64)
        truths = np.zeros(len(asked), np.int64)
        for group, some in self._groups(asked, self._allowed(where), where.own_scope):
            part, away = (asked, apart) if group is None else (asked.take(group), apart.take(group))
            places_ = slice(None) if group is None else group
            scores[places_], rows[places_] = self._nearest(part, k, some, away)
            truths[places_] = self._truths(part, some, away)
        return self._matches(queries, asked, answered, scores, rows, truths)

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
    def _scopes(self) -> Words:
        return Words(self.descriptors.scopes)

    @cached_property
    def _places(self) -> Rows:
        """(n,) where each row is in the index; of those that are not in it, 0."""
        places = np.zeros(len(self.valid), np.int64)
        if self.order is not None:
            places[self.order] = np.arange(len(self.order))
        return places

    def _allowed(self, where: Filter) -> Mask | None:
        """(n,) bool: rows that may answer; None when all may that mean something."""
        conditions = []
        if where.dates:
            import pyarrow.compute as pc

            dates = pc.is_in(self._column("date"), pa.array(where.dates, pa.string()))
            conditions.append(dates.to_numpy(zero_copy_only=False))
        if where.scopes:
            conditions.append(np.isin(self._scopes.codes, self._scopes.of(np.asarray(where.scopes, np.str_))))
        if where.bounds is not None:
            conditions.append(self._touching(where.bounds))
        return np.logical_and.reduce([self.valid, *conditions]) if conditions else None

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

    def _excluded(self, asked: Descriptors, where: Filter, places: Places | None) -> Excluded:
        """Rows that are kept away from each query."""
        if not where.exclude_self and not where.beyond_m:
            return NOTHING
        if where.beyond_m and (places is None or not where.beyond_m > 0):
            raise UsageError("To leave out what is near, the places of the queries and a distance above 0 are needed.")
        own = self._names if where.exclude_self else None
        box = [self._column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in BOUNDS_COLUMNS
               ] if where.beyond_m else None
        return excluded(asked.names, own, box, places, where.beyond_m)

    def _groups(
        self, asked: Descriptors, allowed: Mask | None, own_scope: bool
    ) -> list[tuple[Rows | None, Rows | None]]:
        """Queries (None: all) and the rows that may answer them (None: all that mean something), ascending."""
        if not own_scope:
            return [(None, None if allowed is None else np.flatnonzero(allowed))]
        mask = self.valid if allowed is None else allowed
        codes = self._scopes.of(asked.scopes)
        groups: list[tuple[Rows | None, Rows | None]] = []
        for code in np.unique(codes):
            rows = self._scopes.where(int(code))
            rows = rows[mask[rows]]
            whole = allowed is None and len(rows) == self.index.size
            groups.append((np.flatnonzero(codes == code), None if whole else rows))
        return groups

    def _nearest(self, queries: Descriptors, k: int, some: Rows | None, away: Excluded) -> tuple[Scores, Rows]:
        """(nq, k) scores and gallery rows among `some`, padded with -inf and `NO_ROW`."""
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), NO_ROW, np.int64)
        if self.index.size == 0 or len(queries) == 0 or (some is not None and not len(some)):
            return scores, rows
        many = away.counts > MANY
        if not many.any():
            return self._without(queries, k, some, away)
        if not many.all():
            few = np.flatnonzero(~many)
            scores[few], rows[few] = self._without(queries.take(few), k, some, away.take(few))
        may = self.held if some is None else some
        for i in np.flatnonzero(many).tolist():
            left = np.setdiff1d(may, away.of(i), assume_unique=True)
            if len(left):
                scores[i], rows[i] = (values[0] for values in self._without(queries.take([i]), k, left, NOTHING))
        return scores, rows

    def _without(self, queries: Descriptors, k: int, some: Rows | None, away: Excluded) -> tuple[Scores, Rows]:
        """As `_nearest`, for queries from which few rows are kept away: so many more are asked for and dropped."""
        positions = some if some is None or self.order is None else np.sort(self._places[some])
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

    def _truths(self, queries: Descriptors, some: Rows | None, away: Excluded) -> Rows:
        """How many rows that may answer have the key of each query."""
        keys = self._keys.of(queries.keys)
        truths = self._keys.times(keys, self.order if some is None else some)
        if len(away.rows):
            may = self.valid if some is None else np.zeros(len(self.valid), np.bool_)
            if some is not None:
                may[some] = True
            mine = may[away.rows] & (self._keys.codes[away.rows] == np.repeat(keys, away.counts))
            truths = truths - np.bincount(np.repeat(np.arange(len(keys)), away.counts)[mine], minlength=len(keys))
        return truths

    def _matches(
        self, queries: Descriptors, asked: Descriptors, answered: Mask, scores: Scores, rows: Rows, truths: Rows
    ) -> Matches:
        keys, hits = self.descriptors.keys, rows != NO_ROW
        if len(keys):
            hits &= keys[np.where(hits, rows, 0)] == asked.keys[:, None]
        return Matches(
            scores=scores, rows=rows, hits=hits, truths=truths, query_rows=np.flatnonzero(answered).astype(np.int64),
            query_names=asked.names, query_keys=asked.keys, query_scopes=asked.scopes,
            gallery_names=self.descriptors.names, gallery_keys=keys,
            unanswered_names=queries.names[~answered], unanswered_scopes=queries.scopes[~answered],
        )


def _built(descriptors: Descriptors, order: Rows | None, kind: str) -> Index:
    vectors = descriptors.vectors if order is None else descriptors.vectors[order]
    if kind == "dense":
        return DenseIndex(vectors, descriptors.space)
    flat = FlatIndex(vectors, descriptors.space)
    return flat if kind == EXACT else FaissIndex(flat, Plan(kind))
