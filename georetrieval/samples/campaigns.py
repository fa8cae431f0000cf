"""The cells of one dated survey, read from the memory-mapped pack of a tile set."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.ground import Ground
from georetrieval.samples.poses import Poses
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
        self._tileset, self._date = tileset, date
        self._palette: npt.NDArray[np.uint8] = tileset.legend.palette()
        chosen = _chosen(tileset.catalogue, date, scopes, tile_ids, valid_only)
        self.catalogue = chosen
        self.keys = [str(key) for key in chosen["key"]]
        self.names = [str(name) for name in chosen["tile_id"]]
        self.scopes = [str(scope) for scope in chosen["scope"]]
        scope_names = list(dict.fromkeys(self.scopes))
        self._scope_names = scope_names
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

    def posed(self, rows: Rows, poses: Poses) -> Pixels:
        """Windows around these rows' tiles: `(len(rows), C, H, W)` float32, 0..1.

        Only the ground of this set's own tiles is seen, the rest is 0. A shift that would take an upright window of one
        tile's side off that ground is pulled back to it; shifts of windows that are neither turned nor scaled are
        rounded to whole pixels, so that their bytes are those of the tiles.

        Notes
        -----
        Sets of two dates pull a shift back alike when they hold the same cells.
        """
        rows = np.asarray(rows, dtype=np.int64)
        out = np.empty((len(rows), len(self.bands), *self._packs[0].shape[2:]), dtype=np.float32)
        for number in np.unique(self._pack_of[rows]):
            mine = self._pack_of[rows] == number
            stored = self._windows(self._grounds[number], rows[mine], poses.take(mine))
            out[mine] = derive(stored, self._stored[number], self.bands, self._palette)
        return out

    @cached_property
    def _grounds(self) -> list[Ground]:
        names = set(self.names)
        return [Ground(self._tileset, scope, self._date, names) for scope in self._scope_names]

    @cached_property
    def _cells(self) -> npt.NDArray[np.int64]:
        return self.catalogue[["col", "row"]].to_numpy(np.int64)

    def _windows(self, ground: Ground, rows: npt.NDArray[np.int64], poses: Poses) -> npt.NDArray[np.uint8]:
        cells, px = self._cells[rows], ground.px
        moves = _kept(ground, cells, np.column_stack([poses.east, poses.north]))
        plain = (poses.angle_deg % 360 == 0) & (poses.scale == 1)
        moves[plain] = np.rint(moves[plain] * px) / px
        centres = np.asarray(ground.grid.origin) + (cells + 0.5 + moves) * ground.grid.cell_m
        return ground.windows(centres, poses.angle_deg, poses.scale)[0]


def _kept(ground: Ground, cells: npt.NDArray[np.int64], moves: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`(n, 2)` shifts east and north, at most 1, of windows that stay on known tiles where the shifts given do not."""
    moves = moves.copy()
    step = np.sign(moves).astype(np.int64)
    for axis in (0, 1):
        beside = cells + step * (np.arange(2) == axis)
        moves[~ground.known(beside[:, 0], beside[:, 1]), axis] = 0
    step = np.sign(moves).astype(np.int64)
    corner = ~ground.known(cells[:, 0] + step[:, 0], cells[:, 1] + step[:, 1])
    moves[corner, np.abs(moves[corner]).argmin(axis=1)] = 0
    return moves


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
