"""An index written into a table of a PostgreSQL server, whole or not at all."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from georetrieval.errors import BusyError, InputError, MissingExtraError, UsageError
from georetrieval.search.building import Part
from georetrieval.search.descriptors import Space
from georetrieval.search.exchange import TEXT_COLUMNS, exported, sealed, words_of
from georetrieval.search.flat import FlatIndex
from georetrieval.search.index import pair_scores
from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_layout import (
    COLUMNS,
    CORNERS,
    FORMAT,
    LONGEST,
    MOST_DIM,
    REGISTER,
    SHORTEST,
    TYPES,
    copied,
)
from georetrieval.search.postgres_session import Session, quoted
from georetrieval.search.store import IndexStore

LOCK_S = 60
"""How long a change of the table's columns waits for those who read it."""
ANN_DIM = 2_000
"""Longest vectors of an HNSW index. *Source*: pgvector 0.8, README, "HNSW"."""
ANN_K, ANN_SAMPLE = 10, 100
"""Answers and rows by which the loss of an approximate index is measured."""
EF_SEARCH = 200
"""Candidates that an HNSW index looks at, at least; pgvector's default is 40."""
OPERATORS = {Space.COSINE: ("<=>", "vector_cosine_ops"), Space.EUCLIDEAN: ("<->", "vector_l2_ops")}


@dataclass(frozen=True)
class Written:
    """What an export did.

    Attributes
    ----------
    rows : how many
    shapes : the table has a geometry column
    recall : share, 0..1, of the 10 nearest other rows that the approximate index finds; None without one
    """

    rows: int
    shapes: bool
    recall: float | None


@dataclass(frozen=True)
class Place:
    """Where on a server a table is, and what the database offers.

    Attributes
    ----------
    schema : of the table and of the register
    vector, shapes : schemas of pgvector and of PostGIS; "" where there is no PostGIS
    vector_version : (major, minor)
    """

    schema: str
    vector: str
    shapes: str
    vector_version: tuple[int, int]

    @classmethod
    def found(cls, session: Session) -> Place:
        """Look it up.

        Raises
        ------
        MissingExtraError
            When the database has no pgvector.
        InputError
            When there is no schema to use.
        """
        address = session.address
        known = {row[0]: row[1:] for row in session.run(
            "SELECT e.extname, n.nspname, e.extversion FROM pg_catalog.pg_extension e "
            "JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname IN ('vector', 'postgis')")}
        if "vector" not in known:
            raise MissingExtraError(f"The database {address.database!r} at {address.server} has no pgvector; its owner "
                                    "adds it with: CREATE EXTENSION vector.")
        [[schema]] = session.run("SELECT COALESCE(NULLIF(CAST(:asked AS text), ''), current_schema())",
                                 asked=address.schema)
        if schema is None:
            raise InputError(f"The user {address.user!r} has no schema to use in {address.database!r}; name one: "
                             "table=SCHEMA.NAME.")
        major, minor = (int(part) for part in known["vector"][1].split(".")[:2])
        return cls(str(schema), quoted(known["vector"][0]), quoted(known.get("postgis", [""])[0]), (major, minor))


def export_postgres(store: IndexStore, address: Address, *, ann: str | None = None) -> Written:
    """Write the rows of an index into a table in one transaction; those of an earlier export are replaced.

    Who reads sees the old rows until all new ones are there, and keeps what it saw while it is at it.

    Parameters
    ----------
    ann : "hnsw" adds an approximate index, which a search uses when its address says ann=hnsw

    Raises
    ------
    MissingExtraError
        When the driver, or pgvector on the server, is not installed.
    InputError
        When the server cannot be used, the name belongs to a table of somebody else, or a row cannot be held.
    BusyError
        When another export writes, readers hold a table whose columns have to change, or the server has no room.
    """
    store, part = exported(store)
    _require_fitting(part, ann)
    words = json.dumps(sealed(words_of(store, *part, TEXT_COLUMNS)), ensure_ascii=False)
    with Session(address) as session:
        place = Place.found(session)
        writing = _Writing(session, place, part, store.manifest.crs)
        with session.transaction():
            recall = writing.write(words, ann)
        session.run(f"VACUUM (ANALYZE) {writing.table}")  # what was replaced makes room
    return Written(len(part[0]), writing.srid is not None, recall)


def _require_fitting(part: Part, ann: str | None) -> None:
    rows = part[0]
    if rows.dim > MOST_DIM or (ann and rows.dim > ANN_DIM):
        raise UsageError(f"The vectors have length {rows.dim}; pgvector holds {MOST_DIM} at most, and an HNSW index "
                         f"{ANN_DIM}.")
    lengths = np.linalg.norm(rows.vectors.astype(np.float64), axis=1)
    odd = (lengths < SHORTEST) | (lengths > LONGEST)
    if odd.any():
        raise InputError(f"{int(odd.sum())} vectors, such as that of {rows.names[odd][0]}, are shorter than "
                         f"{SHORTEST:g} or longer than {LONGEST:g}; pgvector would not put them in order exactly.")


class _Writing:
    """One transaction that writes."""

    def __init__(self, session: Session, place: Place, part: Part, crs: str) -> None:
        self.session, self.place, self.part, self.crs = session, place, part, crs
        self.name, self.table = session.address.table, quoted(place.schema, session.address.table)
        self.register = quoted(place.schema, REGISTER)
        placed = place.shapes and part[1].column("geometry").null_count < len(part[0])
        authority, _, code = crs.partition(":")
        self.srid = (int(code) if authority == "EPSG" and code.isdecimal() else 0) if placed else None

    def write(self, words: str, ann: str | None) -> float | None:
        """Rows, indexes and words; the recall of the approximate index, if there is to be one."""
        self._lock()
        rows, new = self.part[0], self.table
        same = self._same_layout()
        if same:
            self.session.run(f"DELETE FROM {self.table}")
        else:  # made beside the old one, which is read until the last moment
            new = quoted(self.place.schema, f"georetrieval_{self.session.run('SELECT pg_backend_pid()')[0][0]}")
            self._create(new)
        columns = ", ".join(quoted(name) for name in (*COLUMNS, *(["geometry"] if self.srid is not None else [])))
        self.session.run(f"COPY {new} ({columns}) FROM STDIN WITH (FORMAT binary)",
                         stream=copied(self.part, self.srid))
        if not same:
            self._index(new)
            self.session.run(f"DROP TABLE IF EXISTS {self.table}")
            self.session.run(f"ALTER TABLE {new} RENAME TO {quoted(self.name)}")
        self._approximate(ann)
        recall = self._recall() if ann else None
        self.session.run(f"DELETE FROM {self.register} WHERE table_name = :name", name=self.name)
        self.session.run(
            f"INSERT INTO {self.register} (table_name, format, words, row_count, ann, ann_recall) VALUES "
            "(:name, :format, CAST(:words AS json), :count, :ann, :recall)", name=self.name, format=FORMAT,
            words=words, count=len(rows), ann=ann, recall=recall)
        return recall

    def _lock(self) -> None:
        """The right to write, until the end of the transaction; the register is there afterwards."""
        self.session.run(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
        told = f"georetrieval {self.place.schema}.{self.name}"
        [[free]] = self.session.run("SELECT pg_try_advisory_xact_lock(hashtextextended(:told, 0))", told=told)
        if not free:
            raise BusyError(f"Another export is writing {self.session.address}; try again when it is done.")
        if self._oid(REGISTER) is None:
            self.session.run("SELECT pg_advisory_xact_lock(hashtextextended(:told, 0))", told=REGISTER)
            self.session.run(
                f"CREATE TABLE IF NOT EXISTS {self.register} (table_name text PRIMARY KEY, format text NOT NULL, "
                "words json NOT NULL, row_count bigint NOT NULL, ann text, ann_recall double precision, "
                "exported_at timestamptz NOT NULL DEFAULT now())")
        known = self.session.run(f"SELECT 1 FROM {self.register} WHERE table_name = :name", name=self.name)
        if self._oid(self.name) is not None and not known:
            raise InputError(f"There is something called {self.session.address.name!r} in the database "
                             f"{self.session.address.database!r} that no export made; choose another name.")

    def _oid(self, name: str) -> Any:
        return self.session.run("SELECT to_regclass(:name)", name=quoted(self.place.schema, name))[0][0]

    def _same_layout(self) -> bool:
        """Whether the rows fit into the table that is there, if any, so that rights and views on it stay."""
        if self._oid(self.name) is None:
            return False
        there = columns_of(self.session, self.table)
        wanted = TYPES | ({"geometry": "geometry"} if self.srid is not None else {})
        return all(there.get(name, ("", 0))[0] == kind for name, kind in wanted.items()) and \
            there["embedding"][1] == self.part[0].dim and ("geometry" in there) == (self.srid is not None) and \
            (self.srid is None or self._held_srid() == self.srid)

    def _held_srid(self) -> int | None:
        """Of the geometry column that is there, as PostgreSQL writes its type: geometry(Polygon,2154).

        PostGIS does not write an SRID of 0, that of places without a CRS that it knows: geometry(Polygon).
        """
        [[told]] = self.session.run(
            "SELECT pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute WHERE attrelid = "
            "to_regclass(:name) AND attname = 'geometry'", name=self.table)
        found = re.search(r",\s*(\d+)\)$", told)
        return int(found[1]) if found else 0 if told.endswith(")") else None

    def _create(self, new: str) -> None:
        kinds = TYPES | {"embedding": f"{self.place.vector}.vector({self.part[0].dim})"}
        columns = [f"{quoted(name)} {kind}{'' if name in CORNERS else ' NOT NULL'}" for name, kind in kinds.items()]
        if self.srid is not None:
            columns.append(f"geometry {self.place.shapes}.geometry(Polygon, {self.srid})")
        self.session.run(f"CREATE TABLE {new} ({', '.join(columns)}, PRIMARY KEY (tile_id), UNIQUE (position))")

    def _index(self, new: str) -> None:
        self.session.run(f"CREATE INDEX ON {new} (key)")
        self.session.run(f"CREATE INDEX ON {new} (x_min, y_min)")
        if self.srid is not None:
            self.session.run(f"CREATE INDEX ON {new} USING gist (geometry)")

    def _approximate(self, ann: str | None) -> None:
        """Make, keep or drop the approximate index."""
        kind = OPERATORS[self.part[0].space][1]
        held = self.session.run(
            "SELECT c.relname, o.opcname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_catalog.pg_am a ON a.oid = c.relam JOIN pg_catalog.pg_opclass o ON o.oid = i.indclass[0] "
            "WHERE i.indrelid = to_regclass(:name) AND a.amname = 'hnsw'", name=self.table)
        for name, its in held:
            if ann is None or its != kind:
                self.session.run(f"DROP INDEX {quoted(self.place.schema, name)}")
        if ann and kind not in [its for _, its in held]:
            self.session.run(f"CREATE INDEX ON {self.table} USING hnsw (embedding {self.place.vector}.{kind})")

    def _recall(self) -> float:
        """Of some rows spread over the index, the share of the other rows nearest to them that it finds.

        As `choosing.Sample.recall`: a row does not count itself, and one that is as near as a true answer is one.
        """
        rows = self.part[0]
        k = min(ANN_K, len(rows) - 1)
        if k < 1:
            return 1.0
        asked = np.unique(np.linspace(0, len(rows) - 1, ANN_SAMPLE).astype(np.int64))
        scores, found = FlatIndex(rows.vectors, rows.space).search(rows.vectors[asked], k + 1)
        least = [line[near != row][k - 1] for row, line, near in zip(asked, scores, found, strict=True)]
        use_approximate(self.session, self.place, k + 1)
        self.session.run("SET LOCAL enable_seqscan = off")
        sql = f"SELECT position FROM {self.table} ORDER BY {away(self.place, rows.space)} LIMIT {k + 1}"
        hits = 0
        for row, worst in zip(asked, least, strict=True):
            lines = self.session.run(sql, q=written(rows.vectors[row]))
            near = [int(line[0]) for line in lines if int(line[0]) != row][:k]
            seen = pair_scores(rows.vectors[near], rows.vectors[row], rows.space).astype(np.float32)
            hits += int((seen >= worst).sum())
        return hits / (k * len(asked))


def columns_of(session: Session, table: str) -> dict[str, tuple[str, int]]:
    """Types and their modifiers (of a vector its length) of the columns of a table."""
    return {row[0]: (row[1], int(row[2])) for row in session.run(
        "SELECT a.attname, t.typname, a.atttypmod FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t "
        "ON t.oid = a.atttypid WHERE a.attrelid = to_regclass(:name) AND a.attnum > 0 AND NOT a.attisdropped",
        name=table)}


def away(place: Place, space: Space) -> str:
    """The distance to the parameter q, as pgvector computes it."""
    return f"(embedding OPERATOR({place.vector}.{OPERATORS[space][0]}) CAST(:q AS {place.vector}.vector))"


def written(vector: Any) -> str:
    """A (d,) float32 vector as pgvector reads it, without loss."""
    return "[" + ",".join(map(repr, vector.astype(float).tolist())) + "]"


def use_approximate(session: Session, place: Place, k: int) -> None:
    """Let the approximate index look far enough for k answers, until the end of the transaction."""
    session.run(f"SET LOCAL hnsw.ef_search = {min(1000, max(EF_SEARCH, 2 * k))}")
    if place.vector_version >= (0, 8):
        session.run("SET LOCAL hnsw.iterative_scan = strict_order")
