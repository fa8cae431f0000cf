"""Samples anywhere on the ground: questions off the grid, and galleries whose windows overlap."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from georetrieval.errors import GapsError, UsageError
from georetrieval.geo.tileset import TileSet
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.ground import Ground, Values
from georetrieval.samples.overlap import steps_of
from georetrieval.samples.sample import Pixels, Rows, Sample

LEAST_SHARE = 0.75
"""Share of a window that has to lie on known tiles: three of the four quarters of one that straddles a corner."""


@dataclass(frozen=True, eq=False)
class Places:
    """Centres `(n, 2)` float64 in CRS units, and beside them the windows' names and the keys of their places."""

    centres: Values
    names: tuple[str, ...]
    keys: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.centres)


class WindowSamples:
    """Windows of one survey's ground around any centres.

    Parameters
    ----------
    tileset, date, bands
        As for `TileSamples`.
    scope
        The windows lie in one scope.
    centres
        `(n, 2)` float64, x and y in the units of the tile set's CRS.
    angle_deg, scale
        Of each window, or of all: see `Ground.windows`.
    names, keys
        One per centre; by default the key is the name.
    tile_ids
        Only these tiles are known ground; None is all.
    least_share
        Windows with a smaller share of known ground are left out.

    Attributes
    ----------
    rows
        `(m,)` int64, positions in `centres` of the windows that are left.
    left_out
        How many are not.
    catalogue
        tile_id, key, scope, date and xmin..ymax (the upright square around an unturned window) of those left.

    Raises
    ------
    UsageError
        When the lists differ in length.
    InputError
        When there is no such survey, or a band cannot be had.
    GapsError
        When no window is left.
    """

    def __init__(
        self,
        tileset: TileSet,
        *,
        date: str,
        bands: tuple[str, ...],
        scope: str,
        centres: Values,
        names: Sequence[str],
        keys: Sequence[str] | None = None,
        angle_deg: Values | float = 0.0,
        scale: Values | float = 1.0,
        tile_ids: Collection[str] | None = None,
        least_share: float = LEAST_SHARE,
    ) -> None:
        keys = names if keys is None else keys
        if not len(centres) == len(names) == len(keys):
            raise UsageError(f"{len(centres)} windows need a name and a key each, found {len(names)} and {len(keys)}.")
        self.bands = bands
        self._ground = Ground(tileset, scope, date, tile_ids)
        self._palette = tileset.legend.palette()
        check_bands(self._ground.bands, bands, palette=True)
        angles, scales = (np.broadcast_to(np.asarray(v, np.float64), len(centres)) for v in (angle_deg, scale))
        self.rows = np.flatnonzero(self._ground.shares(centres, angles, scales) >= least_share - 1e-9)
        self.left_out = len(centres) - len(self.rows)
        if len(self.rows) == 0:
            raise GapsError(f"None of the {len(centres)} windows of {scope} {date} lies on enough ground with a photo.")
        self.centres, self.angle_deg, self.scale = centres[self.rows], angles[self.rows], scales[self.rows]
        self.names, self.keys = ([str(texts[int(row)]) for row in self.rows] for texts in (names, keys))
        self.scopes = [scope] * len(self.rows)
        self.catalogue = self._catalogue(date, tileset.grid.cell_m)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Sample:
        return Sample(self.batch([row])[0], self.bands, self.keys[row], self.names[row], self.scopes[row])

    def batch(self, rows: Rows) -> Pixels:
        rows = np.asarray(rows, dtype=np.int64)
        stored, _ = self._ground.windows(self.centres[rows], self.angle_deg[rows], self.scale[rows])
        return derive(stored, self._ground.bands, self.bands, self._palette)

    def _catalogue(self, date: str, cell_m: int) -> pd.DataFrame:
        half = (self.scale * cell_m / 2)[:, None]
        west_south, east_north = self.centres - half, self.centres + half
        return pd.DataFrame({
            "tile_id": self.names, "key": self.keys, "scope": self.scopes, "date": date,
            "xmin": west_south[:, 0], "ymin": west_south[:, 1], "xmax": east_north[:, 0], "ymax": east_north[:, 1],
        })


def overlapping(
    tileset: TileSet, date: str, scope: str, overlap: float = 0.5, tile_ids: Collection[str] | None = None
) -> Places:
    """The places of a gallery whose windows overlap: the tiles of the grid, and windows between them.

    Windows between start at whole pixels. Those of the grid have their tile's name and key; those between are named
    alike, by their south-western corner. Windows with less than `LEAST_SHARE` of known ground are not among them.

    Parameters
    ----------
    overlap
        Share of the side that neighbours have in common, at least: 0.5 gives a window every half tile.
    tile_ids
        Only these tiles are known ground; None is all.
    """
    steps, px, grid = steps_of(overlap), tileset.px, tileset.grid
    ground = Ground(tileset, scope, date, tile_ids)
    rows = tileset.catalogue
    rows = rows[(rows["scope"] == scope) & (rows["date"] == date) & rows["valid"]]
    rows = rows if tile_ids is None else rows[rows["tile_id"].isin(set(tile_ids))]
    ahead = np.arange(steps) * px // steps
    moves = np.concatenate([ahead[1:] - px, ahead])
    cells = rows[["col", "row"]].to_numpy(np.int64) * px
    corners = np.unique((cells[:, None, None] + np.stack(np.meshgrid(moves, moves), -1)[None]).reshape(-1, 2), axis=0)
    centres = np.asarray(grid.origin) + (corners + px / 2) * grid.cell_m / px
    kept = ground.shares(centres) >= LEAST_SHARE
    corners, centres = corners[kept], centres[kept]
    places = [_corner_name(x, y) for x, y in np.asarray(grid.origin) + corners * grid.cell_m / px]
    names = tuple(f"{scope}-{date}-{place}-{grid.cell_m}" for place in places)
    return Places(centres, names, tuple(f"{scope}-{place}" for place in places))


def _corner_name(x: float, y: float) -> str:
    """As `TileGrid.name` writes a corner, to the nearest unit."""
    east, north = round(x), round(y)
    return f"{'W' if east < 0 else 'E'}{abs(east):07d}{'S' if north < 0 else 'N'}{abs(north):07d}"


def anywhere(ground: Ground, count: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """`(count, 2)` centres drawn uniformly over the known tiles."""
    cells = random.choice(ground.cells, count)
    return np.asarray(ground.grid.origin) + (cells + random.random((count, 2))) * ground.grid.cell_m
