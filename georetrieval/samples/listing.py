"""Lists of pictures: which files, what they show, what part they play. One CSV file beside the pictures.

Its columns:

- `file`: path of the picture, from the list's folder (required)
- `key`: the identity that a match is judged by (required; may be empty where it is not known)
- `scope`: whom a query may meet; "" is one scope for all
- `role`: `image`, or `mask`: a picture of two values
- `part`: `train`, `validation`, `test`, `gallery` or ""
- `group`: what belongs together in time: pictures of one group are near copies of each other
- `x0 y0 x1 y1`: rectangle in pixels of the file, from its top left corner; all four, or none
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.files import publish
from georetrieval.samples.images import SUFFIXES, picture_files
from georetrieval.samples.listed import ListedSamples

Texts = npt.NDArray[np.str_]
Boxes = npt.NDArray[np.float64]
Which = npt.NDArray[np.int64] | npt.NDArray[np.bool_] | Sequence[int]

NAME = "pictures.csv"
"""The list of a folder of pictures."""
ROLES = ("image", "mask")
PARTS = ("train", "validation", "test", "gallery", "")
COLUMNS = ("file", "key", "scope", "role", "part", "group")
CORNERS = ("x0", "y0", "x1", "y1")
MAX_ROWS = 5_000_000
"""A longer list is refused; it would not fit into memory with its pictures."""


@dataclass(frozen=True, eq=False)
class Listing:
    """Pictures and, row by row, what is known of them. Lists are taken too and become arrays.

    Attributes
    ----------
    folder
        Where the paths of `files` start.
    files, keys, scopes, roles, parts, groups
        `(n,)` str, see the module.
    boxes
        `(n, 4)` float64, x0, y0, x1, y1 in pixels of the file; NaN where there is none.

    Raises
    ------
    InputError
        For lengths that differ, an unknown role or part, an empty box, or a file that comes twice with one box.
    """

    folder: Path
    files: Texts
    keys: Texts
    scopes: Texts
    roles: Texts
    parts: Texts
    groups: Texts
    boxes: Boxes

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))
        object.__setattr__(self, "boxes", np.asarray(self.boxes, dtype=np.float64).reshape(-1, 4))
        for field in ("files", "keys", "scopes", "roles", "parts", "groups"):
            texts = np.asarray(getattr(self, field), dtype=np.str_).reshape(-1)
            object.__setattr__(self, field, texts)
            if len(texts) != len(self.boxes):
                raise InputError(f"A list of {len(self.boxes)} boxes has {len(texts)} {field}; give one for each.")
        self._check()

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def paths(self) -> list[Path]:
        """Of the files."""
        return [self.folder / file for file in self.files]

    @property
    def names(self) -> list[str]:
        """What tells each row from every other one: its file, and its box where a file comes more than once."""
        values, place, counts = np.unique(self.files, return_inverse=True, return_counts=True)
        again = counts[place] > 1 if len(values) else np.zeros(0, np.bool_)
        return [f"{file}#{','.join(f'{x:g}' for x in box)}" if twice else str(file)
                for file, box, twice in zip(self.files, self.boxes, again, strict=True)]

    @property
    def boxed(self) -> npt.NDArray[np.bool_]:
        """`(n,)` bool: rows that have a box."""
        return np.asarray(~np.isnan(self.boxes).any(axis=1))

    def take(self, which: Which) -> Listing:
        """Some rows (positions or a mask), in the order asked."""
        rows = np.asarray(which)
        rows = rows if rows.size else rows.astype(np.int64)
        columns = (self.files, self.keys, self.scopes, self.roles, self.parts, self.groups, self.boxes)
        return Listing(self.folder, *(column[rows] for column in columns))

    def samples(self, px: int, bands: tuple[str, ...] = ("r", "g", "b"), *, crop: bool = False,
                keep: bool = False) -> ListedSamples:
        """The pictures as samples of `px` x `px` pixels, read when they are asked for.

        Parameters
        ----------
        bands
            Any of `r g b grey`; a mask is 0 or 1, in three equal bands.
        crop
            Cut rows that have a box out of their file; else the whole picture is shown.
        keep
            Hold what was read in memory, for sets that are read again and again.
        """
        boxes = [tuple(map(float, box)) if crop and has else None
                 for box, has in zip(self.boxes, self.boxed, strict=True)]
        return ListedSamples(
            self.paths, boxes, [role == "mask" for role in self.roles], px=px, bands=bands, keys=self.keys.tolist(),
            names=self.names, scopes=self.scopes.tolist(), keep=keep,
        )

    def write(self, path: Path) -> Path:
        """Publish the list as CSV; a folder gets it as `pictures.csv`. Returns the file."""
        path = Path(path)
        path = path if path.suffix.lower() == ".csv" else path / NAME
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        with_boxes = bool(self.boxed.any())
        writer.writerow([*COLUMNS, *(CORNERS if with_boxes else ())])
        moved = path.parent.resolve() != self.folder.resolve()
        for row in range(len(self)):
            file = os.path.relpath(self.paths[row], path.parent) if moved else str(self.files[row])
            box = ["" if np.isnan(x) else f"{x:.10g}" for x in self.boxes[row]] if with_boxes else []
            writer.writerow([Path(file).as_posix(), *(str(getattr(self, f"{name}s")[row]) for name in COLUMNS[1:]),
                             *box])
        publish(path, text.getvalue().encode())
        return path

    @classmethod
    def read(cls, path: Path, *, group: str | None = None) -> Listing:
        """Read a list: a CSV file; a folder with `pictures.csv`; or a folder with one sub-folder of pictures per key.

        Parameters
        ----------
        group
            For sub-folders: a regular expression that is looked for in the file's name; what its first parenthesis
            (or the whole of it) finds is the group. None leaves the groups empty.

        Raises
        ------
        InputError
            When there is no such list, a column or a file is missing, or a row makes no sense.
        """
        path = Path(path)
        if path.is_dir() and not (path / NAME).is_file():
            return _of_folders(path, group)
        return _of_csv(path / NAME if path.is_dir() else path)

    def _check(self) -> None:
        for what, values, known in (("role", self.roles, ROLES), ("part", self.parts, PARTS)):
            strange = sorted(set(values.tolist()) - set(known))
            if strange:
                raise InputError(f"The {what} {strange[0]!r} is unknown; give one of "
                                 f"{', '.join(name or 'nothing' for name in known)}.")
        some = ~np.isnan(self.boxes)
        whole = some.all(axis=1)
        bad = np.flatnonzero((some.any(axis=1) & ~whole) | (whole & ~_not_empty(self.boxes)))
        if len(bad):
            raise InputError(f"The box of {self.files[bad[0]]} is not x0 < x1, y0 < y1 in pixels; give all four "
                             "corners or none.")
        if len(set(self.names)) < len(self):
            self._refuse_twice()

    def _refuse_twice(self) -> None:
        names = np.asarray(self.names)
        values, first = np.unique(names, return_index=True)
        row = int(np.setdiff1d(np.arange(len(self)), first)[0])
        assert len(values) < len(self)
        if not self.boxed[row]:
            raise InputError(f"{self.files[row]} is in the list twice without a box; a picture comes once, or once "
                             "with each box.")
        raise InputError(f"{names[row]} is in the list twice with the same box; a picture and box come once.")


def _not_empty(boxes: Boxes) -> npt.NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        return np.asarray((boxes[:, 0] < boxes[:, 2]) & (boxes[:, 1] < boxes[:, 3]) & np.isfinite(boxes).all(axis=1))


def _of_csv(path: Path) -> Listing:
    if not path.is_file():
        raise InputError(f"{path} does not exist; give a list of pictures (CSV), or a folder of them.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            header = tuple(reader.fieldnames or ())
            rows = list(islice(reader, MAX_ROWS + 1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a list of pictures (CSV, UTF-8): {error}.") from error
    missing = [name for name in ("file", "key") if name not in header]
    if missing:
        raise InputError(f"{path} has no column {missing[0]!r} among {', '.join(header) or 'nothing'}; a list of "
                         "pictures has at least the columns file and key.")
    if not 0 < len(rows) <= MAX_ROWS:
        raise InputError(f"{path} lists {'no' if not rows else 'too many'} pictures; 1 to {MAX_ROWS} make a list.")
    values = {name: [(row.get(name) or "").strip() for row in rows] for name in COLUMNS}
    values["role"] = [role or "image" for role in values["role"]]
    gone = next((n for n, name in enumerate(values["file"], 2) if not name or not (path.parent / name).is_file()), None)
    if gone is not None:
        what = values["file"][gone - 2] or "without a name"
        raise InputError(f"{path}, line {gone}: the file {what} is not there; paths start at the list's folder.")
    try:
        return _made(path.parent, values, np.asarray(list(_boxes(rows)), np.float64))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _boxes(rows: Sequence[dict[str, str]]) -> Iterator[list[float]]:
    for line, row in enumerate(rows, 2):
        try:
            yield [float(row.get(name) or "nan") for name in CORNERS]
        except ValueError as error:
            raise InputError(f"line {line} has a box that is not four numbers.") from error


def _of_folders(path: Path, group: str | None) -> Listing:
    folders = sorted(folder for folder in path.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    found = [(folder.name, file) for folder in folders for file in sorted(folder.rglob("*"))
             if file.is_file() and file.suffix.lower() in SUFFIXES]
    if not found:
        if not folders:
            picture_files(path)  # says what is wrong with a folder without any picture
        raise InputError(f"{path} holds neither {NAME} nor one folder of pictures per key; give a list, or sort the "
                         "pictures into folders.")
    try:
        pattern = re.compile(group or "(?!)")
    except re.error as error:
        raise InputError(f"The group {group!r} is no regular expression: {error}.") from error
    hits = [pattern.search(file.stem) for _, file in found]
    groups = ["" if hit is None else hit.group(1 if pattern.groups else 0) or "" for hit in hits]
    nothing = [""] * len(found)
    files = [file.relative_to(path).as_posix() for _, file in found]
    columns = {"file": files, "key": [key for key, _ in found], "scope": nothing, "role": ["image"] * len(found),
               "part": nothing, "group": groups}
    return _made(path, columns, np.full((len(found), 4), np.nan))


def _made(folder: Path, columns: Mapping[str, Sequence[str]], boxes: Boxes) -> Listing:
    return Listing(folder, boxes=boxes, **{f"{name}s": np.asarray(columns[name], np.str_) for name in COLUMNS})
