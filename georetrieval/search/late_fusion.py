"""Late fusion: the lists of nearest neighbours of several modalities become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.search.index import Doubles, Rows
from georetrieval.search.matches import NO_ROW, Matches

DEPTH = 100
"""How many neighbours each modality should be asked for before its list is fused."""


def fuse(matches: Sequence[Matches], k: int) -> Matches:
    """One list per query out of one list per modality.

    Each list's scores are brought to 0..1 by its own best and its own worst answer, and the scores of a row are added
    over the modalities; a row that a list does not hold gets 0 from it. So a row that is near in both modalities
    comes before one that is very near in a single one. Equal sums stand in the order of the rows.

    Parameters
    ----------
    matches
        Of the same queries on the same gallery, one per modality, about `DEPTH` answers per query. A query that a
        modality could not answer is answered by the others.
    k
        Answers wanted, >= 1.

    Returns
    -------
    Matches whose scores are the sums, 0..number of modalities.

    Raises
    ------
    UsageError
        When there is no list, the galleries or the queries differ, or k < 1.

    Notes
    -----
    papers/002, section 3, only says that the answers are chosen by the nearest neighbours of both modalities; this
    is the choice made here.
    *Source*: Fox and Shaw, TREC-2, 1994 (CombSUM); Lee, SIGIR 1997 (scores brought to 0..1 by the list's extremes).
    """
    if not matches or k < 1:
        raise UsageError(f"Fusing needs at least one list and k of at least 1; given are {len(matches)} and {k}.")
    first = max(matches, key=len)
    asked = np.unique(np.concatenate([one.query_rows for one in matches]))
    if any(not np.array_equal(one.gallery_names, first.gallery_names) for one in matches):
        raise UsageError("Only answers from one gallery can be fused; these come from different ones.")
    if not np.array_equal(asked, first.query_rows):
        raise UsageError("Each modality leaves other queries unanswered; no list answers them all, so that they "
                         "cannot be fused.")
    total = np.zeros((len(first), len(first.gallery_names)))
    listed = np.zeros(total.shape, np.bool_)
    for one in matches:
        _add(total, listed, one, np.searchsorted(asked, one.query_rows))
    return _best(first, np.where(listed, total, -np.inf), matches, asked, k)


def _add(total: Doubles, listed: np.ndarray[tuple[int, int], np.dtype[np.bool_]], one: Matches, lines: Rows) -> None:
    """Add the scaled scores of one modality to its rows of (queries, gallery) `total`."""
    scores = np.where(one.found, one.scores.astype(np.float64), np.nan)
    places = np.broadcast_to(lines[:, None], one.rows.shape)[one.found], one.rows[one.found]
    total[places] += _scaled(scores)[one.found]
    listed[places] = True


def _scaled(scores: Doubles) -> Doubles:
    """Each line's scores from 0 (its worst) to 1 (its best); where all are equal, 1. NaN is no answer."""
    known = np.isfinite(scores)
    best = np.max(scores, axis=1, keepdims=True, initial=-np.inf, where=known)
    worst = np.min(scores, axis=1, keepdims=True, initial=np.inf, where=known)
    span = np.where(known.any(axis=1, keepdims=True), best - worst, 0.0)
    return np.where(span > 0, np.divide(scores - worst, span, out=np.ones_like(scores), where=span > 0), 1.0)


def _best(first: Matches, total: Doubles, matches: Sequence[Matches], asked: Rows, k: int) -> Matches:
    count = min(k, total.shape[1])
    order = np.argsort(-total, axis=1, kind="stable")[:, :count]
    scores = np.full((len(total), k), -np.inf, np.float32)
    rows = np.full((len(total), k), NO_ROW, np.int64)
    scores[:, :count] = np.take_along_axis(total, order, axis=1)
    rows[:, :count] = np.where(np.isfinite(scores[:, :count]), order, NO_ROW)
    hits = np.zeros(rows.shape, np.bool_)
    known = rows != NO_ROW
    hits[known] = first.gallery_keys[rows[known]] == np.broadcast_to(first.query_keys[:, None], rows.shape)[known]
    truths = np.zeros(len(total), np.int64)
    for one in matches:
        lines = np.searchsorted(asked, one.query_rows)
        truths[lines] = np.maximum(truths[lines], one.truths)
    return replace(first, scores=scores, rows=rows, hits=hits, truths=truths)
