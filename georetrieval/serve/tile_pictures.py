"""Pictures of tiles, drawn from tile sets when they are asked for."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieval.files import digest
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.tile_pictures import PHOTO, SEMANTIC, Place, can_show, picture_at, places_of
from georetrieval.serve.replies import RefusedError

BANDS = {"photo": PHOTO, "semantic": SEMANTIC}
LEAST_PX, MOST_PX = 64, 1024
LEAST_SHARE = 1e-4


class TilePictures:
    """Tiles of several tile sets by their names; of a name that several hold, the first one's.

    Parameters
    ----------
    tilesets : of one legend
    """

    def __init__(self, tilesets: Sequence[TileSet]) -> None:
        self.tilesets = tuple(tilesets)
        self.tag = digest([tileset.digest for tileset in tilesets])[:12]
        self._where: dict[str, tuple[TileSet, int, Place]] = {}
        for tileset in self.tilesets:
            for row, (name, place) in enumerate(places_of(tileset).items()):
                self._where.setdefault(name, (tileset, row, place))

    def kinds(self) -> list[str]:
        """Which kinds of pictures there are at all: "photo", "semantic"."""
        held = tuple(band for tileset in self.tilesets for band in tileset.bands)
        return [kind for kind, bands in BANDS.items() if can_show(held, bands)]

    def holder(self, name: str) -> TileSet | None:
        """The tile set that holds a tile; None where none does."""
        found = self._where.get(name)
        return None if found is None else found[0]

    def png(self, name: str, kind: str, px: int) -> bytes:
        """The picture of a tile in `px` pixels: the photo smoothed, class colours never mixed.

        Raises
        ------
        RefusedError
            404, when no tile set holds the tile or this kind of picture of it.
        """
        found = self._where.get(name)
        if found is None:
            raise RefusedError(404, f"No tile set that was given with --tiles holds {name}.")
        tileset, _, place = found
        scope, date, _ = place
        if not can_show(tileset.bands_of(scope, date), BANDS[kind]):
            raise RefusedError(404, f"The tiles of {scope} {date} hold no {'photo' if kind == 'photo' else 'classes'}.")
        pixels = picture_at(tileset, place, BANDS[kind])
        return encoded(pixels, px, Image.Resampling.NEAREST if kind == "semantic" else Image.Resampling.BILINEAR)

    def classes(self, name: str) -> list[dict[str, Any]]:
        """Shares of the classes on a tile, the largest first: code and share, 0..1; [] where no vectors were given."""
        found = self._where.get(name)
        if found is None:
            return []
        tileset, number, _ = found
        row = tileset.catalogue.iloc[number]
        shares = [(item.code, float(row.get(f"share_{item.key}", np.nan))) for item in tileset.legend.classes]
        kept = [(code, share) for code, share in shares if share >= LEAST_SHARE]  # NaN is none
        return [{"code": code, "share": round(share, 4)} for code, share in sorted(kept, key=lambda one: -one[1])]


def encoded(pixels: npt.NDArray[np.uint8], px: int, how: Image.Resampling) -> bytes:
    """PNG of (h, w, 3) uint8 whose longer side becomes `px`."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    scale = px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if size != image.size:
        image = image.resize(size, how)
    data = io.BytesIO()
    image.save(data, "PNG", compress_level=1)
    return data.getvalue()
