"""From queries to answers that can be trusted: search, re-rank, say how sure, and say "no match" below a limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from georetrieval.errors import UsageError
from georetrieval.maps import Rectangles, bounds_of
from georetrieval.recipe.nearness import Kinds, Values, apart, depth_of
from georetrieval.recipe.sureness import confidences
from georetrieval.samples.overlap import steps_of
from georetrieval.search.ann import EXACT
from georetrieval.search.building import Part
from georetrieval.search.confidence import DEPTH, silenced
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.excluding import Places
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.index import Doubles, Index
from georetrieval.search.kept_ann import kept_index
from georetrieval.search.matches import Matches
from georetrieval.search.rerank import CANDIDATES, RERANKERS
from georetrieval.search.row_source import HeldRows, RowSource, Store
from georetrieval.search.store import IndexStore
from georetrieval.search.views import search_views

if TYPE_CHECKING:
    from georetrieval.recipe.closer import CloserLook


@dataclass(frozen=True, eq=False)
class Answers:
    """What is said to some queries.

    Attributes
    ----------
    matches : at most k answers each
    confidence : (nq,) probability that the first answer is right; None when the index is not calibrated
    none_may : the filters leave no row that may answer
    table : the rows that `matches` points to
    note : what is wrong with the index's file of codes, so that all rows were compared; "" when nothing is
    """

    matches: Matches
    confidence: Doubles | None
    none_may: bool
    table: pa.Table
    note: str = ""


def answered(
    store: Store, source: RowSource, views: Sequence[Descriptors], k: int, *, where: Filter,
    rerank: str | CloserLook = "none", min_confidence: float | None = None, every_window: bool = False,
    whole: bool = False, exact: bool = True, bounds: Rectangles | None = None,
) -> Answers:
    """The k best answers to each query.

    Parameters
    ----------
    source : rows of the index
    views : looks at the same queries, one or more; the nearest counts
    rerank : "none", a name of `RERANKERS`, applied to the first `CANDIDATES` answers (k when that is more), or a
        closer look
    min_confidence : queries whose first answer is less sure get no answer at all, 0..1
    exact : compare all rows, whatever kind of index was chosen for them
    bounds : (nq, 4) rectangles of the queries, NaN where not known; for `Filter.beyond_m`
    every_window : where the rows of the index overlap, all that are near are answered; else k different places are
    whole : bring all rows of the index, whatever is asked

    Raises
    ------
    UsageError
        When a confidence is asked for and the index is not calibrated.
    """
    require_calibration(store, min_confidence)
    overlap = 0.0 if every_window else store.manifest.overlap
    depth = max(depth_of(k, steps_of(overlap)), DEPTH if store.manifest.calibration else 0,
                CANDIDATES * (rerank != "none") if isinstance(rerank, str) else rerank.settings.candidates)
    whole = whole or where.beyond_m > 0
    rows = source.whole() if whole or _all_count(store, rerank) else source.nearest(views, depth, where)
    index, note = _chosen(store, source, rows[0], exact)
    search = _Search(views, depth, where, rerank, None if bounds is None else (bounds[:, :2] + bounds[:, 2:]) / 2)
    found = search.among(rows, index)
    if store.manifest.calibration is not None:  # how sure it is depends on the neighbours of the answers too
        wider = source.nearest([found.answers], DEPTH)
        found = found if wider[1] is rows[1] or whole else search.among(wider, EXACT)
    first, best, rows = found.first, found.best, found.rows
    sure = confidences(store, first, found.gallery, best.rows[:, 0])
    matches = best.first(k) if overlap == 0 else apart(best, *_grounds(rows[1]), store.manifest.cell_m / 2, k)
    if min_confidence is not None and sure is not None:
        matches = silenced(matches, sure < min_confidence)
    return Answers(matches, sure, not first.found.any(), rows[1], note)


@dataclass(frozen=True, eq=False)
class _Found:
    """Answers among some rows, before and after they were put into a better order."""

    rows: Part
    gallery: Gallery
    first: Matches
    best: Matches

    @property
    def answers(self) -> Descriptors:
        """The rows that are first answers."""
        return self.rows[0].take(self.best.rows[:, 0][self.best.found[:, 0]])


@dataclass(frozen=True, eq=False)
class _Search:
    """What is asked: `depth` answers to each view, put into a better order by `rerank`."""

    views: Sequence[Descriptors]
    depth: int
    where: Filter
    rerank: str | CloserLook
    places: Places | None

    def among(self, rows: Part, index: str | Index) -> _Found:
        """Answers among some rows, searched by an index of them."""
        gallery = Gallery.of(rows[0], attributes=rows[1], index=index)
        queries, first = search_views(gallery, self.views, self.depth, where=self.where, places=self.places)
        best = first
        if self.rerank != "none":
            better = RERANKERS[self.rerank] if isinstance(self.rerank, str) else self.rerank
            best = better(queries, gallery, first)
        return _Found(rows, gallery, first, best)


def _chosen(store: Store, source: RowSource, rows: Descriptors, exact: bool) -> tuple[str | Index, str]:
    """The index that was chosen for the rows of a folder, and what is wrong with its file; a server has its own."""
    if exact or not (isinstance(store, IndexStore) and isinstance(source, HeldRows)):
        return EXACT, ""
    return kept_index(store.path, store.manifest, rows)


def _all_count(store: Store, rerank: str | CloserLook) -> bool:
    """Whether an answer depends on rows beyond its neighbours: neighbours of neighbours, or chains of places."""
    m = store.manifest
    return rerank == "k-reciprocal" or (m.calibration is not None and (m.overlap > 0 or m.zooms != [1.0]))


def _grounds(table: pa.Table) -> tuple[Values, Kinds]:
    """Middles of all rows, and numbers that are equal for rows of one date."""
    boxes = bounds_of(table, np.arange(table.num_rows))
    dates = np.unique(np.asarray(table.column("date").to_pylist(), dtype=np.str_), return_inverse=True)[1]
    return (boxes[:, :2] + boxes[:, 2:]) / 2, dates.astype(np.int64)


def require_calibration(store: Store, min_confidence: float | None) -> None:
    """UsageError when a confidence is asked of an index that has not been calibrated."""
    if min_confidence is not None and store.manifest.calibration is None:
        raise UsageError(f"The index {store.path} is not calibrated, so it has no confidence to compare with "
                         f"{min_confidence:g}; measure it with: georetrieval index calibrate.")
