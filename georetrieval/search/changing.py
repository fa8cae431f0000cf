"""Rows that come to an index of tiles, and rows that go: each change is one new version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from georetrieval import files
from georetrieval.errors import InputError
from georetrieval.search import segments
from georetrieval.search.building import Builder, Part, counted
from georetrieval.search.compacting import packed
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import Counts, Manifest, SegmentRef
from georetrieval.search.store import IndexStore

Source = Mapping[str, Any]
COLUMNS = ("tile_id", "key", "scope", "date")
LEFT_OUT = ("blank", "failed")


@dataclass(frozen=True)
class Choice:
    """Which rows are meant: those that have one of the values of each column that has any.

    Attributes
    ----------
    tile_ids, keys, scopes, dates : values; none is all
    """

    tile_ids: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    @property
    def by_column(self) -> dict[str, tuple[str, ...]]:
        """Column -> the values asked of it."""
        return dict(zip(COLUMNS, (self.tile_ids, self.keys, self.scopes, self.dates), strict=True))


def add_rows(
    path: Path, parts: Callable[[frozenset[str]], Iterable[Part]], *, fingerprint: Mapping[str, Any],
    sources: Sequence[Source], created_by: str = "georetrieval",
) -> tuple[IndexStore, int]:
    """Publish a version with more rows; rows whose tile id is there already stay as they are.

    Parameters
    ----------
    parts
        Given the tile ids that are there, the new rows, part by part; asked once the lock is held.
    fingerprint
        Of the eye that made them.
    sources
        Of the new rows, as in `About`, each with `blank`, how many of its tiles are; one that is there already (the
        same scope and date, and the same folder or digest) is replaced.

    Returns
    -------
    The new version, or the current one when there was nothing to add; and how many rows were added.

    Raises
    ------
    MismatchError
        When the rows come from another eye than the index.
    InputError
        When it is an index of pictures, or a tile id comes twice.
    BusyError
        When another writer holds the index, or the disk is full.
    """
    path = Path(path)
    _index_of_tiles(path)
    with files.locked(path / ".lock"):
        store = _index_of_tiles(path)
        store.require(fingerprint)
        m = store.manifest
        each = [_names(path, m, ref, ("tile_id",)) for ref in m.segments]
        known = frozenset(name for table in each for name in table.column("tile_id").to_pylist()) - set(m.tombstones)
        builder = Builder(path, seen=known)
        none = np.empty(0, np.str_)
        builder.first = Descriptors(np.empty((0, m.dim), np.float32), none, none, none, m.metric_space)
        for descriptors, attributes in parts(known):
            builder.add(descriptors, attributes)
        told, more = _with(m.sources, counted(sources, builder.failed_of))
        fresh = builder.seen - known
        if not fresh and told == m.sources:
            return store, 0
        refs, tombstones = _without_old_rows_of(path, m, each, fresh)
        counts = more | {"tiles": len(fresh)}
        store = store.following({
            "segments": [*refs, *builder.refs], "tombstones": tombstones, "sources": told, "created_by": created_by,
            "counts": _changed(m.counts, counts), "calibration": None if fresh else m.calibration})
        store.sweep()
    return store, len(fresh)


def remove_rows(path: Path, choice: Choice, *, created_by: str = "georetrieval") -> tuple[IndexStore, int]:
    """Publish a version without some rows; segments of which nothing is left are no longer named.

    Returns
    -------
    The new version, and how many rows were removed.

    Raises
    ------
    InputError
        When a value is not in the index, no row has all that is asked, nothing would be left, or it is an index of
        pictures.
    BusyError
        When another writer holds the index.
    """
    path = Path(path)
    _index_of_tiles(path)
    with files.locked(path / ".lock"):
        store = _index_of_tiles(path)
        m = store.manifest
        each = [segments.without(_names(path, m, ref, COLUMNS), m.tombstones) for ref in m.segments]
        chosen = [_which(table, choice) for table in each]
        gone = sum(int(some.sum()) for some in chosen)
        _require_sense(choice, pa.concat_tables(each), gone)
        refs, tombstones = [], set(m.tombstones)
        for ref, table, some in zip(m.segments, each, chosen, strict=True):
            names = table.filter(pa.array(some)).column("tile_id").to_pylist()
            if len(names) < table.num_rows:
                refs.append(ref)
                tombstones.update(names)
            elif ref.rows > table.num_rows:
                tombstones -= set(_names(path, m, ref, ("tile_id",)).column("tile_id").to_pylist())
        left = pa.concat_tables([table.filter(pa.array(~some)) for table, some in zip(each, chosen, strict=True)])
        told = _still_there(m.sources, left)
        counts = Counter({"tiles": -gone})
        for source in m.sources:
            if source not in told:
                counts.subtract({what: source.get(what, 0) for what in LEFT_OUT})
        store = store.following({
            "segments": refs, "tombstones": sorted(tombstones), "sources": told, "calibration": None,
            "created_by": created_by, "counts": _changed(m.counts, counts)})
        store.sweep()
    return store, gone


def _index_of_tiles(path: Path) -> IndexStore:
    store = IndexStore.open(path)
    if store.manifest.pictures is not None:
        raise InputError(f"{path} is an index of pictures, not of tiles; name pictures, keys or scopes.")
    return store


def _names(path: Path, manifest: Manifest, ref: SegmentRef, columns: Sequence[str]) -> pa.Table:
    return segments.read_segment(path, ref, manifest.dim).select(list(columns))


def _without_old_rows_of(
    path: Path, manifest: Manifest, each: Sequence[pa.Table], fresh: set[str]
) -> tuple[list[SegmentRef], list[str]]:
    """Segments and tombstones once removed rows of the same tile ids as fresh ones are in no segment any longer."""
    again = fresh & set(manifest.tombstones)
    refs: list[SegmentRef] = []
    tombstones = set(manifest.tombstones)
    for ref, table in zip(manifest.segments, each, strict=True):
        held = set(table.column("tile_id").to_pylist()) if again else set()
        if held & again:
            refs += packed(path, manifest, [ref], manifest.tombstones)
            tombstones -= held
        else:
            refs.append(ref)
    return refs, sorted(tombstones)


def _which(table: pa.Table, choice: Choice) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """(n,) bool: rows that have all that is asked."""
    chosen = np.ones(table.num_rows, np.bool_)
    for name, asked in choice.by_column.items():
        if asked:
            held = pc.is_in(table.column(name), pa.array(asked, pa.string()))
            chosen &= held.combine_chunks().to_numpy(zero_copy_only=False)
    return chosen


def _require_sense(choice: Choice, rows: pa.Table, gone: int) -> None:
    for name, asked in choice.by_column.items():
        held = rows.column(name)
        missing = sorted(set(asked) - set(held.filter(pc.is_in(held, pa.array(asked, pa.string()))).to_pylist()))
        if missing:
            known = sorted(pc.unique(held).to_pylist())
            some = ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
            raise InputError(f"The index holds no row of {name} {missing[0]!r}; it holds {some}. Nothing was removed.")
    if gone == 0:
        raise InputError("No row of the index has all that was asked together. Nothing was removed.")
    if gone == rows.num_rows:
        raise InputError("Nothing would be left in the index; remove its folder instead.")


def _survey(source: Source) -> tuple[Any, Any]:
    return source.get("scope"), source.get("date")


def _with(held: Sequence[Source], more: Sequence[Source]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """The sources of an index and of what is added, and how many tiles more were left out.

    A source that is there already is replaced, in its place; one of an older index does not say what it left out.
    """
    told = [dict(source) for source in held]
    counts = dict.fromkeys(LEFT_OUT, 0)
    for source in more:
        same = [place for place, old in enumerate(told) if _survey(old) == _survey(source)
                and (old.get("tiles") == source.get("tiles") or old.get("digest") == source.get("digest"))]
        for what in LEFT_OUT:
            counts[what] += source[what] - (told[same[0]].get(what, source[what]) if same else 0)
        if same:
            told[same[0]] = dict(source)
        else:
            told.append(dict(source))
    return told, counts


def _still_there(sources: Sequence[Source], rows: pa.Table) -> list[dict[str, Any]]:
    """The sources of which there are rows, or of which nobody can say."""
    surveys = set(zip(rows.column("scope").to_pylist(), rows.column("date").to_pylist(), strict=True))
    return [dict(source) for source in sources if None in _survey(source) or _survey(source) in surveys]


def _changed(counts: Counts, more: Mapping[str, int]) -> Counts:
    return Counts(**{what: max(0, count + more.get(what, 0)) for what, count in counts.model_dump().items()})
