"""The newest version that is whole becomes the current one; what is damaged is told and set aside, never made up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from georetrieval import __version__, files
from georetrieval.errors import InputError, StoreError
from georetrieval.search import segments
from georetrieval.search.checking import Inspector, Version, is_index
from georetrieval.search.manifest import Manifest, current_name, point_to, publish_version

ASIDE = "damaged"
"""Folder inside the index to which damaged files go."""


@dataclass(frozen=True)
class Repair:
    """What `repair` did, or would do.

    Attributes
    ----------
    version, rows : of the current version now
    version_before : that CURRENT named, or the newest one where CURRENT cannot be read
    rows_before : of that version by its manifest; None when that cannot be read
    problems : all that was wrong
    aside : files that were set aside
    salvaged : the current version now was made of what is left of a damaged one
    unproved : it was published without canaries, since their file is damaged
    """

    version: int
    rows: int
    version_before: int
    rows_before: int | None
    problems: tuple[str, ...]
    aside: tuple[str, ...]
    salvaged: bool = False
    unproved: bool = False

    @property
    def lost(self) -> bool:
        """Whether the current version now has not all the rows that there were."""
        return self.salvaged or self.version < self.version_before


def repair(path: Path, *, salvage: bool = False, dry_run: bool = False, created_by: str = "georetrieval") -> Repair:
    """Make the newest version whose manifest and segments are whole the current one; nothing has to be whole to begin.

    Parameters
    ----------
    salvage
        Where the newest version that can be read has damaged segments, publish a new one of its other rows, instead of
        going back to an older one.
    dry_run
        Only say what would be done.

    Raises
    ------
    InputError
        When there is no index at all.
    StoreError
        When no version is whole, and nothing can be salvaged or was to be.
    BusyError
        When another writer holds the index.
    """
    path = Path(path)
    if not path.is_dir() or not is_index(path):
        raise InputError(f"There is no index at {path}; build one with: georetrieval index build.")
    with files.locked(path / ".lock"):
        named, problems = _named(path)
        found = Inspector(path).versions()
        problems += [problem for version in found for problem in version.problems if problem not in problems]
        chosen = _chosen(path, found, named, salvage)
        manifest = chosen.manifest
        assert manifest is not None
        if not chosen.whole:
            manifest = _left_of(path, manifest, chosen, found, created_by)
        gone = Version(named, None) if named else found[0]
        before = next((version for version in found if version.name == named), gone)
        aside = _damaged(path, found)
        if not dry_run:
            _make_current(path, manifest, chosen, named)
            files.set_aside(aside, path / ASIDE)
    return Repair(
        manifest.version, manifest.counts.tiles, before.number or manifest.version,
        before.manifest.counts.tiles if before.manifest else None, tuple(problems),
        tuple(file.relative_to(path).as_posix() for file in aside), salvaged=bool(chosen.bad), unproved=chosen.unproved)


def _named(path: Path) -> tuple[str | None, list[str]]:
    """What CURRENT names, or what is wrong with it."""
    try:
        name = current_name(path)
        return name, [] if (path / name).exists() else [f"{path} is damaged: {name} is not there."]
    except (StoreError, InputError) as error:
        return None, [str(error)]


def _chosen(path: Path, found: Sequence[Version], named: str | None, salvage: bool) -> Version:
    """The current version if it is whole, else the newest that is, or that something can be salvaged of."""
    if not found:
        raise StoreError(f"{path} holds no manifest, so nobody knows what belongs together; build the index again.")
    current = [version for version in found if version.name == named and _has_its_rows(version)]
    some = [version for version in found if _has_its_rows(version) or (salvage and _salvageable(version))]
    if current or some:
        return (current or some)[0]
    best = next((version for version in found if _salvageable(version)), None)
    if best is None or best.manifest is None:
        raise StoreError(f"No version of {path} is whole ({found[0].problems[0]}) Build the index again.")
    lost = sum(ref.rows for ref in best.bad)
    raise StoreError(f"No version of {path} is whole: of version {best.number}, the newest that can be read, "
                     f"{len(best.bad)} segments of {lost} rows are damaged. Keep its other rows with --salvage, or "
                     "build the index again.")


def _has_its_rows(version: Version) -> bool:
    """Whether nothing is wrong but the file of the canaries: without them it is whole."""
    return version.manifest is not None and len(version.problems) == int(version.unproved)


def _salvageable(version: Version) -> bool:
    """Whether rows are left of a version whose only fault is damaged segments; of pictures each row has to be one."""
    m = version.manifest
    if m is None or (m.pictures is not None and m.pictures.members):
        return False
    return len(version.problems) - int(version.unproved) == len(version.bad) < len(m.segments)


def _left_of(
    path: Path, manifest: Manifest, version: Version, found: Sequence[Version], created_by: str
) -> Manifest:
    """The next version's manifest: the files that are whole, nothing in the place of the others."""
    proof: dict[str, Any] = {"canaries": [], "canary_file": None} if version.unproved else {}
    if not version.bad:
        return manifest.model_copy(update=proof | _next(version, found, created_by))
    refs = [ref for ref in manifest.segments if ref not in version.bad]
    ids = {name for ref in refs
           for name in segments.read_segment(path, ref, manifest.dim).column("tile_id").to_pylist()}
    tombstones = sorted(ids & set(manifest.tombstones))
    values = {name: getattr(manifest, name) for name in Manifest.model_fields} | {
        "segments": refs, "tombstones": tombstones, "calibration": None,
        "counts": manifest.counts.model_copy(update={"tiles": len(ids) - len(tombstones)}),
    }
    return Manifest(**values | proof | _next(version, found, created_by))


def _next(version: Version, found: Sequence[Version], created_by: str) -> dict[str, Any]:
    return {"version": 1 + max(other.number for other in found), "parent": version.name, "package": __version__,
            "created_by": created_by}


def _damaged(path: Path, found: Sequence[Version]) -> list[Path]:
    """Segments that are damaged, then the manifests of the versions that are not whole for it.

    In this order a repair that is killed in between finds them again: without its manifest nobody looks at a segment.
    """
    manifests = [path / version.name for version in found if not version.whole]
    bad = dict.fromkeys(path / ref.file for version in found for ref in version.bad)
    proofs = dict.fromkeys(path / version.manifest.canary_file.file for version in found
                           if version.unproved and version.manifest and version.manifest.canary_file)
    return [file for file in (*bad, *proofs, *manifests) if file.is_file() or file.is_symlink()]


def _make_current(path: Path, manifest: Manifest, chosen: Version, named: str | None) -> None:
    if not chosen.whole:
        publish_version(path, manifest)
    elif chosen.name != named:
        point_to(path, chosen.name)
