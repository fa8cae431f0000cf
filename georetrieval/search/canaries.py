"""Pictures kept with an index, and whether a net still makes of them what it made when the index was built.

A fingerprint says which weights and settings a net has, not what a library, a decoder or the order of bands does to the
pixels before them. The pictures lie in one immutable Parquet file, named by its SHA-256; what the net made of them is
in the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from georetrieval.errors import StoreError
from georetrieval.search.descriptors import Space
from georetrieval.search.manifest import CANARY_CAP, CanaryRef, sha256, stored_bytes
from georetrieval.search.segments import VanishedError

MOST = 8
"""Pictures of an index. *Source*: RELIABILITY.md, section 4."""
COSINE, HALF_COSINE = 0.999, 0.99
"""Least cosine between two looks at a picture, in float32 and where one was in 16 bits. *Source*: the same."""
SPREAD, HALF_SPREAD = 0.05, 0.1
"""Greatest distance between two looks, by how far the pictures lie from their mean (root of the mean square).

A cosine alone says little where all descriptors lie close together. Measured on eight photographs and five nets:
bfloat16 moves them by up to 0.033, another interpolation by 0.063 to 0.22, red and blue exchanged by 0.23 to 0.78.
"""
LEAST, HALF_LEAST = 1e-4, 1e-2
"""A distance by the length of the descriptors that is never too much: rounding."""
PALETTE = b"palette"
Pixels = npt.NDArray[np.uint8]
Vectors = npt.NDArray[np.float64]

_SCHEMA = pa.schema([
    pa.field("name", pa.string(), nullable=False), pa.field("stored", pa.string(), nullable=False),
    pa.field("shown", pa.string(), nullable=False), pa.field("mask", pa.bool_(), nullable=False),
    pa.field("height", pa.int32(), nullable=False), pa.field("width", pa.int32(), nullable=False),
    pa.field("pixels", pa.binary(), nullable=False)])


@dataclass(frozen=True, eq=False)
class Canary:
    """One picture.

    Attributes
    ----------
    pixels : (C, H, W) uint8
    stored : names of the C bands
    shown : bands that the net is shown of them
    mask : it is read as a mask
    """

    name: str
    pixels: Pixels
    stored: tuple[str, ...]
    shown: tuple[str, ...]
    mask: bool = False


@dataclass(frozen=True, eq=False)
class Canaries:
    """The pictures of an index; `palette` (256, 3) uint8 are the colours of class codes, where there are any."""

    pictures: tuple[Canary, ...]
    palette: Pixels | None = None

    def encode(self) -> bytes:
        """Parquet bytes with page checksums; the same pictures give the same bytes."""
        each = self.pictures
        columns = [[c.name for c in each], [",".join(c.stored) for c in each], [",".join(c.shown) for c in each],
                   [c.mask for c in each], [c.pixels.shape[1] for c in each], [c.pixels.shape[2] for c in each],
                   [np.ascontiguousarray(c.pixels).tobytes() for c in each]]
        colours = {} if self.palette is None else {PALETTE: self.palette.tobytes().hex().encode()}
        table = pa.table([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)],
                         schema=_SCHEMA.with_metadata(colours))
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd", write_page_checksum=True, use_dictionary=False)
        return bytes(sink.getvalue())

    @classmethod
    def decode(cls, data: bytes, ref: CanaryRef) -> Canaries:
        """The pictures of a file's bytes, after every check.

        Raises
        ------
        StoreError
            When bytes, hash, columns or sizes are not what they have to be.
        """
        if len(data) != ref.bytes or sha256(data) != ref.sha256:
            raise StoreError(f"{ref.file} is damaged: its bytes do not have the size and hash in the manifest.")
        try:
            file = pq.ParquetFile(pa.py_buffer(data), page_checksum_verification=True)
            size = sum(file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups))
            if file.metadata.num_rows != ref.rows or size > CANARY_CAP or not file.schema_arrow.equals(_SCHEMA):
                raise StoreError(f"{ref.file} has other columns or rows than the pictures of an index.")
            rows = file.read(use_threads=False).to_pylist()
            colours = bytes.fromhex((file.schema_arrow.metadata or {}).get(PALETTE, b"").decode())
            palette = np.frombuffer(colours, np.uint8).reshape(256, 3) if colours else None
            return cls(tuple(_of_row(row) for row in rows), palette)
        except (pa.ArrowException, OSError, ValueError, TypeError, AttributeError, MemoryError) as error:
            raise StoreError(f"{ref.file} is damaged: it cannot be read as pictures.") from error


def read_canaries(index: Path, ref: CanaryRef) -> Canaries:
    """The pictures of an index; errors as of `canary_bytes`."""
    return _read(index, ref)[1]


def canary_bytes(index: Path, ref: CanaryRef) -> bytes:
    """The file of the pictures of an index, after every check.

    Raises
    ------
    VanishedError
        When it is not there.
    StoreError
        When it is damaged.
    """
    return _read(index, ref)[0]


def _read(index: Path, ref: CanaryRef) -> tuple[bytes, Canaries]:
    try:
        data = stored_bytes(index / ref.file, ref.bytes)
        return data, Canaries.decode(data, ref)
    except FileNotFoundError as error:
        raise VanishedError(f"{index} is damaged: {ref.file} is not there.") from error
    except StoreError as error:
        raise StoreError(f"In the index {index}: {error}") from error


def difference(kept: npt.ArrayLike, seen: npt.ArrayLike, space: Space, *, half: bool) -> str:
    """What is too different between two looks at the same pictures, for a person; "" when nothing is.

    Parameters
    ----------
    kept, seen : (n, d) descriptors
    half : one of the looks was in 16 bits
    """
    before, now = np.asarray(kept, np.float64), np.asarray(seen, np.float64)
    if before.shape != now.shape:
        return f"vectors of length {now.shape[-1]}, not {before.shape[-1]}"
    lengths = np.linalg.norm(now, axis=1)
    if not np.isfinite(now).all() or (space is Space.COSINE and not (lengths > 0).all()):
        return "vectors that are zero or not finite"
    scale = 1.0
    if np.array_equal(before, now):
        return ""
    if space is Space.COSINE:
        before, now = _unit(before), _unit(now)
    else:
        scale = float(np.linalg.norm(before, axis=1).max())
    apart = float(np.linalg.norm(now - before, axis=1).max())
    spread = float(np.sqrt(((before - before.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return _too_far(apart, scale, spread, space, half)


def _too_far(apart: float, scale: float, spread: float, space: Space, half: bool) -> str:
    least, share, rounding = (HALF_COSINE, HALF_SPREAD, HALF_LEAST) if half else (COSINE, SPREAD, LEAST)
    most = float(np.sqrt(2 - 2 * least)) * scale  # between unit vectors of that cosine; by the longest one elsewhere
    if apart > most:
        if space is Space.COSINE:
            return f"cosine {1 - apart**2 / 2:.4f}, at least {least} is asked"
        return f"{apart / (scale or apart):.1%} apart, at most {np.sqrt(2 - 2 * least):.1%} of the length is allowed"
    if apart > max(share * spread, rounding * scale):
        told = apart / max(spread, rounding * scale)
        return f"moved by {told:.0%} of how far they lie from their mean, at most {share:.0%} is allowed"
    return ""


def bounded(candidates: Sequence[Canary], most: int) -> list[Canary]:
    """The first `most` of them on which there is something, each picture once."""
    kept: dict[bytes, Canary] = {}
    for canary in candidates:
        if len(kept) < most and np.ptp(canary.pixels.reshape(len(canary.stored), -1), axis=1).any():
            kept.setdefault(canary.pixels.tobytes(), canary)
    return list(kept.values())


def _of_row(row: dict[str, Any]) -> Canary:
    bands = tuple(row["stored"].split(","))
    pixels = np.frombuffer(row["pixels"], np.uint8).reshape(len(bands), row["height"], row["width"])
    return Canary(row["name"], pixels, bands, tuple(row["shown"].split(",")), row["mask"])


def _unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
