"""What is known of a query's place: its landscape, and how much changed there between the two dates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from georetrieval.geo.tileset import TileSet
from georetrieval.samples.bands import derive

LANDSCAPES = ("wood", "field", "village", "town", "water")
WATER, TOWN, WOOD, VILLAGE = 0.05, 0.04, 0.5, 0.004
BUILT = ("building", "church", "tower", "fort", "castle")
CLASS_BOUNDS = (0.05, 0.1, 0.2)
PHOTO_BOUNDS = (0.5, 0.7, 0.9)
Doubles = npt.NDArray[np.float64]
Plane = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Groups:
    """Queries sorted into groups.

    Attributes
    ----------
    by
        "landscape" or "change".
    values
        All groups, in the order of a table; a group may be empty.
    of
        Tile id of a query -> its group; a query whose group is not known is not in it.
    """

    by: str
    values: tuple[str, ...]
    of: Mapping[str, str]


def groups_of(tileset: TileSet, truth: Mapping[str, str]) -> list[Groups]:
    """The groups of some queries.

    Parameters
    ----------
    truth
        Tile id of each query -> tile id of the true answer, both of `tileset`; "" when that is not at hand: how much
        changed there is then not known.

    Returns
    -------
    list of Groups
        By landscape where the queries have classes; by change of the classes where both dates have them, else by
        change of the photographs where both dates have these.
    """
    rows = tileset.catalogue.set_index("tile_id", drop=False)
    queries = rows.loc[list(truth)]
    found = []
    if _hold(tileset, queries, {"classes"}):
        found.append(Groups("landscape", LANDSCAPES, dict(zip(truth, landscapes(queries), strict=True))))
    truth = {query: answer for query, answer in truth.items() if answer}
    sides = rows.loc[[*truth, *truth.values()]]
    if _hold(tileset, sides, {"classes"}):
        change, bounds, what = class_change(tileset, truth), CLASS_BOUNDS, "map"
    elif _hold(tileset, sides, {"r", "grey"}):
        change, bounds, what = photo_change(tileset, truth), PHOTO_BOUNDS, "photo"
    else:
        return found
    values = bins_of(bounds, what)
    labels = [values[place] for place in np.searchsorted(bounds, change, side="right")]
    return [*found, Groups("change", values, dict(zip(truth, labels, strict=True)))]


def landscapes(rows: pd.DataFrame) -> list[str]:
    """The landscape of tiles, from the catalogue's shares of their classes. The first rule that holds decides:

    - **water**: at least 5 % water (1.25 ha of a cell of 500 m): a pond, a lake, a broad river;
    - **town**: at least 4 % under buildings of any kind (1 ha of 25: some eighty houses);
    - **wood**: at least half vegetation, whatever houses stand in it;
    - **village**: at least 0.4 % under buildings (1,000 m2 of 25 ha: some eight houses);
    - **field**: the rest: open land, with roads and hedges.

    Water comes first because it shows from anywhere; vegetation is where BD TOPO has trees, so open land is what has
    neither trees nor houses. Chosen while looking at three made-up départements (1,024 cells of 500 m each), before
    any descriptor was measured by it: field 47-50 %, wood 23-27 %, village 16-19 %, water 4-6 %, town 3-5 %. A class
    that the legend has not is taken as absent.
    """
    def share(*classes: str) -> Doubles:
        held = [f"share_{name}" for name in classes if f"share_{name}" in rows]
        return np.asarray(rows[held].fillna(0).to_numpy(np.float64).sum(axis=1))

    built = share(*BUILT)
    rules = [share("water") >= WATER, built >= TOWN, share("vegetation") >= WOOD, built >= VILLAGE]
    return [str(name) for name in np.select(rules, ["water", "town", "wood", "village"], "field")]


def bins_of(bounds: Sequence[float], what: str) -> tuple[str, ...]:
    """Names of the bins between bounds; a value on a bound is in the bin above it."""
    edges = [0.0, *bounds]
    inner = [f"{what} {low:g}-{high:g}" for low, high in pairwise(edges)]
    return (*inner, f"{what} {edges[-1]:g} and more")


def class_change(tileset: TileSet, truth: Mapping[str, str]) -> Doubles:
    """(n,) 0..1: share of the pixels whose class differs between a query and its true tile.

    The bounds .05, .1, .2 cut three made-up départements at about 29, 60 and 86 % of their cells.
    """
    read = _reader(tileset, "classes")
    return np.array([np.not_equal(read(one), read(other)).mean() for one, other in truth.items()], np.float64)


def photo_change(tileset: TileSet, truth: Mapping[str, str]) -> Doubles:
    """(n,) 0..2: 1 - correlation of the grey photographs of a query and its true tile; 1 where one has no contrast.

    Light, season and a shift of the frame change it too. The bounds .5, .7, .9 cut the made-up départements at about
    25, 49 and 79 % of their cells; in the real town (REFERENCE.md E) the median is .59 for 1961-64 and .87 for
    1961-81.
    """
    read = _reader(tileset, "grey")
    return np.array([1 - _correlation(read(one), read(other)) for one, other in truth.items()], np.float64)


def _correlation(one: Plane, other: Plane) -> float:
    a, b = one - one.mean(dtype=np.float64), other - other.mean(dtype=np.float64)
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _reader(tileset: TileSet, band: str) -> Callable[[str], Plane]:
    """A function from a tile id to one band `(px, px)` of its pixels."""
    rows = tileset.catalogue
    places = rows.groupby(["scope", "date"]).cumcount()
    where = {str(t): (str(s), str(d), int(p))
             for t, s, d, p in zip(rows["tile_id"], rows["scope"], rows["date"], places, strict=True)}
    surveys = {(scope, date) for scope, date, _ in where.values()}
    packs = {survey: tileset.pixels(*survey) for survey in surveys}
    bands = {survey: tileset.bands_of(*survey) for survey in surveys}

    def read(tile: str) -> Plane:
        scope, date, row = where[tile]
        stored = np.asarray(packs[scope, date][row : row + 1])
        return np.asarray(derive(stored, bands[scope, date], (band,), None)[0, 0])

    return read


def _hold(tileset: TileSet, rows: pd.DataFrame, wanted: set[str]) -> bool:
    """Whether every survey of these tiles holds one of the wanted bands."""
    surveys = rows[["scope", "date"]].drop_duplicates().itertuples(index=False)
    return all(wanted & set(tileset.bands_of(str(scope), str(date))) for scope, date in surveys)
