"""Making one block: read, paint, write two sheets, and keep a record of what it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from georetrieval.errors import InputError, UsageError
from georetrieval.files import canonical_json, publish, sha256_file
from georetrieval.geo.blocks import Block
from georetrieval.geo.grid import Cell, TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.palette import write_classes, write_photo
from georetrieval.geo.sniff import opened
from georetrieval.geo.survey_inputs import Inputs
from georetrieval.geo.tile import Survey, key, tile_id

MAKER = 3
"""Raised when the same inputs would give other pixels: the records of older makers are then not reused."""

CONSTANT_LEVELS = 2
"""A photo whose brightest and darkest pixel differ by no more than this, in every band, is blank."""

SQUARES = 16
DARK = 8.0
"""A square whose mean is at most this (of 255) shows nothing. *Source*: with 16 x 16 squares and 97 % this gives the
numbers of tiles that REFERENCE.md E publishes for the photographs of one town (92, 71, 76, 94, 72)."""


@dataclass(frozen=True)
class Settings:
    """What the pixels of a tile set depend on beside the surveys."""

    grid: TileGrid
    px: int
    legend: Legend
    min_photo_share: float

    def __post_init__(self) -> None:
        if not 0 <= self.min_photo_share <= 1:
            raise UsageError(f"The least share of photo is 0 to 1; found {self.min_photo_share}.")


@dataclass(frozen=True)
class CellRow:
    """What is known of one cell.

    Attributes
    ----------
    blank
        One colour all over, or nothing at all.
    counts
        Pixels per class, in the legend's order; empty without vectors.
    """

    col: int
    row: int
    blank: bool
    photo_share: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Record:
    """A finished block: the digest of its inputs, the checksums of its files, its rows."""

    digest: str
    files: Mapping[str, str]
    rows: tuple[CellRow, ...]


def sheet_path(folder: Path, kind: str, name: str) -> Path:
    """Where a sheet of photo or classes lies in the folder of a survey."""
    return folder / kind / f"{name}.tif"


def record_path(folder: Path, name: str) -> Path:
    """Where the record of a block lies."""
    return folder / "records" / f"{name}.json"


def finished(folder: Path, name: str, digest: str) -> Record | None:
    """The record of a block that was made from the same inputs and whose files are what was written, else None."""
    path = record_path(folder, name)
    try:
        record = record_of(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if record.digest != digest:
        return None
    for kind, sha256 in record.files.items():
        sheet = sheet_path(folder, kind, name)
        if not sheet.is_file() or sha256_file(sheet) != sha256:
            return None
    return record


@dataclass(frozen=True)
class BlockPixels:
    """A block that was read and painted.

    Attributes
    ----------
    pixels
        (bands, h, w) uint8; None without photos.
    photo
        (h, w) bool, True where there is photo.
    codes
        (h, w) uint8; None without vectors.
    """

    pixels: NDArray[np.uint8] | None
    photo: NDArray[np.bool_] | None
    codes: NDArray[np.uint8] | None


def make(block: Block, inputs: Inputs, settings: Settings, folder: Path, digest: str) -> Record:
    """Make the two sheets of a block and publish its record last."""
    bounds, shape = block.bounds(settings.grid), block.shape(settings.px)
    photo = pixels = codes = None
    if inputs.mosaic is not None:
        pixels, photo = inputs.mosaic.read(bounds, shape, skip_broken=True)
    if inputs.painter is not None:
        codes = inputs.painter.paint(bounds, shape)
    return write_block(block, BlockPixels(pixels, photo, codes), settings, folder, digest)


def write_block(block: Block, read: BlockPixels, settings: Settings, folder: Path, digest: str) -> Record:
    """Publish the sheets of a block that was read, and its record last."""
    grid, px = settings.grid, settings.px
    transform, name = block.transform(grid, px), grid.name(block.cells[0])
    files = {}
    if read.pixels is not None and read.photo is not None:
        path = sheet_path(folder, "photo", name)
        write_photo(path, read.pixels, read.photo, transform, grid.crs)
        files["photo"] = sha256_file(path)
    if read.codes is not None:
        path = sheet_path(folder, "classes", name)
        write_classes(path, read.codes, transform, grid.crs, settings.legend)
        files["classes"] = sha256_file(path)
    record = Record(digest, files, cell_rows(block, read, settings))
    publish(record_path(folder, name), canonical_json(asdict(record)))
    return record


def cell_rows(block: Block, read: BlockPixels, settings: Settings) -> tuple[CellRow, ...]:
    """What is known of the cells of a block."""
    return tuple(_row(cell, block.window(cell, settings.px), read, settings) for cell in block.cells)


def record_of(value: Mapping[str, Any]) -> Record:
    """A record from its plain values; KeyError, TypeError or AttributeError when they are none."""
    rows = tuple(CellRow(**{**row, "counts": tuple(row["counts"])}) for row in value["rows"])
    return Record(str(value["digest"]), {str(kind): str(sha) for kind, sha in value["files"].items()}, rows)


def stored_pixels(block: Block, settings: Settings, folder: Path, kinds: tuple[str, ...]) -> NDArray[np.uint8]:
    """The bands of a finished block, read back from its sheets: (C, h, w) uint8.

    Raises
    ------
    InputError
        When a sheet is damaged.
    """
    name = settings.grid.name(block.cells[0])
    bands = []
    for kind in kinds:
        path = sheet_path(folder, kind, name)
        with opened(path) as dataset:
            bands.append(dataset.read())
        if bands[-1].shape[1:] != block.shape(settings.px):
            raise InputError(f"{path} is not the sheet that was written; run `tiles build` again.")
    return np.concatenate(bands)


def catalogue_rows(survey: Survey, settings: Settings, cells: Sequence[tuple[CellRow, str]]) -> pd.DataFrame:
    """What the catalogue says of the cells of a survey, each given with the name of its sheet."""
    has_photo = survey.photos is not None
    grid, pixels = settings.grid, settings.px**2
    classes = settings.legend.keys()
    rows = []
    least = settings.min_photo_share
    for row, sheet in cells:
        cell = Cell(row.col, row.row)
        west, south, east, north = grid.bounds(cell)
        shares = [count / pixels for count in row.counts] or [float("nan")] * len(classes)
        rows.append({
            "tile_id": tile_id(survey.scope, survey.date, grid, cell), "key": key(survey.scope, grid, cell),
            "scope": survey.scope, "date": survey.date, "col": row.col, "row": row.row,
            "valid": not row.blank and (not has_photo or row.photo_share >= least), "photo_share": row.photo_share,
            "xmin": west, "ymin": south, "xmax": east, "ymax": north, "sheet": sheet,
            **{f"share_{name}": share for name, share in zip(classes, shares, strict=True)},
        })
    return pd.DataFrame(rows)


def _row(cell: Cell, window: tuple[slice, slice], read: BlockPixels, settings: Settings) -> CellRow:
    counts: tuple[int, ...] = ()
    if read.codes is not None:
        found = np.bincount(read.codes[window].ravel(), minlength=256)
        counts = tuple(int(found[item.code]) for item in settings.legend.classes)
    if read.pixels is None or read.photo is None:
        return CellRow(cell.col, cell.row, not any(counts), 0.0, counts)
    pixels, photo = read.pixels[:, *window], read.photo[window]
    share = photo_share(pixels, photo)
    return CellRow(cell.col, cell.row, share == 0 or _is_blank(pixels, photo), share, counts)


def photo_share(pixels: NDArray[np.uint8], photo: NDArray[np.bool_]) -> float:
    """Share (0..1) of the squares of a 16 x 16 grid over a tile that show something: mean brightness above `DARK`.

    Counted in squares and not in pixels, so that neither the ragged edge that JPEG leaves along a black collar nor
    single black pixels in a photograph decide; what lies outside the photograph counts as black.

    Parameters
    ----------
    pixels
        (bands, h, w) uint8.
    photo
        (h, w) bool, True where there is photo.
    """
    brightness = np.where(photo, pixels.mean(axis=0), 0.0)
    for axis in (0, 1):
        side = brightness.shape[axis]
        edges = np.linspace(0, side, min(SQUARES, side) + 1).astype(int)
        sums = np.add.reduceat(brightness, edges[:-1], axis=axis)
        brightness = sums / np.expand_dims(np.diff(edges), axis=1 - axis)
    return float((brightness > DARK).mean())


def _is_blank(pixels: NDArray[np.uint8], photo: NDArray[np.bool_]) -> bool:
    seen = pixels[:, photo]
    return bool((seen.max(axis=1).astype(int) - seen.min(axis=1) <= CONSTANT_LEVELS).all())
