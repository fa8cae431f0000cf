"""Hubs: gallery rows that answer far more often than their turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.report.page.evaluation import Evaluation
from georetrieval.search.hubness import hubness

Row = dict[str, Any]
SIGMAS, FEWEST = 3.0, 5
"""A hub answers more often than the mean by so many standard deviations, and at least so often."""
MOST = 10


def is_hub(evaluation: Evaluation) -> npt.NDArray[np.bool_]:
    """(n,) gallery rows that are hubs."""
    counts = evaluation.counts
    if not len(counts):
        return np.zeros(0, np.bool_)
    return np.asarray((counts >= FEWEST) & (counts > counts.mean() + SIGMAS * counts.std()))


def hub_section(evaluation: Evaluation) -> Row:
    """Figures of hubness, how many hubs there are, how many wrong first answers are theirs, and the largest ones."""
    found, hubs, matches = hubness(evaluation.first, evaluation.k), is_hub(evaluation), evaluation.first
    wrong = matches.rows[evaluation.missed, 0]
    order = [int(row) for row in np.lexsort((np.arange(len(hubs)), -evaluation.counts)) if hubs[row]][:MOST]
    lines = []
    for row in order:
        has = matches.rows == row
        tile = evaluation.tile_of(row)
        lines.append({"name": str(matches.gallery_names[row]), "tile": tile,
                      "landscape": evaluation.landscape([tile])[0] if tile else "",
                      "times": int(evaluation.counts[row]), "right": int((has & matches.hits).sum()),
                      "wrong_first": int((wrong == row).sum())})
    return {"skewness": found.skewness, "never": found.never_answered, "largest": found.largest,
            "hubs": int(hubs.sum()), "by_hubs": int(hubs[wrong].sum()), "missed": len(wrong),
            "mean": float(evaluation.counts.mean()) if len(hubs) else float("nan"), "rows": lines}
