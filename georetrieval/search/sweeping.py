"""Which files of an index a version still needs, and removing the others: the rule that lets readers take no lock.

A version is kept while it is one of the last three, and for an hour after a newer one was published: whoever opened it
before that has read it by then, or starts again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from georetrieval import files
from georetrieval.errors import StoreError
from georetrieval.search.kept_ann import FOLDER, named_by
from georetrieval.search.manifest import read_manifest

KEPT_VERSIONS = 3
KEPT_S = 3600.0


def readable(index: Path) -> list[str]:
    """Names of the versions whose manifest can be read, newest first; the current one is the first or second."""
    names = []
    for path in sorted((index / "manifests").glob("[0-9]*.json"), reverse=True):
        name = path.relative_to(index).as_posix()
        with contextlib.suppress(StoreError, FileNotFoundError):  # a damaged old version names nothing
            read_manifest(index, name)
            names.append(name)
    return names


def kept_versions(index: Path, current: str) -> list[str]:
    """Names of the versions that must stay: the current one first, then the others from new to old."""
    names = readable(index)
    young = [old for new, old in pairwise(names) if time.time() - (index / new).stat().st_mtime <= KEPT_S]
    return list(dict.fromkeys([current, *names[:KEPT_VERSIONS], *young]))


def leftovers(index: Path, kept: list[str]) -> Iterator[Path]:
    """Files of the index that no version in `kept` names: temporary ones, manifests, segments, canaries, codes."""
    used = set(kept)
    for name in kept:
        manifest = read_manifest(index, name)
        used |= manifest.paths | set(named_by(index, manifest))
    for folder in (index, *(index / name for name in ("manifests", "segments", "canaries", FOLDER))):
        for file in sorted(folder.glob("*")):
            ours = folder != index or file.name.startswith(files.TEMPORARY_PREFIX)
            if ours and str(file.relative_to(index)) not in used:
                yield file


def sweep(index: Path, current: str) -> int:
    """Remove what no version that is kept names and no interrupted writer left within the hour; the lock is held.

    Returns
    -------
    How many files were removed.
    """
    old = [file for file in leftovers(index, kept_versions(index, current))
           if time.time() - file.stat().st_mtime > KEPT_S]
    files.remove_files(old)
    return len(old)
