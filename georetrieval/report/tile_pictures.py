"""What a tile looks like: its photo and its map, as pixels for people."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from georetrieval.geo.tileset import TileSet
from georetrieval.report.pictures import Picture
from georetrieval.samples.bands import derive

PHOTO = ("r", "g", "b")
SEMANTIC = ("sr", "sg", "sb")


def can_show(stored: tuple[str, ...], bands: tuple[str, ...]) -> bool:
    """Whether tiles with these stored bands have a photo (`PHOTO`) or a map (`SEMANTIC`)."""
    return bool(({"classes"} if bands == SEMANTIC else {"r", "grey"}) & set(stored))


def pictures_of(tileset: TileSet, bands: tuple[str, ...]) -> Callable[[str], Picture]:
    """A function from a tile id to its picture `(px, px, 3)` uint8 in these three bands."""
    catalogue: pd.DataFrame = tileset.catalogue
    places = catalogue.groupby(["scope", "date"]).cumcount()
    where = {str(t): (str(s), str(d), int(p)) for t, s, d, p in
             zip(catalogue["tile_id"], catalogue["scope"], catalogue["date"], places, strict=True)}
    palette = tileset.legend.palette()

    def picture(name: str) -> Picture:
        scope, date, row = where[name]
        stored = np.asarray(tileset.pixels(scope, date)[row : row + 1])
        pixels = derive(stored, tileset.bands_of(scope, date), bands, palette)[0]
        return np.asarray((pixels * 255).round().astype(np.uint8).transpose(1, 2, 0))

    return picture
