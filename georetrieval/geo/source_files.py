"""The files that a survey is read from, and whether they are what a list of checksums says: the source inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from georetrieval.errors import InputError
from georetrieval.foreign import kept_inside
from georetrieval.geo.archives import ARCHIVE_SUFFIXES, VECTOR_SUFFIXES
from georetrieval.geo.beside import found_beside, names_beside
from georetrieval.geo.shapefile import READ_WITH_SHP
from georetrieval.geo.sniff import SUFFIXES
from georetrieval.geo.sums import FileSum, Sums
from georetrieval.geo.tile import Checked, Survey
from georetrieval.progress import Progress, silent

MAX_FILES = 100_000
_WITH_GPKG = ("-wal", "-journal")
_BESIDE = {path.suffix.lower() for suffix in SUFFIXES for path in names_beside(Path(f"sheet{suffix}"))}
"""Suffixes of what lies beside a sheet."""
_TOLD = 3


def pictures(folder: Path) -> list[Path]:
    """All sheets below a folder, by their names."""
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))


def photo_files(photos: Path) -> dict[Path, list[Path]]:
    """Each sheet of a picture or folder, with the files that are read with it."""
    sheets = pictures(photos) if photos.is_dir() else [photos]
    inside = [path for path in sheets if path.is_file() and (not photos.is_dir() or kept_inside(path, photos))]
    return {path: [path, *(p for p in found_beside(path) if p.is_file())] for path in inside}


def vector_files_of(vectors: Path) -> list[Path]:
    """Every file that a delivery of vectors may be read from; nothing is opened.

    Raises
    ------
    InputError
        When a folder holds absurdly many files.
    """
    if vectors.is_dir():
        return sorted(p for p in _below(vectors) if _is_vector(p) and p.is_file() and kept_inside(p, vectors))
    if not vectors.is_file():
        return []
    name = vectors.name.lower()
    beside = [p for p in sorted(vectors.parent.iterdir()) if p.is_file()]
    if name.endswith(".7z.001"):
        return [p for p in beside if p.name.startswith(vectors.name[:-3]) and p.suffix[1:].isdigit()]
    if name.endswith(ARCHIVE_SUFFIXES):
        return [vectors]
    if vectors.suffix.lower() == ".shp":
        return [p for p in beside if p.stem == vectors.stem and p.suffix.lower() in READ_WITH_SHP]
    return [p for p in beside if p.name in (vectors.name, *(f"{vectors.name}{end}" for end in _WITH_GPKG))]


def all_files(root: Path) -> list[Path]:
    """Every file at or below a path that tiles or an index could be read from: sheets, vectors, archives, by name.

    Raises
    ------
    InputError
        When there is none.
    """
    if not root.exists():
        raise InputError(f"There is no file or folder {root}.")
    if root.is_file():
        is_vector = _is_vector(root) or root.name.lower().endswith(ARCHIVE_SUFFIXES)
        found = vector_files_of(root) if is_vector else [p for some in photo_files(root).values() for p in some]
    else:
        beside = [p for some in photo_files(root).values() for p in some]
        archives = [p for p in _below(root) if p.is_file() and _is_archive(p)]
        found = sorted({*beside, *vector_files_of(root), *archives})
    if not found:
        raise InputError(f"{root} holds no sheets, vector layers or archives of them.")
    return found


def checked(survey: Survey, *, progress: Progress = silent) -> Survey:
    """Compare the files of a survey with its list of checksums, where it has one, before any of them is decoded.

    Sheets that differ, are not listed, or are listed and gone are not read: `Survey.checked` says why. Vectors are read
    whole or not at all.

    Raises
    ------
    InputError
        When the list is damaged, or vectors are not what it says.
    """
    if survey.sums is None or survey.checked is not None:
        return survey
    sums = Sums.read(survey.sums)
    sheets = photo_files(survey.photos) if survey.photos is not None else {}
    vectors = vector_files_of(survey.vectors) if survey.vectors is not None else []
    files = list(dict.fromkeys([*(p for some in sheets.values() for p in some), *vectors]))
    found: dict[Path, FileSum] = {}
    wrong: dict[Path, str] = {}
    for number, path in enumerate(files, 1):
        one, problem = sums.compare(path)
        if one is not None:
            found[path.absolute()] = one
        if problem:
            wrong[path] = _told(path, problem, sums)
        progress(number, len(files), f"checksums {survey.name}")
    gone = missing(sums, files, [root for root in (survey.photos, survey.vectors) if root is not None])
    _refuse_vectors(survey, [path for path in vectors if path in wrong], wrong, gone)
    refused = {path.absolute(): wrong[bad] for path, some in sheets.items() for bad in some[::-1] if bad in wrong}
    near: dict[Path, list[Path]] = {}
    for sheet in sheets:
        near.setdefault(sheet.absolute().parent, []).append(sheet.absolute())
    for path in gone:  # with what lies beside it a sheet would be another one
        picture = path.suffix.lower() in SUFFIXES
        beside = [] if picture else [sheet for sheet in near.get(path.parent, []) if _lies_beside(path, sheet)]
        refused |= dict.fromkeys(beside or [path], _told(path, "gone", sums))
    return replace(survey, checked=Checked(found, refused))


def missing(sums: Sums, files: Sequence[Path], roots: Sequence[Path]) -> list[Path]:
    """Files that a list has, that would be read at or below one of `roots`, and that are not there."""
    named = {path.absolute(): name for path in files if (name := sums.name_of(path)) is not None}
    bases = {path.parents[name.count("/")] for path, name in named.items()}
    lost = {base / name for name in sums.listed.keys() - set(named.values()) if ".." not in name for base in bases}
    return sorted(path for path in lost if _is_read(path) and not path.exists()
                  and any(_belongs(path, root.absolute()) for root in roots))


def inventory_of(survey: Survey, sums: Mapping[Path, FileSum], vectors: Collection[Path]) -> list[dict[str, Any]]:
    """The source inventory for a manifest: what each file is, its name, bytes and SHA-256.

    Parameters
    ----------
    sums
        Of every file that was read. Names are relative to the folder that the survey names, or to that of its file.
    vectors
        Those of them that the vectors are read from.
    """
    told = []
    for path, found in sorted(sums.items()):
        kind = "mapping" if path == survey.mapping else "vectors" if path in vectors else "photos"
        root: Path = getattr(survey, kind).resolve()
        folder = root if root.is_dir() else root.parent
        place = path.absolute() if path.absolute().is_relative_to(folder) else path.resolve()
        name = place.relative_to(folder).as_posix() if place.is_relative_to(folder) else path.name
        told.append({"kind": kind, "name": name, "bytes": found.bytes, "sha256": found.sha256})
    return sorted(told, key=lambda one: (one["kind"], one["name"]))


def _refuse_vectors(survey: Survey, bad: Sequence[Path], wrong: Mapping[Path, str], gone: Sequence[Path]) -> None:
    """Raise for vectors that are not what they should be, or not all there."""
    if survey.vectors is None:
        return
    lost = [path for path in gone if _belongs(path, survey.vectors.absolute())]
    told = [wrong[path] for path in bad] + [f"{path} is in the list {survey.sums} and is not there." for path in lost]
    if told:
        more = f" (and {len(told) - _TOLD} more)" if len(told) > _TOLD else ""
        raise InputError(f"The vectors of {survey.name} are not read: {' '.join(told[:_TOLD])}{more}")


def _belongs(path: Path, root: Path) -> bool:
    """Whether a file that is gone would be read from `root`: below the folder, or as a part of the file."""
    return path.is_relative_to(root) or (root.is_file() and path.parent == root.parent and path.stem == root.stem)


def _lies_beside(path: Path, sheet: Path) -> bool:
    return path.stem == sheet.stem or path.name.startswith(sheet.name)


def _told(path: Path, problem: str, sums: Sums) -> str:
    if problem == "bytes":
        return f"{path} does not have the checksum that {sums.path} gives it; fetch it again."
    if problem == "gone":
        return f"{path} is in the list {sums.path} and is not there; fetch it again."
    return (f"{path} is not in the list {sums.path}; take it away, or list it with: "
            "georetrieval sources sums.")


def _below(folder: Path) -> Iterator[Path]:
    for count, path in enumerate(folder.rglob("*")):
        if count > MAX_FILES:
            raise InputError(f"{folder} holds more than {MAX_FILES} files; give the folder of one delivery.")
        if not path.name.startswith("."):
            yield path


def _is_vector(path: Path) -> bool:
    return path.suffix.lower() in VECTOR_SUFFIXES | READ_WITH_SHP or path.name.lower().endswith(
        tuple(f".gpkg{end}" for end in _WITH_GPKG))


def _is_archive(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith((".zip", ".7z")) or (".7z." in name and path.suffix[1:].isdigit())


def _is_read(path: Path) -> bool:
    return _is_vector(path) or _is_archive(path) or path.suffix.lower() in (*SUFFIXES, *_BESIDE)
