"""A tile as a picture for people: its photo and its classes in the legend's colours, side by side."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from georetrieval.geo.tile import Tile
from georetrieval.geo.tileset import TileSet

GAP_PX = 4


def panels(tile: Tile, palette: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """The photo, then the classes in colour, each (H, W, 3) uint8; those of the two that the tile has.

    Parameters
    ----------
    palette
        (256, 3) uint8, colour of each class code.
    """
    bands = dict(zip(tile.bands, tile.pixels, strict=True))
    found = []
    if "grey" in bands:
        found.append(np.repeat(bands["grey"][..., None], 3, axis=2))
    elif "r" in bands:
        found.append(np.stack([bands[name] for name in "rgb"], axis=2))
    if "classes" in bands:
        found.append(palette[bands["classes"]])
    return found


def picture(tileset: TileSet, tile_id: str) -> bytes:
    """A PNG of one tile.

    Raises
    ------
    InputError
        When there is no such tile.
    """
    shown = panels(tileset.tile(tile_id), tileset.legend.palette())
    gap = np.full((tileset.px, GAP_PX, 3), 255, np.uint8)
    row = [part for panel in shown for part in (gap, panel)][1:]
    memory = io.BytesIO()
    Image.fromarray(np.concatenate(row, axis=1)).save(memory, "PNG")
    return memory.getvalue()
