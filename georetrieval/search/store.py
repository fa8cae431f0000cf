"""An index on disk: immutable, checksummed, published version by version.

    INDEX/CURRENT                            {"manifest": "manifests/00000001-<sha256>.json"}
    INDEX/manifests/<version>-<sha256>.json  what a version consists of; its name carries its own hash
    INDEX/segments/<sha256>.parquet          rows: tile id, key, scope, date, bounds, geometry and vector together
    INDEX/canaries/<sha256>.parquet          pictures that prove that a net is the one that built the index
    INDEX/.lock                              held by a writer, freed by the kernel

A version is committed segments first, then the manifest, then CURRENT, each wholly on the disk before the next.
Readers take no lock and see one whole version.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from georetrieval import __version__, files
from georetrieval.errors import BusyError, InputError, StoreError
from georetrieval.search import segments
from georetrieval.search.building import About, Builder, Part, counted, publish_once
from georetrieval.search.canaries import Canaries, read_canaries
from georetrieval.search.checking import Check, check_version
from georetrieval.search.confidence import Calibration
from georetrieval.search.fingerprint import plain, require_same
from georetrieval.search.gallery import Gallery
from georetrieval.search.kept_ann import FOLDER, read_record
from georetrieval.search.manifest import (
    CURRENT,
    Counts,
    Manifest,
    SegmentRef,
    current_name,
    publish_version,
    read_manifest,
)
from georetrieval.search.row_source import HeldRows
from georetrieval.search.sweeping import sweep

TRIES = 3
"""Times a reader starts again when a file vanished under it because a newer version was published."""


@dataclass(frozen=True)
class IndexStore:
    """One version of the index at `path`; get one with `open` or `build`."""

    path: Path
    name: str
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> IndexStore:
        """The current version.

        Raises
        ------
        InputError
            When there is no index.
        StoreError
            When CURRENT or the manifest is damaged.
        """
        path = Path(path)
        for left in range(TRIES, 0, -1):
            name = current_name(path)
            try:
                return cls(path, name, read_manifest(path, name))
            except FileNotFoundError as error:
                if left == 1 or current_name(path) == name:
                    raise StoreError(f"{path} is damaged: {name} is not there.") from error
        raise AssertionError

    @classmethod
    def build(cls, path: Path, parts: Iterable[Part], about: About, *, replace: bool = False) -> IndexStore:
        """Write the rows of `parts`, one after the other, and publish them as one version.

        Rows whose vector is zero or not finite are left out and counted. Segments that an interrupted build
        left behind are used again.

        Raises
        ------
        BusyError
            When another writer holds the index, or the disk is full.
        InputError
            When there is an index already (and not `replace`), a tile id comes twice, or nothing can be indexed.
        """
        path = Path(path)
        refuse_existing(path, replace)
        with files.locked(path / ".lock"):
            parent = None
            if (path / CURRENT).exists():
                refuse_existing(path, replace)
                parent = cls._parent(path)
            builder = Builder(path)
            for descriptors, attributes in parts:
                builder.add(descriptors, attributes)
            store = cls.commit(path, builder, about, parent)
            store.sweep()
        return store

    @staticmethod
    def _parent(path: Path) -> str | None:
        """The version to be replaced; with a damaged CURRENT the newest that there is a manifest of."""
        try:
            return current_name(path)
        except StoreError:
            found = sorted((path / "manifests").glob("[0-9]" * 8 + "-*.json"))
            return found[-1].relative_to(path).as_posix() if found else None

    @classmethod
    def commit(cls, path: Path, builder: Builder, about: About, parent: str | None) -> IndexStore:
        """Publish what a builder has written as the version after `parent`; the lock is held."""
        if builder.first is None or not builder.refs:
            raise InputError("There is nothing to index: every tile is blank or its descriptor means nothing.")
        fingerprint = plain(about.fingerprint)
        manifest = Manifest(
            version=1 + (int(parent[10:18]) if parent else 0), parent=parent, package=__version__,
            created_by=about.created_by, dim=builder.first.dim, space=builder.first.space.value, crs=about.crs,
            cell_m=float(about.cell_m), px=about.px, model=about.model, fingerprint=fingerprint,
            fingerprint_digest=files.digest(fingerprint), legend_digest=about.legend_digest, segments=builder.refs,
            counts=Counts(tiles=len(builder.seen), blank=about.blank, failed=builder.failed),
            canaries=[list(map(float, vector)) for vector in about.canaries], canary_file=about.canary_file,
            sources=counted(about.sources, builder.failed_of), pictures=about.pictures,
        )
        if about.canary_file is not None and about.canary_bytes:
            publish_once(path / about.canary_file.file, about.canary_bytes, about.canary_file)
        return cls._publish(path, manifest)

    @classmethod
    def _publish(cls, path: Path, manifest: Manifest) -> IndexStore:
        return cls(path, publish_version(path, manifest), manifest)

    def calibrated(self, calibration: Calibration) -> IndexStore:
        """Publish the same rows as a new version that holds this calibration; see `with_changes`."""
        return self.with_changes({"calibration": calibration})

    def with_changes(self, changed: Mapping[str, Any]) -> IndexStore:
        """Publish the same rows as a new version in which these fields of the manifest are others.

        Raises
        ------
        BusyError
            When another writer holds the index, or has published another version since this one was opened.
        """
        with files.locked(self.path / ".lock"):
            if current_name(self.path) != self.name:
                raise BusyError(f"The index {self.path} was changed while it was being calibrated; calibrate it again.")
            store = self.following(changed)
            store.sweep()
        return store

    def following(self, changed: Mapping[str, Any]) -> IndexStore:
        """Publish a next version in which these fields of the manifest are others; the lock is held."""
        values = {name: getattr(self.manifest, name) for name in Manifest.model_fields}
        numbered = {"version": self.manifest.version + 1, "parent": self.name, "package": __version__}
        return self._publish(self.path, Manifest(**values | dict(changed) | numbered))

    def require(self, fingerprint: Mapping[str, Any]) -> None:
        """MismatchError, naming the fields that differ, unless the eye is the one that built the index."""
        require_same(self.manifest.fingerprint, fingerprint)

    def load(self) -> Part:
        """All rows in the manifest's order, removed ones left out, every checksum verified."""
        rows, table = self._rows(self.manifest.segments, self.manifest.tombstones)
        if len(rows) != self.manifest.counts.tiles:
            raise StoreError(f"{self.path} is damaged: {len(rows)} rows are left where the manifest says "
                             f"{self.manifest.counts.tiles}.")
        return rows, table

    def load_current(self) -> tuple[IndexStore, Part]:
        """This version and its rows; where a writer has swept it in the meantime, those of the current version.

        Raises
        ------
        StoreError
            When a file is damaged, or missing though no newer version was published.
        MismatchError
            When the newer version is of another model.
        """
        store = self
        for left in range(TRIES, 0, -1):
            try:
                return store, store.load()
            except segments.VanishedError:
                newer = IndexStore.open(self.path)
                if left == 1 or newer.name == store.name:
                    raise
                newer.require(self.manifest.fingerprint)
                store = newer
        raise AssertionError

    def load_members(self) -> Part:
        """The pictures that the rows of an index of pictures were made of: the rows themselves where each is one.

        Raises
        ------
        InputError
            When it is an index of tiles.
        """
        if self.manifest.pictures is None:
            raise InputError(f"{self.path} is an index of tiles, not of pictures; build one with: georetrieval index "
                             "build NAME --pictures LIST --model RUN.")
        return self._rows(self.manifest.pictures.members or self.manifest.segments)

    def _rows(self, refs: Iterable[SegmentRef], gone: Collection[str] = ()) -> Part:
        tables = [segments.without(segments.read_segment(self.path, ref, self.manifest.dim), gone) for ref in refs]
        table = pa.concat_tables(tables).combine_chunks() if len(tables) > 1 else tables[0]
        descriptors = segments.descriptors_of(table, self.manifest.dim, self.manifest.metric_space)
        return descriptors, table.drop_columns(["vector"])

    def source(self) -> tuple[IndexStore, HeldRows]:
        """The current version, and its rows for questions."""
        store, rows = self.load_current()
        return store, HeldRows(rows)

    def gallery(self, *, index: str = "exact") -> Gallery:
        """The rows behind an index, ready to be searched."""
        descriptors, table = self.load_current()[1]
        return Gallery.of(descriptors, attributes=table, fingerprint=self.manifest.fingerprint, index=index)

    def info(self) -> dict[str, Any]:
        """The manifest for people: without vectors, with sizes and dates added up."""
        chosen = read_record(self.path, self.manifest)
        return described(self.path, self.manifest) | {"search": chosen.told() if chosen else "exact"}

    def canaries(self) -> Canaries | None:
        """The pictures that are kept with it; None where none are.

        Raises
        ------
        StoreError
            When their file is damaged or lost.
        """
        ref = self.manifest.canary_file
        return read_canaries(self.path, ref) if ref else None

    def verify(self) -> Check:
        """Read every byte of this version again: checksums, rows, columns, values, tile ids."""
        return check_version(self.path, self.name)

    def sweep(self) -> None:
        """Remove what the last versions do not name and nobody can still be reading; the lock is held."""
        sweep(self.path, self.name)


def described(path: object, m: Manifest) -> dict[str, Any]:
    """A manifest for people: without vectors, with sizes and dates added up."""
    return {
        "index": str(path), "version": m.version, "tiles": m.counts.tiles, "blank": m.counts.blank,
        "failed": m.counts.failed, "dim": m.dim, "space": m.space, "crs": m.crs or "none", "cell_m": m.cell_m,
        "px": m.px, "overlap": m.overlap, "zooms": m.zooms,
        "model": m.model, "fingerprint": m.fingerprint_digest, "legend": m.legend_digest,
        "canaries": len(m.canaries) if m.canary_file else "none kept: the index was built before",
        "sources": m.told_sources, "segments": len(m.files), "bytes": sum(s.bytes for s in m.files),
        "made_by": m.created_by, "package": m.package,
        "calibration": None if m.calibration is None else asdict(m.calibration),
        "pictures": None if m.pictures is None else m.pictures.told(),
    }


def refuse_existing(path: Path, replace: bool) -> None:
    """InputError when there is an index at `path` that may not be replaced, or no folder."""
    if (path / CURRENT).exists() and not replace:
        raise InputError(f"There is an index at {path} already; choose another name or pass --replace.")
    if path.exists() and not path.is_dir():
        raise InputError(f"{path} is a file; an index is a folder.")
    ours = {CURRENT, "manifests", "segments", "canaries", FOLDER, "damaged", "work", ".lock"}
    if path.is_dir() and not (path / CURRENT).exists():
        foreign = sorted(p.name for p in path.iterdir()
                         if p.name not in ours and not p.name.startswith(files.TEMPORARY_PREFIX))
        if foreign:
            raise InputError(f"{path} holds other files, such as {foreign[0]}; choose another place for the index.")


def list_indexes(folder: Path) -> list[dict[str, Any]]:
    """One row per index in a folder, by name; a damaged one is listed with its problem."""
    rows = []
    for path in sorted(p for p in Path(folder).glob("*") if (p / CURRENT).exists() or (p / "manifests").is_dir()):
        row: dict[str, Any] = {"name": path.name, "version": None, "tiles": None, "dim": None, "dates": None,
                               "scopes": None, "model": None, "problem": None}
        try:
            m = IndexStore.open(path).manifest
            row |= {"version": m.version, "tiles": m.counts.tiles, "dim": m.dim, "model": m.model}
            row |= {f"{word}s": sorted({str(s[word]) for s in m.sources if word in s}) for word in ("date", "scope")}
        except (StoreError, InputError) as error:
            row["problem"] = str(error)
        rows.append(row)
    return rows
