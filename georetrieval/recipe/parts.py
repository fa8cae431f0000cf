"""Which tiles belong to train, validation and test, and which dates are compared."""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from georetrieval.errors import UsageError
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.schema import Dates, Part, Split

DatePair = tuple[str, str]
"""(query date, gallery date)."""


def tiles_of(tileset: TileSet, part: Part, frame: TileSet | None = None) -> pd.DataFrame:
    """Catalogue rows of a part: its scopes, and the cells that lie wholly inside its area.

    `frame` is the tile set whose extent the area is a share of, when it is another one than `tileset`.
    """
    rows = tileset.catalogue
    if part.scopes is not None:
        rows = rows[rows["scope"].isin(part.scopes)]
    if part.area is not None:
        x0, y0, x1, y1 = _ground((frame or tileset).catalogue, part.area)
        inside = (rows["xmin"] >= x0) & (rows["xmax"] <= x1) & (rows["ymin"] >= y0) & (rows["ymax"] <= y1)
        rows = rows[inside]
    return rows


def check_apart(tileset: TileSet, split: Split) -> None:
    """Refuse a split whose parts share a cell: a figure on such a part would be measured on the training data.

    Raises
    ------
    UsageError
        With the number of shared cells; also when a part holds no tile.
    """
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    keys = {name: set(tiles_of(tileset, part)["key"]) for name, part in parts.items() if part is not None}
    for name, mine in keys.items():
        if not mine:
            raise UsageError(f"The {name} part of the split holds no tile; enlarge its area or change its scopes.")
    for one, other in combinations(keys, 2):
        shared = keys[one] & keys[other]
        if shared:
            raise UsageError(f"The {one} and {other} parts of the split share {len(shared)} cells, such as "
                             f"{min(shared)}; parts may not overlap.")


def date_pairs(tileset: TileSet, dates: Dates) -> list[DatePair]:
    """The pairs of dates that are compared: the one of the recipe, or every pair with the later date asking.

    Raises
    ------
    UsageError
        When the tiles hold fewer than two dates, or not the ones asked for.
    """
    known = sorted(set(tileset.catalogue["date"]))
    if dates.every_pair:
        if len(known) < 2:
            raise UsageError(f"Comparing dates needs at least two; the tiles hold {', '.join(known) or 'none'}.")
        return [(later, earlier) for earlier, later in combinations(known, 2)]
    missing = {dates.query, dates.gallery} - set(known)
    if missing:
        raise UsageError(f"The tiles hold no {' and no '.join(sorted(missing))}; they hold {', '.join(known)}.")
    return [(dates.query, dates.gallery)]


def _ground(catalogue: pd.DataFrame, area: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Shares of the extent, counted from its top left corner, as bounds on the ground."""
    left, right = catalogue["xmin"].min(), catalogue["xmax"].max()
    bottom, top = catalogue["ymin"].min(), catalogue["ymax"].max()
    width, height = right - left, top - bottom
    slack = 1e-6 * max(width, height)
    return (left + area[0] * width - slack, top - area[3] * height - slack,
            left + area[2] * width + slack, top - area[1] * height + slack)
