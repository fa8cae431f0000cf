"""What a person gives as pictures: files, folders, lists and drawings become one list, and are looked at bit by bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from georetrieval.embedding import embed
from georetrieval.errors import InputError
from georetrieval.files import publish, scratch_folder
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe.checked_masks import check_masks
from georetrieval.samples import masks
from georetrieval.samples.images import SUFFIXES
from georetrieval.samples.listing import NAME, Listing
from georetrieval.samples.sample import Subset
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.row_ids import row_id

CHUNK = 64
"""Pictures in memory at once."""
PLAIN_PX = 128
"""Size at which pictures are shown to an eye that takes any."""
PROOF_BYTES = 64 << 20
Box = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Looked:
    """Some rows of a list after they were looked at.

    Attributes
    ----------
    descriptors : of those that could be read, in order
    rows : (n,) their rows in the list
    damaged : one sentence for each that could not
    """

    descriptors: Descriptors | None
    rows: tuple[int, ...]
    damaged: tuple[str, ...]


def listed(words: Sequence[Path], *, key: str = "", scope: str | None = None, role: str = "image") -> Listing:
    """One list of files, folders and lists.

    Parameters
    ----------
    key : of pictures that come without one
    scope : of all pictures, whatever a list says; None leaves it
    role : of pictures that come without a list

    Raises
    ------
    InputError
        When something is not there, or a folder holds no picture.
    """
    parts = []
    for word in words:
        try:
            parts.append(_one(Path(word), key, role))
        except OSError as error:  # a name that is too long, a folder that may not be looked into
            raise InputError(f"{str(word)[:200]} cannot be read: {error.strerror or error}.") from error
    whole = joined(parts)
    return whole if scope is None else replace(whole, scopes=np.full(len(whole), scope))


def joined(parts: Sequence[Listing]) -> Listing:
    """Several lists as one, with paths from where the program runs."""
    if not parts:
        raise InputError("There is no picture; give files, folders of them, or a list.")
    if len(parts) == 1:
        return parts[0]
    files = [str(path) for part in parts for path in part.paths]
    columns = [np.concatenate([getattr(part, name) for part in parts])
               for name in ("keys", "scopes", "roles", "parts", "groups", "boxes")]
    return Listing(Path(), np.asarray(files), *columns)


def _one(path: Path, key: str, role: str) -> Listing:
    if path.suffix.lower() == ".csv" or (path.is_dir() and (path / NAME).is_file()):
        return Listing.read(path)
    if path.is_dir():
        own = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        return _plain(path, [file.name for file in own], key, role) if own else Listing.read(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}; give picture files, a folder of them, or a list.")
    return _plain(path.parent, [path.name], key, role)


def _plain(folder: Path, names: Sequence[str], key: str, role: str) -> Listing:
    count = len(names)
    nothing = np.full(count, "")
    return Listing(folder, np.asarray(names), np.full(count, key), nothing, np.full(count, role), nothing, nothing,
                   np.full((count, 4), np.nan))


def told(listing: Listing, row: int) -> str:
    """What a row is called to people: its path, and its box where it has one."""
    box = listing.boxes[row]
    path = str(listing.paths[row])
    return path if np.isnan(box).any() else f"{path}#{','.join(f'{x:g}' for x in box)}"


@contextmanager
def drawn(listing: Listing, size: tuple[int, int] | None = None) -> Iterator[Listing]:
    """Lend the list with its drawings (LabelMe, SVG, GeoJSON) as masks on disk; without any it is the list itself.

    Parameters
    ----------
    size : (height, width) of the picture that a GeoJSON was drawn on
    """
    drawings = [row for row, file in enumerate(listing.files) if Path(str(file)).suffix.lower() in masks.SUFFIXES]
    with scratch_folder() as folder:
        files = [str(path.resolve()) for path in listing.paths] if drawings else listing.files.tolist()
        roles = listing.roles.tolist()
        for row in drawings:
            drawing = masks.read_drawing(listing.paths[row])
            wanted = size if drawing.size is None else None
            try:
                mask = drawing.of_key(str(listing.keys[row]), wanted)
            except InputError as error:
                raise InputError(f"{listing.paths[row]}: {error}") from error
            files[row], roles[row] = str(folder / f"{row}.png"), "mask"
            publish(folder / f"{row}.png", masks.png_of(mask))
        yield replace(listing, folder=Path() if drawings else listing.folder, files=np.asarray(files),
                      roles=np.asarray(roles))


def side_of(eye: Embedder) -> int:
    """Side in pixels at which an eye is shown pictures."""
    return int(getattr(eye, "px", PLAIN_PX))


def members_of(listing: Listing, eye: Embedder, *, crop: bool, size: tuple[int, int] | None = None,
               progress: Progress = silent) -> Descriptors:
    """Descriptors of all pictures of a list, named so that the same picture of one key has one name.

    Raises
    ------
    InputError
        When a key is missing, a picture cannot be read, or a mask tells nothing: then nothing is done at all.
    """
    bare = np.flatnonzero(listing.keys == "")
    if len(bare):
        raise InputError(f"{listing.paths[bare[0]]} has no key; give --key, a folder per key, or a list with one.")
    names = [member_name(path, _read(path), key, scope, box)
             for path, key, scope, box in zip(listing.paths, listing.keys, listing.scopes, listing.boxes, strict=True)]
    with drawn(listing, size) as pictures:
        check_masks(pictures, [told(listing, row) for row in range(len(listing))])
        samples = pictures.samples(side_of(eye), tuple(eye.bands), crop=crop)
        return replace(embed(samples, eye, even=True, progress=progress), names=np.asarray(names))


def member_name(path: Path, content: bytes, key: str, scope: str, box: Box) -> str:
    """The name of a picture in an index: the same for the same picture (and box) of one key and scope."""
    return row_id(f"{key}-{path.stem}", content + box.tobytes() + scope.encode())


def rows_names(listing: Listing, rows: Descriptors) -> npt.NDArray[np.str_]:
    """`(n,)` str: the name of the row that is the picture itself, under whatever key; its own name where none is."""
    known = set(rows.names.tolist())
    whose = sorted(set(zip(rows.keys.tolist(), rows.scopes.tolist(), strict=True)))
    names = listing.names
    for row, (path, box) in enumerate(zip(listing.paths, listing.boxes, strict=True)):
        content = _read(path)
        mine = (member_name(path, content, key, scope, box) for key, scope in whose)
        names[row] = next((name for name in mine if name in known), names[row])
    return np.asarray(names)


def looked(listing: Listing, eye: Embedder, *, crop: bool, chunk: int = CHUNK) -> Iterator[Looked]:
    """Descriptors bit by bit; a picture that cannot be read is told and left out."""
    names = np.asarray(listing.names)
    for start in range(0, len(listing), chunk):
        part = range(start, min(start + chunk, len(listing)))
        samples = listing.take(list(part)).samples(side_of(eye), tuple(eye.bands), crop=crop, keep=True)
        good, damaged = [], []
        for row in range(len(part)):
            try:
                samples.batch([row])
                good.append(row)
            except InputError as error:
                damaged.append(str(error))
        rows = tuple(start + row for row in good)
        found = replace(embed(Subset(samples, good), eye), names=names[list(rows)]) if good else None
        yield Looked(found, rows, tuple(damaged))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(PROOF_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
