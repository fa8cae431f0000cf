"""Attributes of a shapefile, read from the .dbf itself: whole columns, bytes until the encoding is known.

GDAL opens a shapefile whose .dbf is missing, empty or of another layer without a word, and decodes its text by a
guess. Here the number of rows is checked and nothing is decoded before somebody has looked at the bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from georetrieval.errors import InputError

_END_OF_FIELDS = b"\r"


@dataclass(frozen=True)
class DbfField:
    """One column: name, one-letter type (C text, N and F numbers, D date, L truth), place and width in bytes."""

    name: str
    kind: str
    offset: int
    width: int


@dataclass(frozen=True)
class Dbf:
    """A checked .dbf file; see `open_dbf`."""

    path: Path
    rows: int
    header_bytes: int
    row_bytes: int
    fields: tuple[DbfField, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> DbfField | None:
        """The column of this name without regard to case; a long name finds its first ten letters."""
        wanted = (name.casefold(), name[:10].casefold())
        return next((f for f in self.fields if f.name.casefold() == wanted[0]), None) or next(
            (f for f in self.fields if f.name.casefold() == wanted[1]), None)

    @cached_property
    def _table(self) -> NDArray[np.uint8]:
        shape = (self.rows, self.row_bytes)
        if self.rows == 0:
            return np.zeros(shape, np.uint8)
        return np.memmap(self.path, np.uint8, "r", self.header_bytes, shape)

    def unmarked(self) -> int:
        """Rows whose first byte is neither that of a row that is there (space) nor of one that was deleted (*)."""
        return int((~np.isin(self._table[:, 0], (0x20, 0x2A))).sum())

    def distinct(self, field: DbfField) -> tuple[list[bytes], NDArray[np.int64]]:
        """Distinct values of a column as stripped bytes, and for each row the place of its value among them.

        Returns
        -------
        values
            (m,) bytes without padding.
        codes
            (rows,) int64 in 0..m-1.
        """
        column = np.ascontiguousarray(self._table[:, field.offset:field.offset + field.width])
        binary = pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(field.width), self.rows, [None, pa.py_buffer(column)])
        encoded = binary.dictionary_encode()
        values = [value.as_py().strip(b" \0") for value in encoded.dictionary]
        return values, encoded.indices.to_numpy().astype(np.int64)


def open_dbf(path: Path) -> Dbf:
    """Read and check the header of a .dbf file.

    Raises
    ------
    InputError
        When the file is empty, cut short, or no .dbf.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(32)
            if len(head) < 32:
                raise InputError(f"{path} holds no table ({size} bytes).")
            rows, header_bytes, row_bytes = struct.unpack_from("<IHH", head, 4)
            described = file.read(max(header_bytes - 32, 0))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    fields = _fields(described)
    if row_bytes != 1 + sum(field.width for field in fields) or len(described) != header_bytes - 32:
        raise InputError(f"{path} is not a .dbf table, or its header is damaged.")
    if header_bytes + rows * row_bytes > size:
        there = max(size - header_bytes, 0) // row_bytes
        raise InputError(f"{path} is cut short: {rows} rows announced, {there} there.")
    table = Dbf(path, rows, header_bytes, row_bytes, fields)
    if wrong := table.unmarked():
        raise InputError(f"{path} is damaged: {wrong} of its {rows} rows do not begin as a row does.")
    return table


def _fields(described: bytes) -> tuple[DbfField, ...]:
    fields: list[DbfField] = []
    offset = 1
    for start in range(0, len(described) - 31, 32):
        item = described[start:start + 32]
        if item[:1] == _END_OF_FIELDS:
            break
        width = item[16] if item[11:12] != b"C" else item[16] + 256 * item[17]
        name = item[:11].split(b"\0")[0].decode("latin-1").strip()
        fields.append(DbfField(name, item[11:12].decode("latin-1"), offset, width))
        offset += width
    return tuple(fields)
