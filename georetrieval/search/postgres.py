"""An index in a table of a PostgreSQL server: the same answers as from its folder.

The server brings the rows a question needs, its filters and a margin for the rounding of pgvector's float32 sums
included; they are compared again here, exactly, by the same `Gallery` as those of a folder. All is read in one snapshot
of the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa

from georetrieval.errors import InputError, StoreError, UsageError
from georetrieval.search.building import Part
from georetrieval.search.canaries import Canaries
from georetrieval.search.descriptors import Descriptors, Space, Vectors
from georetrieval.search.exchange import TEXT_COLUMNS, RowsHash, canaries_of, is_sealed, manifest_of
from georetrieval.search.fingerprint import require_same
from georetrieval.search.gallery import EVERYTHING, Filter, Gallery
from georetrieval.search.index import unit
from georetrieval.search.manifest import Manifest
from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_export import Place, away, columns_of, use_approximate, written
from georetrieval.search.postgres_layout import FORMAT, REGISTER, TYPES, part_of, selected
from georetrieval.search.postgres_session import Session, as_json, is_text, quoted
from georetrieval.search.row_source import Rectangles
from georetrieval.search.store import described

SPARE = 16
"""Rows asked for beyond the k nearest; only when more than these are as near as rounding can tell, all are."""
AT_ONCE = 8192
MANY = 64
"""Questions beyond which all rows are read once instead of looked through once for each."""
UNIT_ROUNDOFF = 2.0**-24
TINY = 1e-16
"""A distance below which float32 squares vanish, for vectors of any length that a table holds."""
LISTED = "(SELECT * FROM json_array_elements_text(CAST(:{} AS json)))"
FILTERED = {"dates", "scopes", "bounds", "exclude_self", "own_scope"}
"""Fields of `Filter` that `_conditions` says in SQL."""


@dataclass(frozen=True, eq=False)
class PostgresStore:
    """One version of an index in a table, seen in one snapshot; get one with `open`.

    Attributes
    ----------
    path : the address without a password
    name : digest of what the register says of this version
    pictures : canaries, where the index has any
    rows_sha256 : of all rows in their order
    recall : of the approximate index, if there is one
    """

    path: str
    name: str
    manifest: Manifest
    pictures: Canaries | None
    session: Session
    place: Place
    rows_sha256: str
    recall: float | None

    @classmethod
    def open(cls, address: Address) -> PostgresStore:
        """The version that is there now; the conversation lasts until `close`.

        Raises
        ------
        MissingExtraError
            When the driver, or pgvector on the server, is not installed.
        InputError
            When the server cannot be used, or the table is not there or no index.
        StoreError
            When the table is not as it was exported.
        UsageError
            When the address asks for an approximate index that the table does not have.
        """
        session = Session(address)
        try:
            return cls._opened(session, Place.found(session))
        except BaseException:
            session.close()
            raise

    @classmethod
    def _opened(cls, session: Session, place: Place) -> PostgresStore:
        address, table = session.address, quoted(place.schema, session.address.table)
        register = quoted(place.schema, REGISTER)
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        session.run(f"LOCK TABLE {table}, {register} IN ACCESS SHARE MODE")  # before the snapshot, so that it is whole
        known = session.run(f"SELECT format, CAST(words AS text), row_count, ann, ann_recall FROM {register} "
                            "WHERE table_name = :name", name=address.table)
        if not known or known[0][0] != FORMAT:
            raise InputError(f"{address} is no index that this version of georetrieval can read"
                             f"{f' (it is {known[0][0]!r:.40})' if known else ''}.")
        _, text, count, ann, recall = known[0]
        words = json.loads(text)
        if not isinstance(words, dict) or not is_sealed(words):
            raise StoreError(f"{address} is damaged: what {REGISTER} says of it does not have its digest.")
        manifest = manifest_of(words, address)
        there = columns_of(session, table)
        if {n: there.get(n, ("none", 0))[0] for n in TYPES} != TYPES or there["embedding"][1] != manifest.dim:
            raise StoreError(f"{address} is damaged: its columns are not those of an index of vectors of length "
                             f"{manifest.dim}; export the index again.")
        [[held]] = session.run(f"SELECT count(*) FROM {table}")
        if not held == count == manifest.counts.tiles:
            raise StoreError(f"{address} is damaged: it holds {held} rows where {manifest.counts.tiles} were "
                             "exported; export the index again.")
        if address.ann and not ann:
            raise UsageError(f"{address} has no approximate index; leave ann=hnsw out of the address, or export with "
                             "--ann hnsw.")
        pictures = canaries_of(words, manifest, address)[1]
        return cls(str(address), str(words["digest"]), manifest, pictures, session, place,
                   str(words["rows_sha256"]), recall)

    def close(self) -> None:
        """End the conversation with the server."""
        self.session.close()

    def require(self, fingerprint: Mapping[str, Any]) -> None:
        """MismatchError, naming the fields that differ, unless the eye is the one that built the index."""
        require_same(self.manifest.fingerprint, fingerprint)

    def info(self) -> dict[str, Any]:
        """The manifest for people, and the share of the nearest rows that an approximate index finds."""
        told = described(self.path, self.manifest)
        return {name: value for name, value in told.items() if name not in ("version", "segments", "bytes")} | {
            "approximate_recall": self.recall}

    def canaries(self) -> Canaries | None:
        """The pictures that are kept with it; None where none are."""
        return self.pictures

    def source(self) -> tuple[PostgresStore, TableRows]:
        """This version, and its rows."""
        return self, TableRows(self)

    def gallery(self) -> Gallery:
        """All rows behind an index."""
        rows, table = TableRows(self).whole()
        return Gallery.of(rows, attributes=table, fingerprint=self.manifest.fingerprint)


def current_name(address: Address) -> str:
    """`PostgresStore.name` of the version that is there now; "" where there is none. Errors as of `Session`."""
    with Session(address) as session:
        register = quoted(Place.found(session).schema, REGISTER)
        found = session.run(f"SELECT words->>'digest' FROM {register} WHERE table_name = :name", name=address.table)
    return str(found[0][0]) if found else ""


class TableRows:
    """The rows of a table, brought when they are asked for and kept: each answer holds those before it too."""

    def __init__(self, store: PostgresStore) -> None:
        self._store, self._session, self._place = store, store.session, store.place
        self._table = quoted(store.place.schema, store.session.address.table)
        self._dim, self._space = store.manifest.dim, store.manifest.metric_space
        self._lines: dict[int, Sequence[Any]] = {}
        self._part: Part | None = None
        self._all: Part | None = None

    def whole(self) -> Part:
        """All rows; StoreError unless they are all that were exported."""
        if self._all is not None:
            return self._all
        parts, seen, columns = [], RowsHash(TEXT_COLUMNS), selected(self._place.vector)
        for start in range(0, self._store.manifest.counts.tiles, AT_ONCE):
            lines = self._session.run(f"SELECT {columns} FROM {self._table} t WHERE position >= :low AND "
                                      "position < :high", low=start, high=start + AT_ONCE)
            parts.append(part_of(lines, self._dim, self._space, self._store.path))
            seen.update(*parts[-1])
        if seen.hexdigest() != self._store.rows_sha256:
            raise StoreError(f"{self._store.path} is damaged: its rows are not those that were exported; export the "
                             "index again.")
        self._all = Descriptors.concatenate([rows for rows, _ in parts]), pa.concat_tables([t for _, t in parts])
        return self._all

    def nearest(self, views: Sequence[Descriptors], k: int, where: Filter = EVERYTHING) -> Part:
        """Rows among which are the k nearest of each query that may answer, and all that have a query's key.

        Raises
        ------
        UsageError
            For vectors of another length, or a filter that is not known here.
        """
        near: set[int] = set()
        for view in views:
            if view.dim != self._dim:
                raise UsageError(f"The question has vectors of length {view.dim}, the index of length {self._dim}; "
                                 "both must come from the same model.")
        if self._all is not None or sum(len(view) for view in views) > MANY:
            return self.whole()
        for view in views:
            for row in np.flatnonzero(view.valid):
                told, values = _conditions(where, str(view.names[row]), str(view.scopes[row]))
                near.update(self._near(view.vectors[row], max(k, 1), told, values))
        new = sorted(near - self._lines.keys())
        self._bring(f"position IN (SELECT CAST(value AS bigint) FROM {LISTED.format('wanted')} AS one(value))", new)
        self._bring(f"key IN {LISTED.format('wanted')}", sorted({str(key) for view in views for key in view.keys}))
        return self._held()

    def named(self, names: Sequence[str]) -> Part:
        """Rows among which are those of these names."""
        self._bring(f"tile_id IN {LISTED.format('wanted')}", names)
        return self._held()

    def touching(self, boxes: Rectangles) -> Part:
        """Rows among which are all that share a point with one of (m, 4) rectangles: xmin, ymin, xmax, ymax."""
        x0, y0, x1, y1 = (f"CAST(b.value->>{i} AS float8)" for i in range(4))
        self._bring("EXISTS (SELECT 1 FROM json_array_elements(CAST(:wanted AS json)) AS b(value) WHERE "
                    f"x_min <= {x1} AND x_max >= {x0} AND y_min <= {y1} AND y_max >= {y0})",
                    [box for box in np.asarray(boxes, np.float64).tolist() if np.isfinite(box).all()])
        return self._held()

    def extent(self) -> tuple[float, float, float, float]:
        """Corners of all rows."""
        [line] = self._session.run(f"SELECT min(x_min), min(y_min), max(x_max), max(y_max) FROM {self._table}")
        x0, y0, x1, y1 = (float("nan") if value is None else float(value) for value in line)
        return x0, y0, x1, y1

    def _near(self, vector: Vectors, k: int, told: str, values: Mapping[str, Any]) -> list[int]:
        """Positions of the k nearest rows, and of all that rounding could have put behind them."""
        given = {**values, "q": written(unit(vector[None])[0] if self._space is Space.COSINE else vector)}
        far = away(self._place, self._space)
        if self._session.address.ann:
            use_approximate(self._session, self._place, k)
            found = self._session.run(f"SELECT position FROM {self._table} WHERE {told} ORDER BY {far} LIMIT :count",
                                      count=k, **given)
            if len(found) == k:
                return [int(line[0]) for line in found]
        found = self._session.run(  # + 0: no approximate index can give this order
            f"SELECT position, {far} + 0 AS far FROM {self._table} WHERE {told} ORDER BY far, position LIMIT :count",
            count=k + SPARE, **given)
        if len(found) == k + SPARE:
            limit = self._doubted(float(found[k - 1][1]))
            if not float(found[-1][1]) > limit:
                found = self._session.run(f"SELECT position FROM {self._table} WHERE {told} AND {far} <= "
                                          "CAST(:far AS float8)", far=limit, **given)
        return [int(line[0]) for line in found]

    def _doubted(self, far: float) -> float:
        """A distance that no row can have which is as near as one at `far`, as far as float32 sums can tell.

        *Source*: Higham, Accuracy and Stability of Numerical Algorithms, section 3.1: a sum of d products is off by
        d units of roundoff at most, in any order; a cosine has three such sums, and two rows are compared.
        """
        doubt = 4 * (self._dim + 8) * UNIT_ROUNDOFF
        return far + doubt if self._space is Space.COSINE else far * (1 + doubt) + TINY

    def _bring(self, told: str, wanted: Sequence[Any]) -> None:
        for start in range(0, len(wanted), AT_ONCE):
            lines = self._session.run(f"SELECT {selected(self._place.vector)} FROM {self._table} t WHERE {told}",
                                      wanted=as_json(wanted[start:start + AT_ONCE]))
            new = {int(line[0]): line for line in lines if int(line[0]) not in self._lines}
            self._lines |= new
            self._part = None if new else self._part

    def _held(self) -> Part:
        if self._part is None:
            self._part = part_of([*self._lines.values()], self._dim, self._space, self._store.path)
        return self._part


def _conditions(where: Filter, name: str, scope: str) -> tuple[str, dict[str, Any]]:
    """A filter for one query as a condition of SQL and its parameters."""
    unknown = {f.name for f in fields(where) if getattr(where, f.name) != f.default} - FILTERED
    if unknown:
        raise UsageError(f"An index on a PostgreSQL server cannot filter by {', '.join(sorted(unknown))} yet; ask the "
                         "index in its folder.")
    told, values = ["TRUE"], dict[str, Any]()
    for column, wanted in (("date", where.dates), ("scope", where.scopes)):
        if wanted:
            told.append(f"{column} IN {LISTED.format(column)}")
            values[column] = as_json(wanted)
    if where.bounds is not None:
        told.append("x_min < CAST(:x1 AS float8) AND x_max > CAST(:x0 AS float8) AND y_min < CAST(:y1 AS float8) AND "
                    "y_max > CAST(:y0 AS float8)")
        values |= dict(zip(("x0", "y0", "x1", "y1"), where.bounds, strict=True))
    if where.exclude_self and is_text(name):
        told.append("tile_id <> :own")
        values["own"] = name
    if where.own_scope:
        told.append(f"scope IN {LISTED.format('mine')}")
        values["mine"] = as_json([scope])
    return " AND ".join(told), values
