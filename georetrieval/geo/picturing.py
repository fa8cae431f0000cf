"""A tile as a picture for people: its photo and its classes in the legend's colours, side by side."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from georetrieval.errors import InputError
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


def picture(tileset: TileSet, tile_id: str, *, photo_only: bool = False) -> bytes:
    """A PNG of one tile: photo and classes side by side, or the photo alone at its own size.

    Raises
    ------
    InputError
        When there is no such tile, or it has no photo and only that is asked for.
    """
    tile = tileset.tile(tile_id)
    shown = panels(tile, tileset.legend.palette())
    if photo_only:
        if not {"grey", "r"} & set(tile.bands):
            raise InputError(f"The tile {tile_id} has no photo, only classes; leave --photo out.")
        shown = shown[:1]
    gap = np.full((tileset.px, GAP_PX, 3), 255, np.uint8)
    row = [part for panel in shown for part in (gap, panel)][1:]
    memory = io.BytesIO()
    Image.fromarray(np.concatenate(row, axis=1)).save(memory, "PNG")
    return memory.getvalue()
