"""What a tile looks like: its photo and its map, as pixels for people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from georetrieval.geo.tileset import TileSet
from georetrieval.samples.bands import derive

PHOTO = ("r", "g", "b")
SEMANTIC = ("sr", "sg", "sb")
Picture = npt.NDArray[np.uint8]
Place = tuple[str, str, int]
"""Scope, date, and row among the stored pixels of that survey."""


def can_show(stored: tuple[str, ...], bands: tuple[str, ...]) -> bool:
    """Whether tiles with these stored bands have a photo (`PHOTO`) or a map (`SEMANTIC`)."""
    return bool(({"classes"} if bands == SEMANTIC else {"r", "grey"}) & set(stored))


def places_of(tileset: TileSet) -> dict[str, Place]:
    """Where the pixels of each tile are, by its id, in the order of the catalogue."""
    catalogue = tileset.catalogue
    rows = catalogue.groupby(["scope", "date"]).cumcount()
    return {str(t): (str(s), str(d), int(p)) for t, s, d, p in
            zip(catalogue["tile_id"], catalogue["scope"], catalogue["date"], rows, strict=True)}


def picture_at(tileset: TileSet, place: Place, bands: tuple[str, ...]) -> Picture:
    """The picture `(px, px, 3)` uint8 of one tile in these three bands."""
    scope, date, row = place
    stored = np.asarray(tileset.pixels(scope, date)[row : row + 1])
    pixels = derive(stored, tileset.bands_of(scope, date), bands, tileset.legend.palette())[0]
    return np.asarray((pixels * 255).round().astype(np.uint8).transpose(1, 2, 0))


def pictures_of(tileset: TileSet, bands: tuple[str, ...]) -> Callable[[str], Picture]:
    """A function from a tile id to its picture `(px, px, 3)` uint8 in these three bands."""
    where = places_of(tileset)
    return lambda name: picture_at(tileset, where[name], bands)
