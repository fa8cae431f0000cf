"""One evaluation of tiles: everything that a report says of it is read off the same `Matches`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from georetrieval.geo.tileset import TileSet
from georetrieval.maps import BOUNDS
from georetrieval.recipe.circumstances import Groups, groups_of, landscapes
from georetrieval.recipe.failures import true_tiles_in
from georetrieval.search.hubness import occurrences
from georetrieval.search.matches import NO_ROW, Matches
from georetrieval.search.metrics import average_precisions

DEPTH = 100
"""Answers per query that a report asks for: how far down a true place stands is told up to here."""
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Tiles of one date looked for in a gallery.

    Attributes
    ----------
    matches
        At least 10 answers each, `DEPTH` where the gallery has them.
    k
        Answers that the figures are about (map@k).
    rows
        A line per gallery row: scope, date, xmin, ymin, xmax, ymax.
    tileset
        Tiles that ask, and those of the gallery where it has them.
    date
        Of the queries.
    scopes
        That were asked about.
    beside
        Figures of other descriptors on the same queries: descriptor, queries, map_at_k, recall_at_1, recall_at_k.
    about
        What is known of where all comes from; see `page.sources`.
    blank
        Tiles that were left out because nothing is on them.
    """

    matches: Matches
    k: int
    rows: pd.DataFrame
    tileset: TileSet
    date: str
    scopes: tuple[str, ...]
    title: str
    beside: Sequence[Mapping[str, Any]] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    blank: int = 0

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """The catalogue by tile id."""
        return self.tileset.catalogue.set_index("tile_id", drop=False)

    @cached_property
    def first(self) -> Matches:
        """The first k answers: those that `evaluate` counts."""
        return self.matches.first(self.k)

    @cached_property
    def counted(self) -> Mask:
        """(nq,) queries whose place is in the gallery."""
        return np.asarray(self.matches.truths > 0)

    @cached_property
    def gains(self) -> Doubles:
        """(nq,) average precision at k."""
        return average_precisions(self.matches, self.k)

    @cached_property
    def ranks(self) -> Whole:
        """(nq,) rank of the first true answer, 0 where none is among the answers."""
        hits = self.matches.hits
        return np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 0).astype(np.int64)

    @cached_property
    def true_scores(self) -> Doubles:
        """(nq,) score of the first true answer, NaN where none is among the answers."""
        picked = self.matches.scores[np.arange(len(self.ranks)), np.maximum(self.ranks - 1, 0)].astype(np.float64)
        return np.asarray(np.where(self.ranks > 0, picked, np.nan), np.float64)

    @cached_property
    def wrong_scores(self) -> Doubles:
        """(nq,) score of the best wrong answer, NaN where there is none."""
        wrong = np.where(self.matches.found & ~self.matches.hits, self.matches.scores, -np.inf).max(axis=1)
        return np.asarray(np.where(np.isfinite(wrong), wrong, np.nan), np.float64)

    @cached_property
    def bounds(self) -> Doubles:
        """(nq, 4) rectangles of the queries: xmin, ymin, xmax, ymax."""
        places: pd.DataFrame = self.catalogue.loc[self.matches.query_names.tolist(), list(BOUNDS)]
        return np.asarray(places.to_numpy(np.float64), np.float64)

    @cached_property
    def row_bounds(self) -> Doubles:
        """(n, 4) rectangles of the gallery rows."""
        return self.rows[list(BOUNDS)].to_numpy(np.float64)

    @cached_property
    def missed(self) -> Whole:
        """Queries that count and whose first answer is wrong, by their lines."""
        return np.flatnonzero(self.counted & (self.matches.rows[:, 0] != NO_ROW) & ~self.matches.hits[:, 0])

    @cached_property
    def counts(self) -> Whole:
        """(n,) how many queries have a gallery row among their first k answers."""
        return occurrences(self.first, self.k)

    @cached_property
    def truth(self) -> dict[str, str]:
        """Tile id of each query that counts -> tile id of its place in the gallery, "" where the tiles lack it."""
        return true_tiles_in(self.matches, self.tileset)

    @cached_property
    def groups(self) -> list[Groups]:
        """Queries by landscape and by change."""
        return groups_of(self.tileset, self.truth) if self.truth else []

    @cached_property
    def has_classes(self) -> bool:
        """Whether the tiles that ask have a map."""
        return any("classes" in self.tileset.bands_of(scope, self.date) for scope in self.scopes)

    def tile_of(self, row: int) -> str:
        """The tile that shows a gallery row: of its name, else the one of its survey that holds its middle, else ""."""
        name = str(self.matches.gallery_names[row])
        if name in self.catalogue.index:
            return name
        x0, y0, x1, y1 = self.row_bounds[row]
        x, y, c = (x0 + x1) / 2, (y0 + y1) / 2, self.catalogue
        here = (c["xmin"] <= x) & (x < c["xmax"]) & (c["ymin"] <= y) & (y < c["ymax"])
        here &= (c["scope"] == self.rows["scope"].iloc[row]) & (c["date"] == self.rows["date"].iloc[row])
        return str(c.index[here][0]) if here.any() else ""

    def landscape(self, tiles: Sequence[str]) -> list[str]:
        """Landscape of tiles; "" without a map."""
        rows = self.catalogue.loc[list(tiles)]
        shares = [name for name in rows if str(name).startswith("share_")]
        known = rows[shares].notna().any(axis=1).to_numpy() if shares else np.zeros(len(rows), bool)
        return [name if there else "" for name, there in zip(landscapes(rows), known, strict=True)]

    @cached_property
    def worst(self) -> list[int]:
        """Queries that count and are not answered rightly at once, the worst first.

        Those without a true answer among the first k come first, of them those whose wrong answer beats the true one
        by most.
        """
        lines = np.flatnonzero(self.counted & (self.ranks != 1) & (self.matches.rows[:, 0] != NO_ROW))
        last = np.where(self.matches.found, self.matches.scores, np.inf).min(axis=1)
        true = np.where(np.isnan(self.true_scores), last, self.true_scores)
        lead = self.matches.scores[:, 0] - true
        return [int(line) for line in sorted(lines, key=lambda q: (self.gains[q], -lead[q], q))]
