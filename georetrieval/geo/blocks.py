"""The unit of work and of resume: the cells of one sheet, painted and read at once, then cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from affine import Affine

from georetrieval.geo.grid import Bounds, Cell, TileGrid
from georetrieval.geo.ortho import Mosaic

LARGEST_PX = 6144
"""Side of the largest block in pixels; larger sheets become several blocks."""

VECTOR_PX = 2560
"""Side of a block in pixels where no photo says where a sheet ends."""


@dataclass(frozen=True)
class Block:
    """Cells that are made together.

    Attributes
    ----------
    cells
        From the south-west, row by row; not always a full rectangle.
    sheet
        Number of the sheet in the mosaic that owns them; None without photos.
    """

    cells: tuple[Cell, ...]
    sheet: int | None

    def bounds(self, grid: TileGrid) -> Bounds:
        """The rectangle around the cells."""
        first, last = self._corners
        return (*grid.bounds(first)[:2], *grid.bounds(last)[2:])

    def shape(self, px: int) -> tuple[int, int]:
        """Rows, columns of that rectangle in pixels."""
        first, last = self._corners
        return (last.row - first.row + 1) * px, (last.col - first.col + 1) * px

    def transform(self, grid: TileGrid, px: int) -> Affine:
        """Pixel (col, row) to ground (x, y)."""
        first, last = self._corners
        return grid.transform(Cell(first.col, last.row), px)

    def window(self, cell: Cell, px: int) -> tuple[slice, slice]:
        """Rows and columns of one cell in the pixels of the block."""
        first, last = self._corners
        row, col = (last.row - cell.row) * px, (cell.col - first.col) * px
        return slice(row, row + px), slice(col, col + px)

    @cached_property
    def _corners(self) -> tuple[Cell, Cell]:
        cols, rows = zip(*self.cells, strict=True)
        return Cell(min(cols), min(rows)), Cell(max(cols), max(rows))


def photo_blocks(mosaic: Mosaic, grid: TileGrid, px: int) -> list[Block]:
    """Every cell that a sheet touches, once: with the first sheet that holds its centre, else the first it touches."""
    owner: dict[Cell, int] = {}
    for centred in (True, False):
        for number, sheet in enumerate(mosaic.sheets):
            for cell in grid.cells(sheet.bounds):
                if cell not in owner and (not centred or _holds_centre(sheet.bounds, grid.bounds(cell))):
                    owner[cell] = number
    return [block for number in range(len(mosaic.sheets))
            for block in sheet_blocks((c for c, n in owner.items() if n == number), px, number)]


def sheet_blocks(cells: Iterable[Cell], px: int, number: int) -> list[Block]:
    """The cells that a sheet owns, as one block or several."""
    return _cut(cells, max(1, LARGEST_PX // px), number)


def vector_blocks(bounds: Bounds, grid: TileGrid, px: int) -> list[Block]:
    """Every cell that a rectangle touches, in square blocks."""
    return _cut(grid.cells(bounds), max(1, VECTOR_PX // px), None)


def _holds_centre(outer: Bounds, cell: Bounds) -> bool:
    x, y = (cell[0] + cell[2]) / 2, (cell[1] + cell[3]) / 2
    return outer[0] <= x <= outer[2] and outer[1] <= y <= outer[3]


def _cut(cells: Iterable[Cell], side: int, sheet: int | None) -> list[Block]:
    """Cells in squares of `side` cells, counted from their own south-west corner."""
    ordered = sorted(cells, key=lambda cell: (cell.row, cell.col))
    if not ordered:
        return []
    west, south = min(c.col for c in ordered), min(c.row for c in ordered)
    squares: dict[tuple[int, int], list[Cell]] = {}
    for cell in ordered:
        squares.setdefault(((cell.row - south) // side, (cell.col - west) // side), []).append(cell)
    return [Block(tuple(square), sheet) for square in squares.values()]


def count_cells(blocks: Sequence[Block]) -> int:
    """Cells of all blocks together."""
    return sum(len(block.cells) for block in blocks)
