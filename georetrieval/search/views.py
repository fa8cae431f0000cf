"""One question asked in several ways: each row is as near as it is to the nearest of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors, Texts
from georetrieval.search.excluding import Places
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.index import Rows, Scores
from georetrieval.search.matches import NO_ROW, Matches


def search_views(
    gallery: Gallery, views: Sequence[Descriptors], k: int, *, where: Filter | None = None,
    places: Places | None = None,
) -> tuple[Descriptors, Matches]:
    """The best of several looks at the same queries, and of each query the descriptor of the look that is nearest.

    Parameters
    ----------
    views
        One list of descriptors per look, row by row the same queries.
    places
        (nq, 2) float64, the middle of each query, for `Filter.beyond_m`.
    """
    found = [gallery.search(view, k, where=where, places=places) for view in views]
    if len(found) == 1:
        return views[0], found[0]
    return nearest_views(views, found), best_of(found)


def best_of(views: Sequence[Matches]) -> Matches:
    """The answers to the same queries seen in several ways: of each row its best score, the k best rows.

    A query counts as answered when one of its views is. The result is what a search for the best score over all views
    would give, since each of its rows is among the first k of the view in which it is nearest.

    Parameters
    ----------
    views
        Answers of one gallery to one list of queries, the same k in each.

    Raises
    ------
    UsageError
        When there is no view, or they differ in k or in the gallery.
    """
    if not views or len({(view.k, len(view.gallery_names)) for view in views}) != 1:
        raise UsageError("Only answers of one gallery with one k, at least one, can be brought together.")
    first, k = views[0], views[0].k
    asked = np.unique(np.concatenate([view.query_rows for view in views]))
    rows = np.full((len(asked), len(views) * k), NO_ROW, np.int64)
    scores = np.full(rows.shape, -np.inf, np.float32)
    truths = np.zeros(len(asked), np.int64)
    named: list[Texts] = [np.full(len(asked), "", dtype=object) for _ in range(3)]
    for place, view in enumerate(views):
        at = np.searchsorted(asked, view.query_rows)
        part = slice(place * k, (place + 1) * k)
        rows[at, part], scores[at, part], truths[at] = view.rows, view.scores, view.truths
        for texts, known in zip(named, (view.query_names, view.query_keys, view.query_scopes), strict=True):
            texts[at] = known
    rows, scores = _distinct(rows, scores, first.gallery_names, k)
    names, keys, scopes = (texts.astype(np.str_) for texts in named)
    hits = np.zeros(rows.shape, np.bool_)
    found = rows != NO_ROW
    hits[found] = first.gallery_keys[rows[found]] == np.broadcast_to(keys[:, None], rows.shape)[found]
    silent = [i for i, name in enumerate(first.unanswered_names) if name not in set(names)]
    return replace(
        first, scores=scores, rows=rows, hits=hits, truths=truths, query_rows=asked, query_names=names, query_keys=keys,
        query_scopes=scopes, unanswered_names=first.unanswered_names[silent],
        unanswered_scopes=first.unanswered_scopes[silent])


def nearest_views(queries: Sequence[Descriptors], views: Sequence[Matches]) -> Descriptors:
    """Of each query the descriptor of the view whose first answer is nearest; that of the first view if none answers.

    Parameters
    ----------
    queries
        The descriptors that were asked, one list per view, row by row the same queries.
    views
        Their answers.
    """
    best = np.full((len(views), len(queries[0])), -np.inf, np.float32)
    for scores, view in zip(best, views, strict=True):
        scores[view.query_rows] = view.scores[:, 0]
    chosen = best.argmax(axis=0)
    vectors = np.stack([view.vectors for view in queries])[chosen, np.arange(len(chosen))]
    return replace(queries[0], vectors=vectors)


def _distinct(rows: Rows, scores: Scores, names: Texts, k: int) -> tuple[Rows, Scores]:
    """The k best rows of each line, each once; equal ones by name."""
    known = rows != NO_ROW
    by_name = np.zeros(rows.shape, np.int64)
    by_name[known] = np.unique(names[rows[known]], return_inverse=True)[1]
    order = np.lexsort((by_name, -scores), axis=1)
    rows, scores = np.take_along_axis(rows, order, 1), np.take_along_axis(scores, order, 1)
    out_rows, out_scores = np.full((len(rows), k), NO_ROW, np.int64), np.full((len(rows), k), -np.inf, np.float32)
    for i, line in enumerate(rows):
        _, where = np.unique(line, return_index=True)
        where = np.sort(where[line[where] != NO_ROW])[:k]
        out_rows[i, :len(where)], out_scores[i, :len(where)] = line[where], scores[i, where]
    return out_rows, out_scores
