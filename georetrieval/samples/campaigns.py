"""The cells of one dated survey, read from the memory-mapped pack of a tile set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.sample import Pixels, Rows, Sample


class TileSamples:
    """The valid tiles of one date, in catalogue order, scope after scope.

    Parameters
    ----------
    tileset
        Built by `tiles build`.
    date
        As in the catalogue ("2004").
    bands
        Any of `r g b grey sr sg sb sgrey classes`.
    scopes
        Only these scopes (départements); None is all that have this date.
    tile_ids
        Only these tiles; None is all.
    valid_only
        Leave blank tiles out (they are never an answer).

    Raises
    ------
    InputError
        When the tile set has no such date, scope or band, or no tile is left.
    """

    def __init__(
        self,
        tileset: TileSet,
        *,
        date: str,
        bands: tuple[str, ...],
        scopes: Sequence[str] | None = None,
        tile_ids: Sequence[str] | None = None,
        valid_only: bool = True,
    ) -> None:
        self.bands = bands
        self._palette: npt.NDArray[np.uint8] = tileset.legend.palette()
        chosen = _chosen(tileset.catalogue, date, scopes, tile_ids, valid_only)
        self.catalogue = chosen
        self.keys = [str(key) for key in chosen["key"]]
        self.names = [str(name) for name in chosen["tile_id"]]
        self.scopes = [str(scope) for scope in chosen["scope"]]
        scope_names = list(dict.fromkeys(self.scopes))
        self._stored = [tileset.bands_of(scope, date) for scope in scope_names]
        for stored in self._stored:
            check_bands(stored, bands, palette=True)
        self._packs = [tileset.pixels(scope, date) for scope in scope_names]
        self._pack_of = np.asarray([scope_names.index(scope) for scope in self.scopes], dtype=np.int64)
        self._row_of = chosen["pack_row"].to_numpy(dtype=np.int64)

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, row: int) -> Sample:
        return Sample(self.batch([row])[0], self.bands, self.keys[row], self.names[row], self.scopes[row])

    def batch(self, rows: Rows) -> Pixels:
        rows = np.asarray(rows, dtype=np.int64)
        packs, places = self._pack_of[rows], self._row_of[rows]
        out = np.empty((len(rows), len(self.bands), *self._packs[0].shape[2:]), dtype=np.float32)
        for number in np.unique(packs):
            mine = np.flatnonzero(packs == number)
            mine = mine[np.argsort(places[mine], kind="stable")]  # the pack is read in one direction
            stored = self._packs[number][places[mine]]
            out[mine] = derive(stored, self._stored[number], self.bands, self._palette)
        return out


def _chosen(
    catalogue: pd.DataFrame,
    date: str,
    scopes: Sequence[str] | None,
    tile_ids: Sequence[str] | None,
    valid_only: bool,
) -> pd.DataFrame:
    known = sorted(set(catalogue["scope"] + " " + catalogue["date"]))
    rows = catalogue[catalogue["date"] == date]
    rows = rows.assign(pack_row=rows.groupby("scope").cumcount())
    missing = [] if scopes is None else [scope for scope in scopes if scope not in set(rows["scope"])]
    if rows.empty or missing:
        asked = f"{', '.join(missing)} at {date}" if missing else date
        raise InputError(f"The tiles hold no survey {asked}; they hold {', '.join(known)}.")
    if scopes is not None:
        rows = rows[rows["scope"].isin(list(scopes))]
    if tile_ids is not None:
        rows = rows[rows["tile_id"].isin(list(tile_ids))]
    if valid_only:
        rows = rows[rows["valid"]]
    if rows.empty:
        raise InputError(f"No tile of {date} is left to read: all are blank or none is among the tiles asked for.")
    return rows
