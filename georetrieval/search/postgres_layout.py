"""What an index is in a PostgreSQL database: the columns of its table, and rows as bytes of a binary COPY and back.

    NAME                   position, tile_id, key, scope, date, x_min..y_max, embedding vector(d), sha256, geometry
    georetrieval_indexes   a line per table: format, what the manifest says, how many rows, how it was written

`geometry` is there where PostGIS is; `sha256` is that of the row's other columns but position and geometry.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from georetrieval.errors import InputError, StoreError
from georetrieval.search.building import Part
from georetrieval.search.descriptors import Descriptors, Space, Texts
from georetrieval.search.segments import BOUNDS, NAMES

FORMAT = "georetrieval-postgres-1"
REGISTER = "georetrieval_indexes"
MOST_DIM = 16_000
"""Of a `vector` column. *Source*: pgvector 0.8, README, "Reference"."""
SHORTEST, LONGEST = 1e-15, 1e15
"""Lengths of vectors that pgvector's sums in float32 compare without leaving their range."""
CORNERS = ("x_min", "y_min", "x_max", "y_max")
"""Columns of the bounds; PostgreSQL keeps the name xmin for itself."""
TYPES = {"position": "int8", **dict.fromkeys(NAMES, "text"), **dict.fromkeys(CORNERS, "float8"), "embedding": "vector",
         "sha256": "bytea"}
COLUMNS = (*TYPES,)
ROWS_AT_ONCE = 1024
HEAD, TAIL = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0), struct.pack(">h", -1)
NULL = struct.pack(">i", -1)
SRID_FLAG = 0x20000000
"""Of the type of a geometry in EWKB. *Source*: PostGIS manual, section 4.1.2 (extended WKB)."""


def copied(part: Part, srid: int | None) -> Iterator[bytes]:
    """The rows as a binary COPY of `COLUMNS`, and of the geometry when an SRID is given.

    Raises
    ------
    InputError
        For a text with a zero byte, which PostgreSQL cannot hold.
    """
    rows, table = part
    yield HEAD
    for start in range(0, len(rows), ROWS_AT_ONCE):
        some = rows.take(np.arange(start, min(start + ROWS_AT_ONCE, len(rows))))
        here = table.slice(start, len(some))
        shapes = here.column("geometry").to_pylist() if srid is not None else None
        yield b"".join(_line(start + i, fields, None if shapes is None else (shapes[i], srid or 0))
                       for i, fields in enumerate(_fields(some, here)))
    yield TAIL


def _fields(rows: Descriptors, table: pa.Table) -> Iterator[tuple[list[bytes], list[float | None], bytes]]:
    """Texts, bounds and vector (little-endian) of each row."""
    texts = [rows.names.tolist(), rows.keys.tolist(), rows.scopes.tolist(), table.column("date").to_pylist()]
    bounds = [table.column(name).to_pylist() for name in BOUNDS]
    for *words, vector in zip(*texts, *bounds, rows.vectors.astype("<f4"), strict=True):
        encoded = [str(word).encode() for word in words[:len(texts)]]
        if any(b"\0" in word for word in encoded):
            raise InputError(f"The row {words[0]!r} has a zero byte in its key, scope or date, which PostgreSQL cannot "
                             "hold; export to another format.")
        yield encoded, words[len(texts):], vector.tobytes()


def _line(position: int, row: tuple[list[bytes], list[float | None], bytes],
          shape: tuple[bytes | None, int] | None) -> bytes:
    texts, bounds, vector = row
    dim = len(vector) // 4
    fields: list[bytes | None] = [struct.pack(">q", position), *texts]
    fields += [None if value is None else struct.pack(">d", value) for value in bounds]
    fields += [struct.pack(">hh", dim, 0) + np.frombuffer(vector, "<f4").astype(">f4").tobytes(),
               row_hash(texts, bounds, vector)]
    if shape is not None:
        fields.append(None if shape[0] is None else extended(shape[0], shape[1]))
    told = [NULL if field is None else struct.pack(">i", len(field)) + field for field in fields]
    return struct.pack(">h", len(fields)) + b"".join(told)


def row_hash(texts: Sequence[bytes], bounds: Sequence[float | None], vector: bytes) -> bytes:
    """SHA-256 of a row: texts with their lengths, bounds as little-endian float64 (NaN where unknown), vector."""
    seen = hashlib.sha256()
    for text in texts:
        seen.update(b"%d %b" % (len(text), text))
    seen.update(struct.pack("<4d", *(float("nan") if value is None else value for value in bounds)))
    seen.update(vector)
    return seen.digest()


def extended(wkb: bytes, srid: int) -> bytes:
    """Well-known binary with its SRID, as PostGIS takes it in."""
    order = "<" if wkb[:1] == b"\1" else ">"
    (kind,) = struct.unpack_from(f"{order}I", wkb, 1)
    return wkb[:1] + struct.pack(f"{order}Ii", kind | SRID_FLAG, srid) + wkb[5:]


def selected(vector_schema: str) -> str:
    """The columns of a SELECT that `part_of` reads."""
    columns = [f't."{name}"' for name in COLUMNS if name != "embedding"]
    return f'{", ".join(columns)}, {vector_schema}.vector_send(t."embedding")'


def part_of(lines: Sequence[Sequence[Any]], dim: int, space: Space, where: str) -> Part:
    """The rows that a SELECT of `selected` gave, in order of their positions.

    Raises
    ------
    StoreError
        When a row does not have its hash.
    """
    lines = sorted(lines, key=lambda line: int(line[0]))
    vectors = np.empty((len(lines), dim), np.float32)
    for place, (_, *values, digest, sent) in enumerate(lines):
        data = bytes(sent or bytes(4))
        texts, bounds = [str(value).encode() for value in values[:len(NAMES)]], values[len(NAMES):]
        vector = np.frombuffer(data, ">f4", offset=4).astype("<f4")
        if len(data) != 4 + 4 * dim or row_hash(texts, bounds, vector.tobytes()) != bytes(digest or b""):
            raise StoreError(f"{where} is damaged: the row {values[0]!r} is not as it was exported; export the index "
                             "again.")
        vectors[place] = vector
    columns = {name: [line[1 + place] for line in lines] for place, name in enumerate((*NAMES, *BOUNDS))}
    table = pa.table({name: pa.array(values, pa.string() if name in NAMES else pa.float64())
                      for name, values in columns.items()})
    tile_id, key, scope = (_texts(columns[name]) for name in NAMES[:3])
    return Descriptors(vectors, key, tile_id, scope, space), table


def _texts(values: list[str]) -> Texts:
    return np.asarray(values, np.str_)
