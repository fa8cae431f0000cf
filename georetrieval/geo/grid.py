"""The grid of cells: integers on the ground, so that a cell has one name and one rectangle for ever."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from affine import Affine

from georetrieval.errors import UsageError

Bounds = tuple[float, float, float, float]
"""xmin, ymin, xmax, ymax in the units of a CRS."""

KILOMETRE_M = 1000
SMALLEST_CELL_M = 100
_NAME = re.compile(r"([EW])(\d{7,9})([NS])(\d{7,9})")
_NEAR = 1e-6
"""A rectangle that passes an edge by less than this share of a cell does not touch the cell behind it."""


class Cell(NamedTuple):
    """A place in a grid; `col` grows to the east, `row` to the north."""

    col: int
    row: int


MOST_CELLS = 20_000_000
"""Of one survey; all of France has 9 million cells of 250 m."""


@dataclass(frozen=True)
class TileGrid:
    """Square cells of one size on the whole plane of a CRS.

    Attributes
    ----------
    crs
        Any text that PROJ understands ("EPSG:2154"), metres; "" is a plain frame of pixels (1 unit = 1 pixel, x to
        the right, y *up*). A picture without georeference lies below its top left corner, at (0, -height, width, 0),
        where QGIS shows it too: its tiles are counted from the top with `origin` (0, 0).
    cell_m
        Side of a cell in metres; it divides 1000 and is 100 to 1000 (the grid is aligned to the kilometre). In a
        plain frame: any number of pixels.
    origin
        South-west corner of cell (0, 0). Zero on the ground; `TileGrid.frame` sets it in a plain frame.

    Raises
    ------
    UsageError
        When the size does not fit.
    """

    crs: str
    cell_m: int
    origin: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.cell_m != int(self.cell_m) or self.cell_m < 1:
            raise UsageError(f"A cell is a whole number of metres or pixels, 1 or more; found {self.cell_m}.")
        divides = KILOMETRE_M % self.cell_m == 0 and self.cell_m >= SMALLEST_CELL_M
        if self.crs and not divides:
            raise UsageError(
                f"Cells of {self.cell_m} m do not line up with the kilometre; choose 100, 125, 200, 250, 500 or 1000."
            )
        if self.crs and (self.origin[0] % self.cell_m or self.origin[1] % self.cell_m):
            raise UsageError(f"The origin {self.origin} is not on the grid of {self.cell_m} m.")

    @classmethod
    def frame(cls, cell_px: int, *, top: float = 0.0) -> TileGrid:
        """The grid of a plain frame whose pictures have their upper edge at y = `top`: rows count from there.

        `top` is 0 for pictures at (0, -height, width, 0) and the height for pictures at (0, 0, width, height).
        """
        return cls("", cell_px, (0, round(top) % cell_px))

    def __getitem__(self, cell: Cell) -> Bounds:
        return self.bounds(cell)

    def bounds(self, cell: Cell) -> Bounds:
        """Rectangle of a cell: xmin, ymin, xmax, ymax."""
        x, y = self._corner(cell)
        return (float(x), float(y), float(x + self.cell_m), float(y + self.cell_m))

    def transform(self, cell: Cell, px: int) -> Affine:
        """Pixel (col, row) of a `px` x `px` tile to ground (x, y); row 0 is the northern one."""
        x, y = self._corner(cell)
        size = self.cell_m / px
        return Affine(size, 0.0, x, 0.0, -size, y + self.cell_m)

    def cell_at(self, x: float, y: float) -> Cell:
        """The cell that holds a point; a point on an edge belongs to the east and to the north."""
        return Cell(math.floor((x - self.origin[0]) / self.cell_m), math.floor((y - self.origin[1]) / self.cell_m))

    def cells(self, bounds: Bounds) -> list[Cell]:
        """Cells whose inside meets the inside of a rectangle, from the south-west, row by row.

        Raises
        ------
        UsageError
            When there are more than `MOST_CELLS`.
        """
        west, south, east, north = (self._steps(value, axis) for axis, value in zip("xyxy", bounds, strict=True))
        cols = range(math.floor(west + _NEAR), math.ceil(east - _NEAR))
        rows = range(math.floor(south + _NEAR), math.ceil(north - _NEAR))
        if (count := (cols.stop - cols.start) * (rows.stop - rows.start)) > MOST_CELLS:
            raise UsageError(f"{count} cells of {self.cell_m} are more than {MOST_CELLS}; check the bounds, or take "
                             "larger cells.")
        return [Cell(col, row) for row in rows for col in cols]

    def name(self, cell: Cell) -> str:
        """South-west corner of a cell in metres, e.g. "E0905250N6930500"; W and S where it is below zero."""
        x, y = self._corner(cell)
        return f"{'W' if x < 0 else 'E'}{abs(x):07d}{'S' if y < 0 else 'N'}{abs(y):07d}"

    def parse(self, name: str) -> Cell:
        """The cell of a name.

        Raises
        ------
        UsageError
            When the name is not one of this grid.
        """
        match = _NAME.fullmatch(name)
        if not match:
            raise UsageError(f"{name!r} is not the name of a cell, such as E0905250N6930500.")
        x = int(match[2]) * (-1 if match[1] == "W" else 1)
        y = int(match[4]) * (-1 if match[3] == "S" else 1)
        cell = self.cell_at(x, y)
        if self._corner(cell) != (x, y):
            raise UsageError(f"{name} is not the corner of a cell of {self.cell_m} in this grid.")
        return cell

    def _corner(self, cell: Cell) -> tuple[int, int]:
        return self.origin[0] + cell.col * self.cell_m, self.origin[1] + cell.row * self.cell_m

    def _steps(self, value: float, axis: str) -> float:
        return (value - self.origin["xy".index(axis)]) / self.cell_m


def intersection(one: Bounds, other: Bounds) -> Bounds | None:
    """The rectangle that two rectangles share, None when their insides do not meet."""
    west, south = max(one[0], other[0]), max(one[1], other[1])
    east, north = min(one[2], other[2]), min(one[3], other[3])
    return (west, south, east, north) if west < east and south < north else None


def union(many: list[Bounds]) -> Bounds:
    """The rectangle around rectangles (at least one)."""
    west, south, east, north = zip(*many, strict=True)
    return min(west), min(south), max(east), max(north)


def spoken(bounds: Bounds) -> str:
    """A rectangle for a message: "x 905000 to 910000, y 6930000 to 6935000"."""
    return f"x {bounds[0]:.0f} to {bounds[2]:.0f}, y {bounds[1]:.0f} to {bounds[3]:.0f}"
