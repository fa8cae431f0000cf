"""How good the answers are, read from `Matches` alone.

A query counts when its descriptor means something and at least one row that could have answered has its key;
`summary` says how many were left out and why, so that nothing vanishes from a mean in silence.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.search.matches import Matches

Doubles = npt.NDArray[np.float64]


def reciprocal_ranks(matches: Matches, k: int = 5) -> Doubles:
    """(nq,) float64: 1 / rank of the first true answer when it is among the first k, else 0."""
    hits = _first(matches, k)
    return np.asarray(np.where(hits.any(axis=1), 1.0 / (hits.argmax(axis=1) + 1), 0.0), np.float64)


def average_precisions(matches: Matches, k: int = 5) -> Doubles:
    """(nq,) float64: sum of the precision at each true answer among the first k, over min(k, true answers).

    With one true answer per query this is `reciprocal_ranks`.
    """
    hits = _first(matches, k)
    ranks = np.arange(1, hits.shape[1] + 1)
    precision = hits.cumsum(axis=1) / ranks
    total = (precision * hits).sum(axis=1)
    return np.asarray(total / np.maximum(np.minimum(k, matches.truths), 1), np.float64)


def map_at_k(matches: Matches, k: int = 5) -> float:
    """Mean of `average_precisions` over the queries that count; NaN when none does.

    Source: RFIAP 2020 (geo-matching across years): with one true answer, mean of 1/rank if rank <= k, else 0.
    """
    return _mean(average_precisions(matches, k), matches)


def recall_at_k(matches: Matches, k: int = 5) -> float:
    """Share of the queries that count with a true answer among the first k; NaN when none counts."""
    return _mean(np.asarray(_first(matches, k).any(axis=1), np.float64), matches)


@dataclass(frozen=True)
class Summary:
    """What `evaluate` prints: NaN figures when no query counts.

    Attributes
    ----------
    map_at_k, recall_at_1, recall_at_k : float in 0..1
    queries : queries that count
    invalid_left_out : queries whose descriptor is zero or not finite
    without_truth : queries whose key no row that could have answered has
    """

    k: int
    map_at_k: float
    recall_at_1: float
    recall_at_k: float
    queries: int
    invalid_left_out: int
    without_truth: int

    def _repr_html_(self) -> str:
        from georetrieval.search.showing import summary_html

        return summary_html(self)

    def as_dict(self) -> dict[str, Any]:
        """Names with the k written out ("map_at_5"); a figure that does not exist is None."""
        values = {name.replace("_at_k", f"_at_{self.k}"): value for name, value in asdict(self).items()}
        return {name: None if value != value else value for name, value in values.items()}


def summary(matches: Matches, k: int = 5) -> Summary:
    """All figures of some matches at k."""
    counted = int((matches.truths > 0).sum())
    return Summary(
        k=k, map_at_k=map_at_k(matches, k), recall_at_1=recall_at_k(matches, 1), recall_at_k=recall_at_k(matches, k),
        queries=counted, invalid_left_out=len(matches.unanswered_names), without_truth=len(matches) - counted,
    )


def _first(matches: Matches, k: int) -> npt.NDArray[np.bool_]:
    if not 1 <= k <= matches.k:
        raise UsageError(f"A figure at k = {k} needs 1 <= k <= {matches.k}, the answers asked for per query.")
    return matches.hits[:, :k]


def _mean(values: Doubles, matches: Matches) -> float:
    counted = values[matches.truths > 0]
    return float(counted.mean()) if len(counted) else float("nan")
