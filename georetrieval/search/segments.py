"""Rows as immutable Parquet bytes: vector and tile id in the same row, a checksum on every page.

The columns are fixed. Before any page is read, the footer's own row count has to be the manifest's, and rows x
row width has to stay below a cap, whatever the file says about its size.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from georetrieval.errors import InputError, StoreError
from georetrieval.search.descriptors import Descriptors, Space, Texts
from georetrieval.search.manifest import SegmentRef, sha256, stored_bytes

NAMES = ("tile_id", "key", "scope", "date")
BOUNDS = ("xmin", "ymin", "xmax", "ymax")
SEGMENT_ROWS = 65_536
"""Rows of one file at most, as we write it."""
READ_CAP = 8 << 30
"""Rows x row width in bytes that we agree to read from one file."""
TEXT_CAP = 256
"""Bytes of a text or a geometry at most (a rectangle in WKB has 93)."""

class VanishedError(StoreError):
    """A file that a version names is not there: lost, or swept because newer versions were published."""


_TILE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def schema(dim: int, metadata: Mapping[bytes, bytes] | None = None) -> pa.Schema:
    """The columns of a segment with vectors of length `dim`."""
    fields = [pa.field(name, pa.string(), nullable=False) for name in NAMES]
    fields += [pa.field(name, pa.float64()) for name in BOUNDS]
    fields += [pa.field("geometry", pa.binary()), pa.field("vector", pa.binary(4 * dim), nullable=False)]
    return pa.schema(fields, metadata=dict(metadata or {}))


def table_of(descriptors: Descriptors, attributes: pa.Table) -> pa.Table:
    """A segment's table: names become tile ids; `attributes` brings date, and bounds and geometry where known.

    Raises
    ------
    InputError
        For a tile id that is not `[A-Za-z0-9][A-Za-z0-9_.-]{0,63}`, or a text beyond 256 bytes.
    """
    for name in descriptors.names:
        if not _TILE_ID.fullmatch(str(name)):
            raise InputError(f"{str(name)!r} cannot be a tile id; use letters, digits, '_', '.', '-', at most 64.")
    rows = len(descriptors)
    wanted = schema(descriptors.dim, {b"geo": (attributes.schema.metadata or {}).get(b"geo", b"")})
    if not wanted.metadata[b"geo"]:
        wanted = wanted.remove_metadata()
    columns: dict[str, Any] = {
        "tile_id": descriptors.names.tolist(), "key": descriptors.keys.tolist(),
        "scope": descriptors.scopes.tolist(), "vector": _packed(descriptors),
    }
    for name in ("date", *BOUNDS, "geometry"):
        known = name in attributes.column_names
        columns[name] = attributes.column(name).combine_chunks() if known else pa.nulls(rows, wanted.field(name).type)
    if columns["date"].null_count:
        raise InputError("Every row of an index needs a date.")
    table = pa.table([columns[f.name] for f in wanted], schema=wanted)
    for name in NAMES:
        _short_texts(table.column(name), InputError, name)
    return table


def encode(table: pa.Table) -> bytes:
    """Parquet bytes with page checksums; the same table gives the same bytes."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", write_page_checksum=True, store_schema=True,
        use_dictionary=["scope", "date"], column_encoding=None,
    )
    return bytes(sink.getvalue())


def decode(data: bytes, ref: SegmentRef, dim: int) -> pa.Table:
    """The table of a segment's bytes, after every check.

    Raises
    ------
    StoreError
        When bytes, hash, rows, columns or values are not what the manifest says.
    """
    if len(data) != ref.bytes or sha256(data) != ref.sha256:
        raise StoreError(f"{ref.file} is damaged: its bytes do not have the size and hash in the manifest.")
    width = 4 * dim + TEXT_CAP * (len(NAMES) + 1) + 8 * len(BOUNDS)
    try:
        file = pq.ParquetFile(pa.py_buffer(data))
        if file.metadata.num_rows != ref.rows or ref.rows * width > READ_CAP:
            raise StoreError(f"{ref.file} declares {file.metadata.num_rows} rows, the manifest {ref.rows}; "
                             f"at most {READ_CAP // width} are read.")
        if [(f.name, f.type) for f in file.schema_arrow] != [(f.name, f.type) for f in schema(dim)]:
            raise StoreError(f"{ref.file} has other columns than an index of vectors of length {dim}.")
        file = pq.ParquetFile(pa.py_buffer(data), page_checksum_verification=True,
                              read_dictionary=[*NAMES, "geometry"])
        table = file.read(use_threads=False)
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise StoreError(f"{ref.file} is damaged: it cannot be read as Parquet.") from error
    return _decoded(table, ref)


def read_segment(index: Path, ref: SegmentRef, dim: int) -> pa.Table:
    """The table of one segment of an index, after every check.

    Raises
    ------
    VanishedError
        When the file is not there.
    StoreError
        When it is damaged.
    """
    try:
        return decode(stored_bytes(index / ref.file, ref.bytes), ref, dim)
    except FileNotFoundError as error:
        raise VanishedError(f"{index} is damaged: {ref.file} is not there.") from error
    except StoreError as error:
        raise StoreError(f"In the index {index}: {error}") from error


def without(table: pa.Table, gone: Collection[str]) -> pa.Table:
    """The rows of a table whose tile id is not among `gone`."""
    if not gone:
        return table
    import pyarrow.compute as pc

    return table.filter(pc.invert(pc.is_in(table.column("tile_id"), pa.array(sorted(gone), pa.string()))))


def in_blocks(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of all tables in pieces of `SEGMENT_ROWS`, the last one shorter."""
    rest: pa.Table | None = None
    for table in tables:
        rest = table if rest is None else pa.concat_tables([rest, table])
        while rest.num_rows >= SEGMENT_ROWS:
            yield rest.slice(0, SEGMENT_ROWS)
            rest = rest.slice(SEGMENT_ROWS)
    if rest is not None and rest.num_rows:
        yield rest


def descriptors_of(table: pa.Table, dim: int, space: Space) -> Descriptors:
    """The vectors and names of a (decoded) table."""
    column = table.column("vector").combine_chunks()
    values = np.frombuffer(column.buffers()[1] or b"", "<f4")[column.offset * dim:(column.offset + len(column)) * dim]
    tile_id, key, scope = (_texts(table, name) for name in ("tile_id", "key", "scope"))
    return Descriptors(values.reshape(len(column), dim), key, tile_id, scope, space)


def _decoded(table: pa.Table, ref: SegmentRef) -> pa.Table:
    if any(table.column(name).null_count for name in (*NAMES, "vector")):
        raise StoreError(f"{ref.file} has rows without a name or a vector.")
    for name in (*NAMES, "geometry"):
        column = table.column(name)
        for chunk in column.chunks:
            _short_texts(chunk.dictionary, StoreError, f"{ref.file}: {name}")
        plain = pa.chunked_array([c.dictionary_decode() for c in column.chunks], column.type.value_type)
        table = table.set_column(table.column_names.index(name), name, plain)
    return table


def _short_texts(column: Any, error: type[Exception], what: str) -> None:
    import pyarrow.compute as pc

    longest = pc.max(pc.binary_length(column)).as_py()
    if longest and longest > TEXT_CAP:
        raise error(f"{what} holds a text of {longest} bytes; at most {TEXT_CAP} are possible.")


def _packed(descriptors: Descriptors) -> Any:
    data = np.ascontiguousarray(descriptors.vectors, "<f4").tobytes()
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(4 * descriptors.dim), len(descriptors), [None, pa.py_buffer(data)])


def _texts(table: pa.Table, name: str) -> Texts:
    return np.asarray(table.column(name).to_pylist(), dtype=np.str_)
