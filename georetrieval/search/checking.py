"""Reading every byte of an index again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from georetrieval.errors import StoreError
from georetrieval.search import segments
from georetrieval.search.manifest import Manifest
from georetrieval.search.sweeping import kept_versions, leftovers


@dataclass(frozen=True)
class Check:
    """What `verify` found: `problems` is empty when the version is whole."""

    version: int
    rows: int
    segments: int
    bytes: int
    problems: tuple[str, ...] = field(default=())
    leftovers: tuple[str, ...] = field(default=())


def check_version(index: Path, name: str, manifest: Manifest) -> Check:
    """Read every byte of a version again: checksums, rows, columns, values, tile ids."""
    problems: list[str] = []
    names: list[str] = []
    for ref in manifest.files:
        try:
            table = segments.read_segment(index, ref, manifest.dim)
        except StoreError as error:
            problems.append(str(error))
            continue
        rows = segments.descriptors_of(table, manifest.dim, manifest.metric_space)
        names += rows.names.tolist() if ref in manifest.segments else []
        if not rows.valid.all():
            problems.append(f"{ref.file} holds {int((~rows.valid).sum())} vectors that are zero or not finite.")
    if len(set(names)) != len(names):
        problems.append(f"{len(names) - len(set(names))} tile ids occur more than once.")
    missing = set(manifest.tombstones) - set(names)
    if missing and not problems:
        problems.append(f"{len(missing)} rows are said to be removed and are in no segment, such as {min(missing)}.")
    unused = tuple(str(path.relative_to(index)) for path in leftovers(index, kept_versions(index, name)))
    return Check(manifest.version, len(names) - len(set(names) & set(manifest.tombstones)), len(manifest.files),
                 sum(ref.bytes for ref in manifest.files), tuple(problems), unused)
