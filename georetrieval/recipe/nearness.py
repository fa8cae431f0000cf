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

    Where the rows of an index overlap, the windows around one place would otherwise fill all the answers.

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
        kept = _places(centres[line[found]], None if kinds is None else kinds[line[found]], reach, k)
        count = len(kept)
        rows[query, :count] = line[kept]
        scores[query, :count], hits[query, :count] = matches.scores[query, kept], matches.hits[query, kept]
    return replace(matches, rows=rows, scores=scores, hits=hits)


def depth_of(k: int, steps: int) -> int:
    """How many answers are looked at so that k places are among them: windows start every 1 / `steps` of a side."""
    return k * max(1, round(pi * (steps / 2) ** 2))


def _places(centres: Values, kinds: Kinds | None, reach: float, k: int) -> list[int]:
    """Positions of the first k answers that are not within reach of an earlier one."""
    kept: list[int] = []
    free = np.ones(len(centres), np.bool_)
    while len(kept) < k and free.any():
        best = int(free.argmax())
        kept.append(best)
        near = np.hypot(*(centres - centres[best]).T) <= reach * (1 + SLACK)
        free &= ~near if kinds is None else ~(near & (kinds == kinds[best]))
    return kept


def recall(far: Values, k: int, reach: float) -> float:
    """Share of the queries, 0..1, with an answer among the first k whose middle is at most `reach` from the truth."""
    return float((far[:, :k] <= reach * (1 + SLACK)).any(axis=1).mean())


def median_error(far: Values) -> float | None:
    """Median distance of the first answer; None when half of the queries have none."""
    middle = float(np.median(far[:, 0]))
    return middle if np.isfinite(middle) else None
