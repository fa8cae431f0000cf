"""From parts of rows to published segments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from georetrieval import files
from georetrieval.errors import BusyError, InputError
from georetrieval.search import segments
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import CanaryRef, Pictures, SegmentRef, sha256

SPARE_BYTES = 1 << 20
Part = tuple[Descriptors, pa.Table]
"""Descriptors and, row by row, their date, xmin..ymax and geometry."""


@dataclass(frozen=True)
class About:
    """What the caller knows about an index to be built.

    Attributes
    ----------
    model : path of the run or name of the baseline, to load it again
    fingerprint : of the eye
    legend_digest, crs, cell_m, px : of the tiles
    sources : one mapping per dated survey
    blank : tiles that were not embedded because nothing is on them
    canaries : (c, d) descriptors of pictures that are embedded again to prove that the net is the same
    canary_file, canary_bytes : these pictures; no bytes where the file is in the index already
    pictures : what an index of pictures is; None for tiles
    created_by : the command
    """

    model: str
    fingerprint: Mapping[str, Any]
    legend_digest: str | None = None
    crs: str = ""
    cell_m: float = 0.0
    px: int = 0
    sources: tuple[Mapping[str, Any], ...] = ()
    blank: int = 0
    canaries: tuple[tuple[float, ...], ...] = ()
    canary_file: CanaryRef | None = None
    canary_bytes: bytes = b""
    pictures: Pictures | None = None
    created_by: str = "georetrieval"


class Builder:
    """Turns parts into published segments and remembers what a manifest needs."""

    def __init__(self, path: Path, seen: Iterable[str] = ()) -> None:
        self.path = path
        self.refs: list[SegmentRef] = []
        self.seen: set[str] = set(seen)
        self.failed = 0
        self.failed_of: Counter[tuple[str, str]] = Counter()
        self.first: Descriptors | None = None

    def add(self, descriptors: Descriptors, attributes: pa.Table) -> None:
        """Publish the rows that mean something as segments."""
        self.first = descriptors if self.first is None else self.first
        if (descriptors.dim, descriptors.space) != (self.first.dim, self.first.space):
            raise InputError("All rows of an index need descriptors of one length and one space.")
        if attributes.num_rows != len(descriptors):
            raise InputError(f"{len(descriptors)} descriptors came with {attributes.num_rows} rows of attributes.")
        good = np.flatnonzero(descriptors.valid)
        bad = np.flatnonzero(~descriptors.valid)
        self.failed += len(bad)
        if len(bad):
            dates = attributes.column("date").take(pa.array(bad)).to_pylist()
            self.failed_of.update(zip(descriptors.scopes[bad].tolist(), dates, strict=True))
        for start in range(0, len(good), segments.SEGMENT_ROWS):
            rows = good[start:start + segments.SEGMENT_ROWS]
            self._write(descriptors.take(rows), attributes.take(pa.array(rows)))

    def _write(self, descriptors: Descriptors, attributes: pa.Table) -> None:
        names = descriptors.names.tolist()
        twice = self.seen.intersection(names) or {n for n, count in Counter(names).items() if count > 1}
        if twice:
            raise InputError(f"The tile id {min(twice)} comes twice; an index holds each tile or picture once.")
        self.seen.update(names)
        data = segments.encode(segments.table_of(descriptors, attributes))
        ref = SegmentRef(sha256=sha256(data), bytes=len(data), rows=len(descriptors))
        self.refs.append(ref)
        publish_once(self.path / ref.file, data, ref)


def publish_part(folder: Path, table: pa.Table) -> tuple[str, SegmentRef]:
    """Publish rows in a folder beside the segments, rows that mean nothing too; name and what a reader has to know."""
    data = segments.encode(table)
    ref = SegmentRef(sha256=sha256(data), bytes=len(data), rows=table.num_rows)
    name = f"{ref.sha256}.parquet"
    publish_once(folder / name, data, ref)
    return name, ref


def counted(sources: Iterable[Mapping[str, Any]], failed_of: Mapping[tuple[str, str], int]) -> list[dict[str, Any]]:
    """The sources; dated surveys also say how many of their tiles had no meaningful descriptor."""
    return [{**source, "failed": failed_of.get((source["scope"], source["date"]), 0)}
            if {"scope", "date"} <= source.keys() else dict(source) for source in sources]


def publish_once(path: Path, data: bytes, ref: SegmentRef | CanaryRef) -> None:
    """Publish an immutable file of an index, unless it is there whole."""
    if path.is_file() and path.stat().st_size == ref.bytes and files.sha256_file(path) == ref.sha256:
        return
    if files.free_bytes(path) < len(data) + SPARE_BYTES:
        raise BusyError(f"The disk is nearly full: {path} needs {len(data)} bytes; free some space and try again.")
    files.publish(path, data)
