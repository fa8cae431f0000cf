"""Answers judged by where they lie: how far from the truth, and whether that is near enough."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from georetrieval.search.matches import Matches

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


def recall(far: Values, k: int, reach: float) -> float:
    """Share of the queries, 0..1, with an answer among the first k whose middle is at most `reach` from the truth."""
    return float((far[:, :k] <= reach * (1 + SLACK)).any(axis=1).mean())


def median_error(far: Values) -> float | None:
    """Median distance of the first answer; None when half of the queries have none."""
    middle = float(np.median(far[:, 0]))
    return middle if np.isfinite(middle) else None
