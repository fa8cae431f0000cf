"""What goes in and what comes out: a dated survey of one place, and a tile of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from georetrieval.errors import UsageError
from georetrieval.geo.grid import Bounds, Cell, TileGrid
from georetrieval.geo.sums import FileSum

BAND_ORDER = ("r", "g", "b", "grey", "classes")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,19}")


@dataclass(frozen=True)
class Checked:
    """What came of comparing a survey's files with its list of checksums.

    Attributes
    ----------
    found
        Of each file, by its absolute path; left behind when a survey goes to another process.
    refused
        Why a sheet is not to be read, by its absolute path.
    """

    found: Mapping[Path, FileSum]
    refused: Mapping[Path, str]

    def __reduce__(self) -> tuple[Any, ...]:
        return Checked, ({}, dict(self.refused))


@dataclass(frozen=True)
class Survey:
    """One dated survey of one place: photos, vectors or both.

    Attributes
    ----------
    scope
        Département code ("57") or name of a frame ("town"): letters, digits, `_` and `.`, at most 20.
    date
        "2004" or "2004-07-15".
    photos
        A picture, or a folder of sheets of one mosaic.
    vectors
        A delivery, as `inspect` reads it.
    mapping, encoding
        For vectors that are not BD TOPO, or whose text is not read as it should.
    crs
        CRS of files that do not say theirs.
    bounds
        Where a single picture without georeference lies.
    sums
        List of checksums that every file has to have, as `sha256sum` writes it.
    checked
        What `source_files.checked` found by that list.

    Raises
    ------
    UsageError
        When a word does not fit or there is nothing to read.
    """

    scope: str
    date: str
    photos: Path | None = None
    vectors: Path | None = None
    mapping: Path | None = None
    crs: str | None = None
    encoding: str | None = None
    bounds: Bounds | None = None
    sums: Path | None = None
    checked: Checked | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not _WORD.fullmatch(self.scope):
            raise UsageError(f"A scope is 1 to 20 letters, digits, _ or . (such as 57 or town); found {self.scope!r}.")
        if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", self.date):
            raise UsageError(f"A date is a year, or a year, month and day (2004, 2004-07-15); found {self.date!r}.")
        if self.photos is None and self.vectors is None:
            raise UsageError(f"The survey {self.name} names neither photos nor vectors; give at least one of them.")

    @property
    def name(self) -> str:
        """Folder of the survey in a tile set: "57-2004"."""
        return f"{self.scope}-{self.date}"


@dataclass(frozen=True)
class Tile:
    """Named bands on one cell.

    Attributes
    ----------
    bands
        Names in the order of `pixels`: some of r, g, b, grey, classes.
    pixels
        (C, H, W) uint8; row 0 is the northern one; 0 where there is no photo.
    photo_share
        Share of the pixels that hold photo, 0..1; 0 in a survey of vectors alone.
    """

    cell: Cell
    bands: tuple[str, ...]
    pixels: NDArray[np.uint8]
    photo_share: float


def tile_id(scope: str, date: str, grid: TileGrid, cell: Cell) -> str:
    """Name of one tile, unique in a tile set: "57-2004-E0905250N6930500-250"."""
    return f"{scope}-{date}-{grid.name(cell)}-{grid.cell_m}"


def key(scope: str, grid: TileGrid, cell: Cell) -> str:
    """Name of the place of a tile, the same at every date: "57-E0905250N6930500"."""
    return f"{scope}-{grid.name(cell)}"


def as_plain(survey: Survey) -> dict[str, Any]:
    """A survey as plain values, for a manifest."""
    named = {one.name: getattr(survey, one.name) for one in fields(survey) if one.name != "checked"}
    plain = {name: str(value) if isinstance(value, Path) else value for name, value in named.items()}
    return {name: value for name, value in plain.items() if value is not None}
