"""Reading every byte of an index again; nothing has to be whole for it to begin."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from georetrieval.errors import InputError, StoreError
from georetrieval.search import segments
from georetrieval.search.canaries import read_canaries
from georetrieval.search.kept_ann import problem_of
from georetrieval.search.manifest import CURRENT, Manifest, SegmentRef, current_name, read_manifest
from georetrieval.search.sweeping import kept_versions, leftovers, readable


@dataclass(frozen=True)
class Check:
    """What `verify` found of the current version (None and 0 where there is none); whole without `problems`.

    `canaries` is how many pictures it holds that prove which net built it. `derived` says what is wrong with files that
    are made of the rows and can be made again: the answers stay right.
    """

    version: int | None
    rows: int
    segments: int
    bytes: int
    problems: tuple[str, ...] = field(default=())
    leftovers: tuple[str, ...] = field(default=())
    canaries: int = 0
    derived: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Version:
    """A manifest of an index and all that is wrong with what it names.

    Attributes
    ----------
    name : "manifests/<version>-<sha256>.json", or what else lies there
    manifest : None when it cannot be read
    problems : sentences
    bad : files of rows that are damaged or not there
    unproved : so is the file of its canaries
    """

    name: str
    manifest: Manifest | None
    problems: tuple[str, ...] = ()
    bad: tuple[SegmentRef, ...] = ()
    unproved: bool = False

    @property
    def number(self) -> int:
        """By its name; 0 when that is not a version's."""
        digits = self.name.removeprefix("manifests/")[:8]
        return int(digits) if digits.isdecimal() else 0

    @property
    def whole(self) -> bool:
        """Whether it can be read, and every byte that it names."""
        return self.manifest is not None and not self.problems


class Inspector:
    """Reads each file of an index once, however many versions name it."""

    def __init__(self, index: Path) -> None:
        self.index = Path(index)
        self._seen: dict[tuple[str, int, int], tuple[Any, str]] = {}
        self._canaries: dict[str, str] = {}

    def versions(self) -> list[Version]:
        """All versions that there are manifests of, from new to old (the last written first, of the same number)."""
        found = [path for path in (self.index / "manifests").glob("*.json") if not path.name.startswith(".")]
        found.sort(key=lambda path: (path.name[:8], path.lstat().st_mtime_ns, path.name), reverse=True)
        return [self.version(f"manifests/{path.name}") for path in found]

    def version(self, name: str) -> Version:
        """One of them."""
        try:
            manifest = read_manifest(self.index, name)
        except FileNotFoundError:
            return Version(name, None, (f"{self.index} is damaged: {name} is not there.",))
        except StoreError as error:
            return Version(name, None, (str(error),))
        problems, bad, ids = [], [], []
        for ref in manifest.files:
            names, problem = self._look(ref, manifest)
            problems += [problem] if problem else []
            bad += [ref] if names is None else []
            ids += [names] if names is not None and ref in manifest.segments else []
        problems += [] if bad else _wrong_ids(pa.chunked_array(ids, pa.string()), manifest.tombstones)
        unproved = self._unproved(manifest)
        problems += [unproved] if unproved else []
        return Version(name, manifest, tuple(problems), tuple(bad), bool(unproved))

    def _unproved(self, manifest: Manifest) -> str:
        """What is wrong with the file of the canaries."""
        ref = manifest.canary_file
        if ref is not None and ref.file not in self._canaries:
            self._canaries[ref.file] = ""
            try:
                read_canaries(self.index, ref)
            except StoreError as error:
                self._canaries[ref.file] = str(error)
        return "" if ref is None else self._canaries[ref.file]

    def _look(self, ref: SegmentRef, manifest: Manifest) -> tuple[Any, str]:
        """Tile ids of a file, None when it cannot be read; and what is wrong with it."""
        key = (ref.sha256, ref.rows, manifest.dim)
        if key not in self._seen:
            self._seen[key] = self._read(ref, manifest)
        return self._seen[key]

    def _read(self, ref: SegmentRef, manifest: Manifest) -> tuple[Any, str]:
        try:
            table = segments.read_segment(self.index, ref, manifest.dim)
        except StoreError as error:
            return None, str(error)
        rows = segments.descriptors_of(table, manifest.dim, manifest.metric_space)
        useless = int((~rows.valid).sum())
        told = f"{ref.file} holds {useless} vectors that are zero or not finite." if useless else ""
        return table.column("tile_id").combine_chunks(), told


def verify(index: Path) -> Check:
    """Read every byte of an index: CURRENT, its version, and the older versions that are still there.

    Raises
    ------
    InputError
        When the folder is no index at all.
    """
    index = Path(index)
    inspector = Inspector(index)
    problems: list[str] = []
    try:
        current: Version | None = inspector.version(current_name(index))
    except InputError:
        if not (index / "manifests").is_dir():
            raise
        current = None
    except StoreError as error:
        current, problems = None, [str(error)]
    problems += current.problems if current else []
    for other in inspector.versions():
        if current is None or other.name != current.name:
            problems += [problem for problem in other.problems if problem not in problems]
    return _told(index, current, tuple(problems))


def check_version(index: Path, name: str) -> Check:
    """Read every byte of one version."""
    version = Inspector(index).version(name)
    return _told(index, version, version.problems)


def _told(index: Path, version: Version | None, problems: tuple[str, ...]) -> Check:
    if version is None or version.manifest is None:
        names = readable(index)
        return Check(None, 0, 0, 0, problems, _unused(index, names))
    m = version.manifest
    rows = m.counts.tiles if not version.bad else sum(ref.rows for ref in m.segments if ref not in version.bad)
    return Check(m.version, rows, len(m.files), sum(ref.bytes for ref in m.files), problems,
                 _unused(index, kept_versions(index, version.name)), m.canary_file.rows if m.canary_file else 0,
                 tuple(filter(None, [problem_of(index, m)])))


def _unused(index: Path, kept: list[str]) -> tuple[str, ...]:
    return tuple(str(path.relative_to(index)) for path in leftovers(index, kept))


def _wrong_ids(ids: Any, tombstones: list[str]) -> list[str]:
    """What is wrong with the tile ids of a version whose files can all be read."""
    problems = []
    twice = len(ids) - pc.count_distinct(ids).as_py()
    if twice:
        problems.append(f"{twice} tile ids occur more than once.")
    missing = sorted(set(tombstones) - set(ids.filter(pc.is_in(ids, pa.array(tombstones, pa.string()))).to_pylist()))
    if missing or len(set(tombstones)) != len(tombstones):
        problems.append(f"{len(missing)} rows are said to be removed and are in no segment, such as "
                        f"{(missing or tombstones)[0]}.")
    return problems


def is_index(index: Path) -> bool:
    """Whether something of an index is there, whatever state it is in."""
    return any((index / name).exists() for name in (CURRENT, "manifests", "segments"))
