"""The tiles of one survey stitched back into continuous ground, and windows cut from it anywhere, turned and scaled."""

from __future__ import annotations

from collections.abc import Collection
from math import ceil
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from georetrieval.errors import InputError
from georetrieval.geo.grid import Bounds, Cell
from georetrieval.geo.tileset import TileSet

Values: TypeAlias = npt.NDArray[np.float64]
Bytes: TypeAlias = npt.NDArray[np.uint8]
NEAR = 1e-6
"""A share of a pixel that does not count: positions come from differences of large coordinates."""
POINTS = 9
"""Points a side that are looked at before all pixels are."""
CHUNK = 64
"""Windows resampled at once: 64 patches of 256 px and 4 bands are 67 MB as float32."""


class Ground:
    """Windows of the ground that some tiles of one survey show; every other place is unknown, and 0.

    Parameters
    ----------
    tileset
        Built by `tiles build`.
    scope, date
        The survey.
    tile_ids
        Only these tiles are known; None is all. Blank tiles are never known.

    Attributes
    ----------
    bands
        Names of the C stored bands.

    Raises
    ------
    InputError
        When there is no such survey, or no tile is known.

    Notes
    -----
    A window is the ground in a square around a centre. One that is neither turned nor scaled, and whose pixels are
    the tiles' pixels, is a plain copy; in any other the photo is bilinear and class codes are those of the nearest
    pixel. Larger scales are not smoothed before they are sampled.
    """

    def __init__(self, tileset: TileSet, scope: str, date: str, tile_ids: Collection[str] | None = None) -> None:
        self.bands = tileset.bands_of(scope, date)
        self.grid, self.px = tileset.grid, tileset.px
        self._pack = np.asarray(tileset.pixels(scope, date))  # still mapped, without the class's slow slices
        self._code = [place for place, band in enumerate(self.bands) if band == "classes"]
        self._photo = [place for place, band in enumerate(self.bands) if band != "classes"]
        rows = tileset.catalogue
        rows = rows[(rows["scope"] == scope) & (rows["date"] == date)]
        known = rows["valid"].to_numpy(bool)
        if tile_ids is not None:
            known = known & rows["tile_id"].isin(set(tile_ids)).to_numpy(bool)
        if not known.any():
            raise InputError(f"No tile of {scope} {date} is left to read: all are blank or none is among those asked "
                             "for.")
        places = np.flatnonzero(known)
        col, row = (rows[name].to_numpy(np.int64)[places] for name in ("col", "row"))
        self._west, self._north = int(col.min()), int(row.max())
        self._pack_row = np.full((self._north - int(row.min()) + 1, int(col.max()) - self._west + 1), -1)
        self._pack_row[self._north - row, col - self._west] = places
        sums = (self._pack_row >= 0).cumsum(axis=0).cumsum(axis=1)
        self._sums = np.pad(sums, ((1, 0), (1, 0)))

    @property
    def bounds(self) -> Bounds:
        """The rectangle around the known tiles: xmin, ymin, xmax, ymax."""
        rows, cols = self._pack_row.shape
        west, _, _, north = self.grid.bounds(Cell(self._west, self._north))
        return west, north - rows * self.grid.cell_m, west + cols * self.grid.cell_m, north

    def known(self, col: npt.NDArray[np.int64], row: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the tiles of these cells of the grid are known: bool, of the shape asked."""
        return self._known_at(np.asarray(self._north - row), np.asarray(col - self._west))

    @property
    def cells(self) -> npt.NDArray[np.int64]:
        """`(n, 2)` int64: col and row of the known tiles, from the north-west, row by row."""
        down, right = np.nonzero(self._pack_row >= 0)
        return np.column_stack([self._west + right, self._north - down]).astype(np.int64)

    def window(self, centre: tuple[float, float], angle_deg: float = 0.0, scale: float = 1.0) -> tuple[Bytes, float]:
        """One window: `(C, px, px)` uint8, and the share of its pixels that is known, 0..1."""
        pixels, shares = self.windows(np.asarray([centre], np.float64), np.asarray([angle_deg]), np.asarray([scale]))
        return pixels[0], float(shares[0])

    def windows(
        self, centres: Values, angle_deg: Values | float = 0.0, scale: Values | float = 1.0
    ) -> tuple[Bytes, Values]:
        """Many windows.

        Parameters
        ----------
        centres
            `(n, 2)` float64, x and y in the units of the grid's CRS.
        angle_deg
            `(n,)` float64 or one number, counter-clockwise turn of the picture.
        scale
            `(n,)` float64 or one number, side of the window / side of a tile.

        Returns
        -------
        `(n, C, px, px)` uint8, and `(n,)` float64: the share of each window's pixels that lie on known tiles.
        """
        centre, angle, scales = self._placed(centres, angle_deg, scale)
        out = np.zeros((len(centre), len(self.bands), self.px, self.px), np.uint8)
        corner = centre - self.px / 2
        whole = np.rint(corner)
        plain = (angle % 360 == 0) & (scales == 1) & (np.abs(corner - whole) < NEAR).all(axis=1)
        for i in np.flatnonzero(plain):
            self._copy(out[i], int(whole[i, 0]), int(whole[i, 1]))
        turned = np.flatnonzero(~plain)
        for start in range(0, len(turned), CHUNK):
            some = turned[start:start + CHUNK]
            out[some] = self._resampled(centre[some], angle[some], scales[some])
        return out, self._shares(centre, angle, scales)

    def shares(self, centres: Values, angle_deg: Values | float = 0.0, scale: Values | float = 1.0) -> Values:
        """The second answer of `windows`, without reading a pixel."""
        return self._shares(*self._placed(centres, angle_deg, scale))

    def whole(self, centres: Values, angle_deg: Values | float, scale: Values | float) -> npt.NDArray[np.bool_]:
        """`(n,)` bool: where `shares` is 1. Quick, since a few points of a window tell most that are not."""
        centre, angle, scales = self._placed(centres, angle_deg, scale)
        points = np.linspace(-1, 1, POINTS) * (self.px - 1) / 2
        right, down = (points.ravel() for points in np.meshgrid(points, points))
        cos, sin = (scales * turned for turned in (np.cos(np.radians(angle)), np.sin(np.radians(angle))))
        u = centre[:, :1] + np.outer(cos, right) - np.outer(sin, down)
        v = centre[:, 1:] + np.outer(sin, right) + np.outer(cos, down)
        seen = self._known_at(*(np.floor(value / self.px).astype(np.int64) for value in (v, u)))
        good: npt.NDArray[np.bool_] = np.logical_and.reduce(seen, axis=1)
        good[good] = self._shares(centre[good], angle[good], scales[good]) == 1
        return good

    def _placed(
        self, centres: Values, angle_deg: Values | float, scale: Values | float
    ) -> tuple[Values, Values, Values]:
        """Centres in pixels from the north-western corner of the known tiles (right, down); angles and scales."""
        centres = np.asarray(centres, np.float64).reshape(-1, 2)
        size = self.grid.cell_m / self.px
        west, _, _, north = self.grid.bounds(Cell(self._west, self._north))
        right, down = (centres[:, 0] - west) / size, (north - centres[:, 1]) / size
        angle, scales = (np.broadcast_to(np.asarray(v, np.float64), len(centres)) for v in (angle_deg, scale))
        return np.column_stack([right, down]).astype(np.float64), angle, scales

    def _copy(self, out: Bytes, left: int, top: int) -> None:
        """Fill `(C, h, w)` with the pixels whose north-western corner is at (left, top)."""
        px, (height, width) = self.px, out.shape[1:]
        rows, cols = self._pack_row.shape
        for down in range(max(0, top // px), min(rows, (top + height - 1) // px + 1)):
            first, last = max(top, down * px), min(top + height, (down + 1) * px)
            for right in range(max(0, left // px), min(cols, (left + width - 1) // px + 1)):
                row = self._pack_row[down, right]
                if row >= 0:
                    begin, end = max(left, right * px), min(left + width, (right + 1) * px)
                    out[:, first - top:last - top, begin - left:end - left] = self._pack[
                        row, :, first - down * px:last - down * px, begin - right * px:end - right * px]

    def _resampled(self, centre: Values, angle: Values, scale: Values) -> Bytes:
        """`(n, C, px, px)`: each window out of a patch of pixels that holds it in any pose of the batch."""
        size = ceil(2 * self._reach(angle, scale).max()) + 4
        corner = np.floor(centre - size / 2).astype(np.int64)
        patches = np.zeros((len(centre), len(self.bands), size, size), np.uint8)
        for patch, (left, top) in zip(patches, corner.tolist(), strict=True):
            self._copy(patch, left, top)
        share = scale * self.px / size
        cos, sin = share * np.cos(np.radians(angle)), share * np.sin(np.radians(angle))
        middle = 2 * (centre - corner) / size - 1
        moves = np.stack([np.stack([cos, -sin, middle[:, 0]], 1), np.stack([sin, cos, middle[:, 1]], 1)], 1)
        grid = functional.affine_grid(torch.from_numpy(moves.astype(np.float32)),
                                      [len(centre), 1, self.px, self.px], align_corners=False)
        out = torch.empty((len(centre), len(self.bands), self.px, self.px), dtype=torch.uint8)
        for which, mode in ((self._photo, "bilinear"), (self._code, "nearest")):
            if which:
                source = torch.from_numpy(patches[:, which[0]:which[-1] + 1]).float()
                seen = functional.grid_sample(source, grid, mode=mode, align_corners=False)
                out[:, which[0]:which[-1] + 1] = seen.add_(0.5).to(torch.uint8)
        return out.numpy()

    def _reach(self, angle: Values, scale: Values) -> Values:
        """Half the side of the upright square around a turned window, in pixels."""
        turn = np.radians(angle)
        reach: Values = scale * self.px / 2 * (np.abs(np.cos(turn)) + np.abs(np.sin(turn)))
        return reach

    def _shares(self, centre: Values, angle: Values, scale: Values) -> Values:
        reach = self._reach(angle, scale)[:, None] - NEAR
        first, last = (np.floor((centre + sign * reach) / self.px).astype(np.int64) for sign in (-1, 1))
        rows, cols = self._pack_row.shape
        x0, x1 = first[:, 0].clip(0, cols), (last[:, 0] + 1).clip(0, cols)
        y0, y1 = first[:, 1].clip(0, rows), (last[:, 1] + 1).clip(0, rows)
        there = self._sums[y1, x1] - self._sums[y0, x1] - self._sums[y1, x0] + self._sums[y0, x0]
        shares: Values = (there == np.prod(last - first + 1, axis=1)).astype(np.float64)
        for i in np.flatnonzero((shares == 0) & (there > 0)):
            shares[i] = self._share(centre[i], float(angle[i]), float(scale[i]))
        return shares

    def _share(self, centre: Values, angle: float, scale: float) -> float:
        """Pixel by pixel, by the tile that the middle of each lies on."""
        turn, offset = np.radians(angle), scale * (np.arange(self.px) + 0.5 - self.px / 2)
        right, down = offset[None, :], offset[:, None]
        u = centre[0] + right * np.cos(turn) - down * np.sin(turn)
        v = centre[1] + right * np.sin(turn) + down * np.cos(turn)
        on = [np.floor(value / self.px).astype(np.int64) for value in (v, u)]
        return float(self._known_at(*on).mean())

    def _known_at(self, down: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        rows, cols = self._pack_row.shape
        inside = (down >= 0) & (down < rows) & (right >= 0) & (right < cols)
        return np.asarray(inside & (self._pack_row[down.clip(0, rows - 1), right.clip(0, cols - 1)] >= 0))
