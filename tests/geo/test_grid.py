"""The grid: names, rectangles and edges are whole numbers on the ground."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from georetrieval.errors import UsageError
from georetrieval.geo.grid import Cell, TileGrid, intersection

LAMBERT = TileGrid("EPSG:2154", 250)
cells = st.builds(Cell, st.integers(-30_000, 30_000), st.integers(-30_000, 30_000))


def test_a_cell_is_named_by_its_south_west_corner() -> None:
    cell = LAMBERT.cell_at(905_399.0, 6_930_500.0)
    assert LAMBERT.name(cell) == "E0905250N6930500"
    assert LAMBERT.bounds(cell) == (905_250.0, 6_930_500.0, 905_500.0, 6_930_750.0)
    assert LAMBERT[cell] == LAMBERT.bounds(cell)


@given(cells)
def test_a_name_leads_back_to_its_cell(cell: Cell) -> None:
    assert LAMBERT.parse(LAMBERT.name(cell)) == cell


@given(cells)
def test_a_cell_touches_itself_alone(cell: Cell) -> None:
    assert LAMBERT.cells(LAMBERT.bounds(cell)) == [cell]


def test_below_zero() -> None:
    grid = TileGrid("", 256)
    assert grid.name(Cell(-1, -2)) == "W0000256S0000512"
    assert grid.cell_at(-0.5, -0.5) == Cell(-1, -1)


def test_cells_of_a_rectangle_that_crosses_edges() -> None:
    touched = LAMBERT.cells((905_249.0, 6_930_000.0, 905_251.0, 6_930_250.0))
    assert [LAMBERT.name(cell) for cell in touched] == ["E0905000N6930000", "E0905250N6930000"]


def test_row_zero_of_a_tile_is_the_north() -> None:
    transform = TileGrid("EPSG:2154", 500).transform(Cell(0, 0), 256)
    assert transform @ (0, 0) == (0.0, 500.0)
    assert transform @ (256, 256) == (500.0, 0.0)


@pytest.mark.parametrize("height", [2816, 2800])
def test_a_frame_counts_its_rows_from_the_top(height: int) -> None:
    grid = TileGrid.frame(256, top=height)
    top = max(cell.row for cell in grid.cells((0.0, 0.0, 3024.0, float(height))))
    assert grid.bounds(Cell(0, top)) == (0.0, height - 256.0, 256.0, float(height))
    below_zero = TileGrid.frame(256)
    assert below_zero.bounds(Cell(0, -1)) == (0.0, -256.0, 256.0, 0.0)


@pytest.mark.parametrize("cell_m", [0, -250, 300, 750, 2000, 50])
def test_a_size_that_does_not_line_up_with_the_kilometre(cell_m: int) -> None:
    with pytest.raises(UsageError):
        TileGrid("EPSG:2154", cell_m)


@pytest.mark.parametrize("name", ["", "E905250N6930500", "E0905251N6930500", "../../etc", "N0905250E6930500"])
def test_a_name_of_another_grid(name: str) -> None:
    with pytest.raises(UsageError):
        LAMBERT.parse(name)


def test_rectangles_that_share_an_edge_do_not_meet() -> None:
    assert intersection((0, 0, 1, 1), (1, 0, 2, 1)) is None
    assert intersection((0, 0, 2, 2), (1, -1, 3, 1)) == (1, 0, 2, 1)
