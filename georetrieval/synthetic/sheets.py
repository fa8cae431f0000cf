"""Writing made-up photographs as sheets under the names of BD ORTHO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from georetrieval.files import publishing
from georetrieval.progress import Progress, silent
from georetrieval.synthetic.photo import Camera
from georetrieval.synthetic.strengths import Wish

WINDOW = 1500
"""Side of the windows that are rendered at once, in pixels: about 150 MB of memory."""
CREATION = {
    "jp2": {"driver": "JP2OpenJPEG", "QUALITY": "12", "REVERSIBLE": "NO", "YCC": "YES", "RESOLUTIONS": "6",
            "USE_TILE_AS_BLOCK": "NO", "BLOCKXSIZE": "1024", "BLOCKYSIZE": "1024"},
    "tif": {"driver": "GTiff", "COMPRESS": "JPEG", "JPEG_QUALITY": "92", "PHOTOMETRIC": "YCBCR", "TILED": "YES",
            "BLOCKXSIZE": "512", "BLOCKYSIZE": "512"},
}


@dataclass(frozen=True)
class Sheet:
    """One square of the sheet grid, cut at the département's edges: south-west and north-east corner in km."""

    west: int
    south: int
    east: int
    north: int


def sheets_of(wish: Wish) -> list[Sheet]:
    """The sheets that cover the wish's square, on whole multiples of the sheet's size, west to east, north first."""
    x0, y0 = (int(v) // 1000 for v in wish.origin_m)
    step = wish.sheet_km
    return [
        Sheet(max(x, x0), max(y, y0), min(x + step, x0 + wish.km), min(y + step, y0 + wish.km))
        for y in range((y0 + wish.km - 1) // step * step, y0 - step, -step) if y + step > y0
        for x in range(x0 // step * step, x0 + wish.km, step)
    ]


def resolution(gsd_m: float) -> str:
    """0.5 -> "0M50"."""
    return f"{int(gsd_m)}M{round(gsd_m % 1 * 100):02d}"


def sheet_name(wish: Wish, year: int, sheet: Sheet, form: str) -> str:
    """The name that the survey gives: département-year-X-Y of the north-west corner in km-projection-resolution."""
    return (f"{wish.departement}-{year}-{sheet.west:04d}-{sheet.north:04d}-LA93-{resolution(wish.gsd_m)}-E080.{form}")


def write_sheets(
    folder: Path, wish: Wish, year: int, camera: Camera, form: str, progress: Progress = silent
) -> None:
    """Render and write every sheet of one date into `folder`."""
    sheets = sheets_of(wish)
    for done, sheet in enumerate(sheets):
        progress(done, len(sheets), f"photographs of {year}")
        _write(folder / sheet_name(wish, year, sheet, form), sheet_pixels(camera, sheet, wish), sheet, wish, form)
    progress(len(sheets), len(sheets), f"photographs of {year}")


def sheet_pixels(camera: Camera, sheet: Sheet, wish: Wish) -> NDArray[np.uint8]:
    """(3, h, w) pixels of a sheet."""
    per_km = round(1000 / wish.gsd_m)
    row0 = round((camera.corner_m[1] - sheet.north * 1000) / wish.gsd_m)
    col0 = round((sheet.west * 1000 - camera.corner_m[0]) / wish.gsd_m)
    h, w = (sheet.north - sheet.south) * per_km, (sheet.east - sheet.west) * per_km
    pixels = np.empty((3, h, w), np.uint8)
    for row in range(0, h, WINDOW):
        for col in range(0, w, WINDOW):
            part = pixels[:, row:row + WINDOW, col:col + WINDOW]
            part[:] = camera.window(row0 + row, col0 + col, part.shape[1], part.shape[2])
    return pixels


def _write(path: Path, pixels: NDArray[np.uint8], sheet: Sheet, wish: Wish, form: str) -> None:
    transform = Affine(wish.gsd_m, 0, sheet.west * 1000, 0, -wish.gsd_m, sheet.north * 1000)
    profile = {"count": 3, "height": pixels.shape[1], "width": pixels.shape[2], "dtype": "uint8", "crs": "EPSG:2154",
               "transform": transform, **CREATION[form]}
    with publishing(path) as lent, rasterio.open(lent, "w", **profile) as file:
        file.write(pixels)
