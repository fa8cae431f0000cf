"""The rows that one survey gives an index: its tiles, or windows between them, or the same places zoomed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from georetrieval.errors import GapsError
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.campaigns import TileSamples
from georetrieval.samples.windows import WindowSamples, overlapping


@dataclass(frozen=True)
class Cut:
    """One survey, how far its windows overlap, their side in tiles, and which tiles; None is all that are not blank."""

    scope: str
    date: str
    overlap: float = 0.0
    zoom: float = 1.0
    tile_ids: tuple[str, ...] | None = None

    @property
    def plain(self) -> bool:
        """Whether the rows are the tiles themselves."""
        return self.overlap == 0 and self.zoom == 1

    @property
    def told(self) -> tuple[str | float, ...]:
        """All but the tiles."""
        return self.scope, self.date, self.overlap, self.zoom


def rows_of(
    tileset: TileSet, cut: Cut, bands: tuple[str, ...], known: Collection[str] = ()
) -> TileSamples | WindowSamples | None:
    """The samples of a cut, less those called as in `known`; None when nothing is left of them."""
    tile_ids = list(_valid(tileset, cut) if cut.tile_ids is None else cut.tile_ids)
    if cut.plain:
        new = [tile for tile in tile_ids if tile not in known]
        return TileSamples(tileset, date=cut.date, bands=bands, scopes=[cut.scope], tile_ids=new) if new else None
    places = overlapping(tileset, cut.date, cut.scope, cut.overlap, tile_ids)
    names, keys = ([f"{text}-x{cut.zoom:g}" if cut.zoom != 1 else text for text in texts]
                   for texts in (places.names, places.keys))
    fresh = [place for place, name in enumerate(names) if name not in known]
    if not fresh:
        return None
    try:
        return WindowSamples(tileset, date=cut.date, bands=bands, scope=cut.scope, centres=places.centres[fresh],
                             names=[names[place] for place in fresh], keys=[keys[place] for place in fresh],
                             scale=cut.zoom, tile_ids=tile_ids)
    except GapsError:
        if known:  # those with enough ground are there already
            return None
        raise


def _valid(tileset: TileSet, cut: Cut) -> list[str]:
    rows = tileset.catalogue
    rows = rows[(rows["scope"] == cut.scope) & (rows["date"] == cut.date) & rows["valid"]]
    return [str(name) for name in rows["tile_id"]]
