"""Pictures that live inside the page: small JPEGs of photos, small PNGs of maps, as data addresses."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

from georetrieval.geo.tileset import TileSet
from georetrieval.report.pictures import Picture
from georetrieval.samples.tile_pictures import PHOTO, SEMANTIC, can_show, pictures_of

SIDES = (160, 128, 96, 64, 48)
"""Sides in pixels to choose from, the largest that fits."""
QUALITY = 80
COLOURS = 64


class Album:
    """Pictures of tiles, each encoded once.

    Parameters
    ----------
    side
        Of the pictures in pixels, at most; small tiles are not blown up.
    """

    def __init__(self, tileset: TileSet, side: int) -> None:
        self.side = side
        rows = tileset.catalogue
        self._survey = {str(t): (str(s), str(d)) for t, s, d in
                        zip(rows["tile_id"], rows["scope"], rows["date"], strict=True)}
        self._tileset = tileset
        self._read: dict[tuple[str, ...], Callable[[str], Picture]] = {}
        self._seen: dict[tuple[str, tuple[str, ...]], str] = {}

    def photo(self, tile: str) -> str:
        """The photo of a tile as a data address; "" where it has none."""
        return self._shown(tile, PHOTO)

    def semantic(self, tile: str) -> str:
        """The map of a tile as a data address; "" where it has none."""
        return self._shown(tile, SEMANTIC)

    def _shown(self, tile: str, bands: tuple[str, ...]) -> str:
        if tile not in self._survey or not can_show(self._tileset.bands_of(*self._survey[tile]), bands):
            return ""
        if (tile, bands) not in self._seen:
            read = self._read.setdefault(bands, pictures_of(self._tileset, bands))
            self._seen[tile, bands] = inline(read(tile), self.side, flat=bands == SEMANTIC)
        return self._seen[tile, bands]


def inline(pixels: Picture, side: int, *, flat: bool = False) -> str:
    """A data address of `(H, W, 3)` uint8, made smaller so that no side is longer than `side`.

    Parameters
    ----------
    flat
        Of few colours: as PNG; else as JPEG.
    """
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if max(image.size) > side:
        image.thumbnail((side, side), Image.Resampling.BOX if flat else Image.Resampling.LANCZOS)
    memory = io.BytesIO()
    if flat:
        image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(memory, format="PNG", optimize=True)
    else:
        image.save(memory, format="JPEG", quality=QUALITY, optimize=True)
    return address(memory.getvalue(), "image/png" if flat else "image/jpeg")


def address(data: bytes, kind: str) -> str:
    """`data:image/png;base64,...`."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
