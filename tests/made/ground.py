"""A frame of noise, photographed at two dates, with class codes when asked: ground to cut windows from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from tests.made.tiny import SOUTH, WEST, noise, write_raster, write_survey

COLS, ROWS, PX = 4, 3, 32
SIDE_M = 100
EAST, NORTH = WEST + COLS * SIDE_M, SOUTH + ROWS * SIDE_M


def pixels(seed: int) -> NDArray[np.uint8]:
    """(3, ROWS * PX, COLS * PX), row 0 in the north."""
    return noise((3, ROWS * PX, COLS * PX), seed)


def photographed(folder: Path, dates: dict[str, NDArray[np.uint8]]) -> TileSet:
    """Tiles of 100 m and 32 px of the scope 57, one photo of COLS x ROWS tiles per date; 0 is no photo."""
    surveys = []
    for date, photo in dates.items():
        path = write_raster(folder / f"{date}.tif", photo, (WEST, SOUTH, EAST, NORTH), nodata=0)
        surveys.append(Survey("57", date, photos=path))
    return build_tiles(surveys, folder / "tiles", grid=TileGrid("EPSG:2154", SIDE_M), px=PX,
                       legend=Legend.load("bdtopo12"))


def with_classes(folder: Path) -> TileSet:
    """The square kilometre of `tiny` in tiles of 250 m and 50 px: photo and class codes at one date."""
    photo, vectors = write_survey(folder, px=200)
    return build_tiles([Survey("57", "2004", photos=photo, vectors=vectors)], folder / "tiles",
                       grid=TileGrid("EPSG:2154", 250), px=50, legend=Legend.load("bdtopo12"))
