"""Which rows may answer: conditions on the columns of a gallery, worked out once for questions that ask the same."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Texts
from georetrieval.search.index import Rows
from georetrieval.search.words import Words

Mask = npt.NDArray[np.bool_]
BOUNDS_COLUMNS = ("xmin", "ymin", "xmax", "ymax")
KEPT = 8
"""Filters whose rows are remembered: a session asks with few, and each takes 17 bytes a row."""


@dataclass(frozen=True)
class Filter:
    """Which rows may answer; all conditions hold together, an empty one asks nothing.

    Attributes
    ----------
    dates, scopes : values of the columns "date" and "scope"
    bounds : (xmin, ymin, xmax, ymax); rows whose rectangle shares some area with it
    exclude_self : leave out rows that have the query's own name
    own_scope : a query meets only the rows of its own scope
    beyond_m : leave out rows whose middle is not farther than this from the query's, in the units of the bounds; 0 asks
        nothing, and so does a query whose place is not known
    """

    dates: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    bounds: tuple[float, float, float, float] | None = None
    exclude_self: bool = False
    own_scope: bool = False
    beyond_m: float = 0.0

    def __post_init__(self) -> None:
        for name in ("dates", "scopes", "bounds"):  # lists and arrays are taken too
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(value))


EVERYTHING = Filter()


@dataclass(frozen=True, eq=False)
class Allowed:
    """Rows that may answer.

    Attributes
    ----------
    rows : (m,) int64 rows of the gallery, ascending; None: all that the index holds
    positions : (m,) int64, the same rows as the index numbers them, ascending; None: all
    mask : (n,) bool over the rows of the gallery
    """

    rows: Rows | None
    positions: Rows | None
    mask: Mask


class Allowing:
    """The rows that each filter lets answer.

    Parameters
    ----------
    scopes : (n,) str, of the gallery's rows
    attributes : Arrow table with a row per row of the gallery, or None
    valid : (n,) bool, rows that the index holds
    order : the rows in the order of the index; None: as they stand
    """

    def __init__(self, scopes: Texts, attributes: pa.Table | None, valid: Mask, order: Rows | None) -> None:
        self._texts, self.attributes, self.valid = scopes, attributes, valid
        self.everything = Allowed(None, None, valid)
        self._places: Rows | None = None
        if order is not None:
            self._places = np.zeros(len(valid), np.int64)
            self._places[order] = np.arange(len(order))
        self._size = int(valid.sum())
        self._kept: OrderedDict[Filter, Allowed] = OrderedDict()

    @cached_property
    def scopes(self) -> Words:
        """The scopes as numbers."""
        return Words(self._texts)

    def of(self, where: Filter, scope: int | None = None) -> Allowed:
        """Rows that the filter lets answer, of one scope (its number) or of all; what differs per query is not in it.

        Raises
        ------
        UsageError
            For empty bounds, or a column that is not there.
        """
        plain = replace(where, exclude_self=False, own_scope=False, beyond_m=0.0)
        if plain == EVERYTHING and scope is None:
            return self.everything
        if scope is not None:  # a search asks for each of them once
            return self._found(plain, scope)
        kept = self._kept.pop(plain, None) or self._found(plain, None)
        self._kept[plain] = kept
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept

    def _found(self, where: Filter, scope: int | None) -> Allowed:
        if scope is None:
            rows = np.flatnonzero(self._mask(where))
        else:
            rows = self.scopes.where(scope)
            rows = rows[self.of(where).mask[rows]]
        if where == EVERYTHING and len(rows) == self._size:
            return self.everything
        mask = np.zeros(len(self.valid), np.bool_)
        mask[rows] = True
        return Allowed(rows, rows if self._places is None else np.sort(self._places[rows]), mask)

    def _mask(self, where: Filter) -> Mask:
        conditions = [self.valid]
        if where.dates:
            import pyarrow.compute as pc

            dates = pc.is_in(self.column("date"), pa.array(where.dates, pa.string()))
            conditions.append(dates.to_numpy(zero_copy_only=False))
        if where.scopes:
            conditions.append(np.isin(self.scopes.codes, self.scopes.of(np.asarray(where.scopes, np.str_))))
        if where.bounds is not None:
            conditions.append(self._touching(where.bounds))
        return np.asarray(np.logical_and.reduce(conditions))

    def _touching(self, bounds: tuple[float, float, float, float]) -> Mask:
        x0, y0, x1, y1 = bounds
        if not (x0 < x1 and y0 < y1):
            raise UsageError(f"The bounds {x0:g},{y0:g},{x1:g},{y1:g} are empty; give xmin,ymin,xmax,ymax.")
        xmin, ymin, xmax, ymax = self.boxes()
        return np.asarray((xmin < x1) & (xmax > x0) & (ymin < y1) & (ymax > y0))

    def boxes(self) -> list[npt.NDArray[np.float64]]:
        """xmin, ymin, xmax, ymax of all rows, each (n,) float64."""
        return [self.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in BOUNDS_COLUMNS]

    def column(self, name: str) -> Any:
        """A column of the attributes as one Arrow array; UsageError when there is none."""
        if self.attributes is None or name not in self.attributes.column_names:
            raise UsageError(f"This gallery has no column {name!r} to filter on.")
        return self.attributes.column(name).combine_chunks()
