"""Many small segments into few, without the rows that were removed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from georetrieval import files
from georetrieval.search import segments
from georetrieval.search.building import Builder
from georetrieval.search.manifest import Manifest, SegmentRef
from georetrieval.search.store import IndexStore


def compact(path: Path, created_by: str = "georetrieval") -> tuple[IndexStore, IndexStore]:
    """Publish the same rows, in the same order, in as few segments as they need; one segment is in memory at a time.

    A calibration stays, since the answers do. Files that no version needs any longer are removed, whether there was
    something to compact or not.

    Returns
    -------
    The version before and the one after; they are the same when there was nothing to do.

    Raises
    ------
    BusyError
        When another writer holds the index, or the disk is full.
    StoreError
        When the index is damaged.
    """
    path = Path(path)
    IndexStore.open(path)  # says what is wrong before a lock is made
    with files.locked(path / ".lock"):
        before = IndexStore.open(path)
        m = before.manifest
        rows = packed(path, m, m.segments, m.tombstones)
        changed: dict[str, Any] = {"segments": rows, "tombstones": [], "created_by": created_by}
        if m.pictures is not None:
            members = packed(path, m, m.pictures.members)
            changed["pictures"] = m.pictures.model_copy(update={"members": members})
        same = rows == m.segments and changed.get("pictures", m.pictures) == m.pictures
        after = before if same else before.following(changed)
        after.sweep()
    return before, after


def packed(index: Path, manifest: Manifest, refs: Iterable[SegmentRef], gone: Collection[str] = ()) -> list[SegmentRef]:
    """Publish the rows of some segments in full segments, less those removed; segments that are full already stay."""
    builder = Builder(index)
    tables = (segments.without(segments.read_segment(index, ref, manifest.dim), gone) for ref in refs)
    for table in segments.in_blocks(tables):
        builder.add(segments.descriptors_of(table, manifest.dim, manifest.metric_space), table)
    return builder.refs
