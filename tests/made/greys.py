"""A frame of 4 x 2 cells of 32 pixels, each of one mean grey, photographed at any dates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles

COLS, ROWS, PX = 4, 2, 32


def write_greys(path: Path, greys: list[int]) -> Path:
    """A picture whose cells, row by row from the top left, have these mean greys; 0 is no photo."""
    plain = np.array(greys).reshape(ROWS, COLS).repeat(PX, axis=0).repeat(PX, axis=1)
    chequers = np.where(np.indices(plain.shape).sum(axis=0) % 2, 3, -3)  # a tile of one value alone is blank
    Image.fromarray(np.where(plain == 0, 0, plain + chequers).astype(np.uint8)).save(path)
    return path


def tiles_of_greys(folder: Path, dates: Mapping[str, list[int]]) -> TileSet:
    """Tiles of one place "town" from {date: eight greys}."""
    surveys = [Survey("town", date, photos=write_greys(folder / f"{date}.png", greys)) for date, greys in dates.items()]
    return build_tiles(surveys, folder / "tiles", grid=TileGrid.frame(PX), px=PX, legend=Legend.load("bdtopo12"))


def greys_of(tileset: TileSet, tile_ids: list[str]) -> list[int]:
    """The mean grey of each tile, by which the tests know it."""
    return [round(float(tileset.tile(tile).pixels.mean())) for tile in tile_ids]
