"""Which cells are in a part: areas are counted from the top left, parts may not share a cell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from georetrieval.errors import UsageError
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.parts import check_apart, date_pairs, tiles_of
from georetrieval.recipe.schema import Dates, Part, Split
from tests.made.greys import greys_of

GREYS = [10, 20, 30, 40,
         50, 60, 70, 80]
"""As they lie in the picture."""


@pytest.fixture
def town(frame: Callable[..., TileSet]) -> TileSet:
    return frame({"1961": GREYS, "1976": GREYS, "1981": GREYS})


@pytest.mark.parametrize(("area", "greys"), [
    ((0, 0, 1, 1), {10, 20, 30, 40, 50, 60, 70, 80}),
    ((0, 0, 0.5, 1), {10, 20, 50, 60}),
    ((0, 0, 1, 0.5), {10, 20, 30, 40}),
    ((0.25, 0.5, 0.75, 1), {60, 70}),
    ((0.2, 0, 0.8, 0.9), {20, 30}),  # whole cells only
    ((0.3, 0, 0.5, 1), set()),
])
def test_areas_are_shares_from_the_top_left(town: TileSet, area: tuple[float, ...], greys: set[int]) -> None:
    rows = tiles_of(town, Part(area=area))
    assert set(greys_of(town, list(rows["tile_id"]))) == greys
    assert len(rows) == 3 * len(greys), "every date"


def test_scopes(town: TileSet) -> None:
    assert len(tiles_of(town, Part(scopes=("town",)))) == 24
    assert len(tiles_of(town, Part(scopes=("57",)))) == 0


def test_parts_that_share_a_cell_are_refused(town: TileSet) -> None:
    left, right = Part(area=(0, 0, 0.5, 1)), Part(area=(0.5, 0, 1, 1))
    check_apart(town, Split(train=left, test=right))
    with pytest.raises(UsageError, match=r"train and test .* share 4 cells, such as town-"):
        check_apart(town, Split(train=Part(), test=right))
    with pytest.raises(UsageError, match="validation and test .* share 2 cells"):
        check_apart(town, Split(train=left, validation=Part(area=(0.5, 0, 0.75, 1)), test=right))
    with pytest.raises(UsageError, match="test part of the split holds no tile"):
        check_apart(town, Split(train=left, test=Part(area=(0.9, 0, 1, 1))))


def test_the_later_date_asks(town: TileSet) -> None:
    pairs = date_pairs(town, Dates(every_pair=True))
    assert sorted(pairs) == [("1976", "1961"), ("1981", "1961"), ("1981", "1976")]
    assert date_pairs(town, Dates(query="1961", gallery="1981")) == [("1961", "1981")]
    with pytest.raises(UsageError, match="no 2004 and no 2019; they hold 1961, 1976, 1981"):
        date_pairs(town, Dates())


def test_one_date_is_no_pair(frame: Callable[..., TileSet]) -> None:
    with pytest.raises(UsageError, match="at least two; the tiles hold 1961"):
        date_pairs(frame({"1961": GREYS}), Dates(every_pair=True))
