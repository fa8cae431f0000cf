"""Answers judged by where they lie: how far from the truth, and whether that is near enough."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import numpy.typing as npt

from georetrieval.search.matches import NO_ROW, Matches

Kinds = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]
SLACK = 1e-9
"""Share of the reach by which rounding may carry an answer beyond it."""


def distances(matches: Matches, truths: Values, centres: Values) -> Values:
    """How far each answer lies from the truth.

    Parameters
    ----------
    truths
        `(nq, 2)` float64, x and y of every query that was asked, the unanswered ones too.
    centres
        `(n, 2)` float64, x and y of the middle of every gallery row.

    Returns
    -------
    `(nq, k)` float64 in the units of both; infinite where there is no answer.
    """
    far = np.full((len(truths), matches.k), np.inf)
    found = matches.found
    lines = np.full(found.shape, np.inf)
    here = np.broadcast_to(truths[matches.query_rows][:, None], (*found.shape, 2))[found]
    lines[found] = np.hypot(*(centres[matches.rows[found]] - here).T)
    far[matches.query_rows] = lines
    return far


def apart(matches: Matches, centres: Values, kinds: Kinds | None, reach: float, k: int) -> Matches:
    """The k best answers of each query that are different places: none within `reach` of a better one.

    Where the rows of an index overlap, the windows around one place would otherwise fill all the answers. A place is a
    hit when one of the answers that it stands for is.

    Parameters
    ----------
    matches
        Deep enough that other places are among them, see `depth_of`.
    centres
        `(n, 2)` float64, x and y of the middle of every gallery row.
    kinds
        `(n,)` int64; rows of different kinds, such as other dates, are never the same place. None: all are of one.
    """
    rows = np.full((len(matches), k), NO_ROW, np.int64)
    scores = np.full((len(matches), k), -np.inf, np.float32)
    hits = np.zeros((len(matches), k), np.bool_)
    for query, (line, found) in enumerate(zip(matches.rows, matches.found, strict=True)):
        places = _places(centres[line[found]], None if kinds is None else kinds[line[found]], reach, k)
        kept, count = [int(place[0]) for place in places], len(places)
        rows[query, :count], scores[query, :count] = line[kept], matches.scores[query, kept]
        hits[query, :count] = [matches.hits[query, place].any() for place in places]
    return replace(matches, rows=rows, scores=scores, hits=hits)


def depth_of(k: int, steps: int) -> int:
    """How many answers are looked at so that k places are among them: windows start every 1 / `steps` of a side."""
    return k * max(1, round(pi * (steps / 2) ** 2))


def _places(centres: Values, kinds: Kinds | None, reach: float, k: int) -> list[Kinds]:
    """Positions of the answers of each of the first k places: the best one, then what is within reach of it."""
    places: list[Kinds] = []
    free = np.ones(len(centres), np.bool_)
    while len(places) < k and free.any():
        best = int(free.argmax())
        near = free & (np.hypot(*(centres - centres[best]).T) <= reach * (1 + SLACK))
        if kinds is not None:
            near &= kinds == kinds[best]
        places.append(np.flatnonzero(near))
        free &= ~near
    return places


def recall(far: Values, k: int, reach: float) -> float:
    """Share of the queries, 0..1, with an answer among the first k whose middle is at most `reach` from the truth."""
    return float((far[:, :k] <= reach * (1 + SLACK)).any(axis=1).mean())


def median_error(far: Values) -> float | None:
    """Median distance of the first answer; None when half of the queries have none."""
    middle = float(np.median(far[:, 0]))
    return middle if np.isfinite(middle) else None
