"""What a build will take, from the headers of the files alone: tiles, disk, memory, time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from georetrieval.errors import BusyError
from georetrieval.files import free_bytes
from georetrieval.geo.blocks import Block, count_cells, photo_blocks
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.making import Settings
from georetrieval.geo.ortho import CACHE_BYTES, Mosaic
from georetrieval.geo.sheets import level
from georetrieval.geo.survey_inputs import Inputs, check_grid, open_inputs, open_photos
from georetrieval.geo.tile import Survey
from georetrieval.progress import Progress, silent

PHOTO_KEPT = 0.9
"""Bytes of a lossless COG per byte of photo, with its overviews (measured on aerial photographs, rounded up)."""

CLASSES_KEPT = 0.05
"""Bytes of a palette GeoTIFF per pixel of classes."""

OBJECT_BYTES = 700
"""Memory per object of the legend: rectangle, WKB, and its share of the geometry while it is read."""

DECODED_PER_S = {"JP2OpenJPEG": 6e6, "GTiff": 60e6, "JPEG": 40e6, "PNG": 15e6}
"""Pixels per second and core that are decoded, at the level that is read (PERFORMANCE.md 2)."""

TILES_PER_S = 150.0
"""Tiles of 256 px that are painted, compressed, read back and packed per second."""

START_S = 2.0
INTERPRETER_BYTES = 250 << 20


@dataclass(frozen=True)
class TilesPlan:
    """Counts and costs of a build, before it.

    Attributes
    ----------
    surveys
        For each: name, sheets, tiles, bands, objects (None without vectors), what could not be read.
    """

    surveys: tuple[dict[str, Any], ...]
    tiles: int
    sheets: int
    disk_bytes: int
    memory_bytes: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for `--format json`."""
        return asdict(self)


def plan_tiles(
    surveys: Sequence[Survey],
    out: Path,  # noqa: ARG001  (the same arguments as build_tiles)
    *,
    grid: TileGrid,
    px: int,
    legend: Legend,
    workers: int = 1,
    min_photo_share: float = 0.5,
    progress: Progress = silent,
) -> TilesPlan:
    """Say what `build_tiles` would do; reads headers and vectors, writes nothing.

    Raises
    ------
    UsageError, InputError
        As `build_tiles` would.
    """
    check_grid(grid, px)
    Settings(grid, px, legend, min_photo_share)  # refuses a percentage
    parts: list[dict[str, Any]] = []
    disk, memory, seconds = 0, 0, START_S
    for survey in surveys:
        inputs = open_inputs(survey, grid, legend, progress=progress)
        blocks = inputs.blocks(grid, px)
        tiles = count_cells(blocks)
        objects = len(inputs.painter) if inputs.painter else None
        parts.append({
            "name": survey.name, "sheets": len(blocks), "tiles": tiles, "bands": list(inputs.bands),
            "objects": objects, "broken": sorted(inputs.mosaic.broken.values()) if inputs.mosaic else [],
        })
        disk += _disk(tiles, inputs.bands, px)
        memory = max(memory, _memory(inputs, blocks, px, workers) + OBJECT_BYTES * (objects or 0))
        seconds += _seconds(inputs.mosaic, grid, px, tiles)
    return TilesPlan(
        tuple(parts), sum(part["tiles"] for part in parts), sum(part["sheets"] for part in parts),
        disk, memory + INTERPRETER_BYTES, round(seconds / min(workers, 2), 1),
    )


def check_room(surveys: Sequence[Survey], out: Path, *, grid: TileGrid, px: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises
    ------
    BusyError
        When the photos' tiles, less what `out` holds already, need more than the free space.
    """
    needed = 0
    for survey in surveys:
        mosaic = open_photos(survey, grid)
        if mosaic is not None and not (out / survey.name).exists():
            bands = (*mosaic.bands, "classes") if survey.vectors else mosaic.bands
            needed += _disk(count_cells(photo_blocks(mosaic, grid, px)), bands, px)
    free = free_bytes(out)
    if needed > free:
        raise BusyError(
            f"The tiles need about {needed / 1e9:.1f} GB, but the disk of {out} has {free / 1e9:.1f} GB left; "
            "free some space or choose another folder."
        )


def _disk(tiles: int, bands: Sequence[str], px: int) -> int:
    photo = len([band for band in bands if band != "classes"])
    kept = PHOTO_KEPT * photo + (CLASSES_KEPT if "classes" in bands else 0.0)
    return int(tiles * px * px * (len(bands) + kept))


def _memory(inputs: Inputs, blocks: Sequence[Block], px: int, workers: int) -> int:
    largest = max((rows * cols for rows, cols in (block.shape(px) for block in blocks)), default=0)
    return largest * (len(inputs.bands) * 3 + 2) * workers + (CACHE_BYTES if inputs.mosaic else 0)


def _seconds(mosaic: Mosaic | None, grid: TileGrid, px: int, tiles: int) -> float:
    seconds = tiles * (px / 256) ** 2 / TILES_PER_S
    for sheet in mosaic.sheets if mosaic else ():
        factor = level(sheet, grid.cell_m / px)
        seconds += sheet.window[2] * sheet.window[3] / factor**2 / DECODED_PER_S[sheet.driver]
    return seconds
