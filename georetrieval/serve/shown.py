"""One version of an index with all that is shown of it; immutable, so that who holds it sees one version."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval import __version__
from georetrieval.errors import InputError, MismatchError
from georetrieval.geo.legend import Legend
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.asking import require_tiles
from georetrieval.recipe.provenance import editions, licences
from georetrieval.recipe.sureness import places_of
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.postgres_address import Address
from georetrieval.serve.looking import Looker, OneVersion
from georetrieval.serve.replies import Held, RefusedError
from georetrieval.serve.settings import MIB, Settings
from georetrieval.serve.sources import Loaded, source_of
from georetrieval.serve.tile_pictures import TilePictures
from georetrieval.serve.tile_rows import TileRows

K = 10
"""Answers that the page asks for at first."""


@dataclass(frozen=True, eq=False)
class Shown:
    """What every request is answered from.

    Attributes
    ----------
    name : which version of the index it is
    lock : the gallery remembers filters, and is asked by one at a time
    """

    name: str
    version: OneVersion
    gallery: Gallery
    tiles: TileRows
    pictures: TilePictures
    looker: Looker
    columns: Held
    polygons: Held
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def load(cls, where: Path | Address, tilesets: Sequence[TileSet] = (), *, model: str | None = None) -> Shown:
        """The current version of an index; errors as of `of`, and InputError when there is none, StoreError when it is
        damaged.
        """
        return cls.of(source_of(where).load(), tilesets, model=model)

    @classmethod
    def of(cls, loaded: Loaded, tilesets: Sequence[TileSet] = (), *, model: str | None = None) -> Shown:
        """What is shown of a version.

        Raises
        ------
        InputError
            When it is of pictures, which lie nowhere, or its tiles have no place.
        MismatchError
            When the tiles were cut another way.
        """
        store, rows = loaded.store, loaded.rows
        if store.manifest.pictures is not None:
            raise InputError(f"{store.path} is an index of pictures, which have no place on a map; serve shows indexes "
                             "of tiles.")
        version = OneVersion(store, rows)
        for tileset in tilesets:
            require_tiles(version, tileset)
        tiles = TileRows.of(*rows, tilesets, store.manifest.crs)
        if not np.isfinite(tiles.bounds).all():
            raise InputError(f"Rows of {store.path} have no place on the ground; serve shows them on a map.")
        gallery = Gallery.of(rows[0], attributes=rows[1], fingerprint=store.manifest.fingerprint,
                             index=loaded.index)
        tag = _tag(loaded.name)
        columns = Held(tiles.columns(tag), "application/json", tag)
        polygons = Held(tiles.polygons(), "application/geo+json", tag)
        _ = tiles.of_key  # made now, not while the first reader waits
        return cls(loaded.name, version, gallery, tiles, TilePictures(tilesets), Looker(version, model), columns,
                   polygons)

    @property
    def tag(self) -> str:
        """The version, short."""
        return _tag(self.name)

    @cached_property
    def places(self) -> npt.NDArray[np.int64]:
        """(indexed,) the place of each row, for the confidence of answers."""
        return places_of(self.version.rows[1])

    @cached_property
    def middles(self) -> npt.NDArray[np.float64]:
        """(indexed, 2) middles of the rows."""
        boxes = self.tiles.bounds[:self.tiles.indexed]
        return np.asarray((boxes[:, :2] + boxes[:, 2:]) / 2)

    @cached_property
    def date_codes(self) -> npt.NDArray[np.int64]:
        """(indexed,) numbers that are equal for rows of one date."""
        return np.unique(self.tiles.dates[:self.tiles.indexed], return_inverse=True)[1].astype(np.int64)

    def row(self, n: int) -> int:
        """A number that a client named; RefusedError 404 when there is no such tile."""
        if not 0 <= n < len(self.tiles):
            raise RefusedError(404, f"There is no tile number {n}; there are {len(self.tiles)}.")
        return n

    def descriptors(self, numbers: Sequence[int]) -> Descriptors:
        """Descriptors of tiles: those of the index as they are, others looked at with its model.

        Raises
        ------
        RefusedError
            404 when there is no such tile; 409 when the model is not at hand.
        """
        rows, tiles = self.version.rows[0], self.tiles
        parts = []
        for n in map(self.row, numbers):
            if n < tiles.indexed:
                parts.append(rows.take([n]))
                continue
            tileset = self.pictures.holder(str(tiles.names[n]))
            if tileset is None:
                raise MismatchError(f"{tiles.names[n]} is in no tile set that was given.")
            parts.append(self.looker.tile(tileset, str(tiles.names[n]), str(tiles.dates[n])).descriptors)
        return Descriptors.concatenate(parts)

    def about(self, settings: Settings) -> dict[str, Any]:
        """The answer to GET /api/index."""
        m, tiles = self.version.manifest, self.tiles
        legend = self._legend()
        classes = [] if legend is None else legend.as_dict()["classes"]
        shown = ("code", "name_fr", "name_en", "colour")
        return {
            "name": self.version.name, "version": __version__, "index_version": self.tag,
            "fingerprint": m.fingerprint_digest[:12], "tiles": tiles.indexed, "all_tiles": len(tiles),
            "dates": tiles.date_list, "scopes": tiles.scope_list, "bounds": tiles.extent, "crs": m.crs,
            "cell_m": m.cell_m, "k": K, "licence": self._licence(),
            "pictures": bool(self.pictures.tilesets),
            "modalities": self.pictures.kinds(),
            "legend": [{name: one[name] for name in shown} for one in classes],
            "can_embed": self.looker.at_hand,
            "calibrated": m.calibration is not None,
            "basemap": settings.basemap, "max_upload_mb": settings.upload_bytes / MIB, "lang": settings.lang,
        }

    def tile(self, n: int) -> dict[str, Any]:
        """The answer to GET /api/tiles/{n}."""
        tiles, n = self.tiles, self.row(n)
        name, key = str(tiles.names[n]), str(tiles.keys[n])
        return {
            "n": n, "id": name, "key": key, "date": str(tiles.dates[n]), "scope": str(tiles.scopes[n]),
            "indexed": n < tiles.indexed, "bounds_crs": tiles.bounds[n].tolist(),
            "corners": tiles.corners[n].reshape(-1).tolist(), "classes": self.pictures.classes(name),
            "same_place": [other for other in tiles.of_key[key] if other != n],
        }

    def _licence(self) -> list[str]:
        """What has to be said about where the tiles come from: sentences, or the page's words for them (licence_)."""
        sources = self.version.manifest.sources
        surveys = sorted({f"{one['scope']} {one['date']}" for one in sources if "scope" in one and "date" in one})
        made_of = [row for tileset in self.pictures.tilesets for row in
                   editions(tileset, [(one["scope"], one["date"]) for one in tileset.surveys])]
        untold = "licence_unknown" if made_of or not self.tiles.crs else "licence_where_ign"
        return [*([f"Tiles: {', '.join(surveys)}"] if surveys else []), *(licences(made_of, sources) or [untold])]

    def _legend(self) -> Legend | None:
        for tileset in self.pictures.tilesets:
            return tileset.legend
        return None


def _tag(name: str) -> str:
    """`manifests/00000001-<sha256>.json` in short: 00000001-<16 digits>."""
    return name.removeprefix("manifests/")[:25]
