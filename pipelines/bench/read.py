"""Reading orthophotos: one sheet of 10,000 px cut into tiles of 1 km at 256 px, by ours and by the usual ways.

    python pipelines/bench/read.py PHOTO [--side 10000] [--keep]

PHOTO is any real photograph; mirrored until it fills the sheet, it is written as JPEG 2000 (as BD ORTHO is delivered)
and as a COG with JPEG and overviews. The peer of JPEG 2000 is one decode of the whole sheet at the level that is just
fine enough, which nothing can beat that calls OpenJPEG; ours decodes once and then cuts and averages each tile.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

import click
import numpy as np
import racing
import rasterio
from affine import Affine
from rasterio.enums import Resampling
from rasterio.windows import Window

from georetrieval.geo.ortho import open_mosaic
from georetrieval.geo.sheets import level, read_header

TILE_PX, GSD_M, NORTH = 256, 0.5, 6_900_000.0
PEER_JP2, PEER_COG = "whole sheet, one decode at the level", "window by window"
FORMS = {"jp2": {"driver": "JP2OpenJPEG", "QUALITY": 20, "REVERSIBLE": "NO", "YCBCR420": "NO", "BLOCKXSIZE": 1024,
                 "BLOCKYSIZE": 1024, "RESOLUTIONS": 6},
         "tif": {"driver": "COG", "COMPRESS": "JPEG", "QUALITY": 85, "BLOCKSIZE": 512, "OVERVIEWS": "AUTO"}}


def sheet_of(photo: Path, side: int) -> np.ndarray:
    """(3, side, side) uint8: the photograph, mirrored at its edges until it is large enough."""
    with rasterio.open(photo) as file:
        pixels = file.read()
    pixels = np.repeat(pixels, 3, axis=0) if len(pixels) == 1 else pixels[:3]
    missing = [(0, 0), *((0, max(0, side - n)) for n in pixels.shape[1:])]
    return np.ascontiguousarray(np.pad(pixels, missing, mode="symmetric")[:, :side, :side])


def write(path: Path, pixels: np.ndarray) -> None:
    """A georeferenced sheet of .5 m."""
    profile = {"count": 3, "height": pixels.shape[1], "width": pixels.shape[2], "dtype": "uint8", "crs": "EPSG:2154",
               "transform": Affine(GSD_M, 0, 0, 0, -GSD_M, NORTH), **FORMS[path.suffix[1:]]}
    with rasterio.open(path, "w", **profile) as file:
        file.write(pixels)


def ours(path: Path, km: int) -> list[np.ndarray]:
    """Every tile of a sheet, from a mosaic that has decoded nothing yet."""
    mosaic = open_mosaic(path)
    squares = [(c * 1000.0, NORTH - (r + 1) * 1000, (c + 1) * 1000.0, NORTH - r * 1000) for r in range(km)
               for c in range(km)]
    return [mosaic.read(square, (TILE_PX, TILE_PX))[0] for square in squares]


def windows(path: Path, km: int) -> list[np.ndarray]:
    """Every tile by its own reading, averaged by GDAL."""
    step = round(1000 / GSD_M)
    with rasterio.open(path) as file:
        return [file.read(window=Window(c * step, r * step, step, step), out_shape=(3, TILE_PX, TILE_PX),
                          resampling=Resampling.average) for r in range(km) for c in range(km)]


def whole(path: Path) -> np.ndarray:
    """The sheet at the level that `georetrieval` would take, in one reading."""
    factor = level(read_header(path), 1000 / TILE_PX)
    with rasterio.open(path) as file:
        return file.read(out_shape=(3, -(-file.height // factor), -(-file.width // factor)))


@click.command()
@click.argument("photo", type=click.Path(exists=True, path_type=Path))
@click.option("--side", type=int, default=10_000, help="Pixels; a whole number of kilometres of 2,000 px.")
@click.option("--keep", is_flag=True)
def main(photo: Path, side: int, keep: bool) -> None:
    """Race on one sheet made of PHOTO."""
    km = round(side * GSD_M / 1000)
    pixels, races = sheet_of(photo, side), []
    with tempfile.TemporaryDirectory() as folder:
        for suffix, peer in (("jp2", PEER_JP2), ("tif", PEER_COG)):
            path = Path(folder) / f"sheet.{suffix}"
            write(path, pixels)
            apart = np.abs(np.subtract(ours(path, km), windows(path, km), dtype=np.int16)).mean()
            print(f"{suffix}: {path.stat().st_size / 1e6:.0f} MB, {km * km} tiles; ours and GDAL's average of full "
                  f"pixels differ by {apart:.2f} grey levels in the mean")
            racers = {PEER_JP2: partial(whole, path), "ours": partial(ours, path, km),
                      PEER_COG: partial(windows, path, km)}
            races.append(racing.race(f"Reading {suffix}", racers, peer=peer, work=km * km, unit="tiles"))
    if keep:
        racing.keep("read", races, {"side": side})


if __name__ == "__main__":
    main()
