"""Hubs: gallery rows that answer far more often than the others, read from `Matches` alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.search.matches import NO_ROW, Matches

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hubness:
    """How unevenly the answers are spread over the gallery.

    Attributes
    ----------
    skewness : float
        Of the counts N_k: 0 when they lie evenly about their mean or are all equal, large when few rows answer
        nearly everything. NaN for an empty gallery.
    never_answered : float in 0..1
        Share of the gallery rows that answer no query. NaN for an empty gallery.
    largest : int
        Answers of the row that answers most often.
    """

    k: int
    skewness: float
    never_answered: float
    largest: int

    def _repr_html_(self) -> str:
        from georetrieval.search.showing import hubness_html

        return hubness_html(self)


def occurrences(matches: Matches, k: int = 5) -> Counts:
    """(n,) int64: for each gallery row, how many queries have it among their first k answers (N_k).

    Raises
    ------
    UsageError
        When fewer than k answers per query were asked for.
    """
    if not 1 <= k <= matches.k:
        raise UsageError(f"Hubness at k = {k} needs 1 <= k <= {matches.k}, the answers asked for per query.")
    rows = matches.rows[:, :k]
    return np.bincount(rows[rows != NO_ROW], minlength=len(matches.gallery_names)).astype(np.int64)


def hubness(matches: Matches, k: int = 5) -> Hubness:
    """The spread of the answers over the gallery.

    *Source*: Radovanović, Nanopoulos, Ivanović, Hubs in Space, JMLR 11 (2010), section 2: the skewness of the
    k-occurrences, S = E[(N_k - mean)^3] / sigma^3.
    """
    counts = occurrences(matches, k)
    if not len(counts):
        return Hubness(k, float("nan"), float("nan"), 0)
    away = counts - counts.mean()
    sigma = float(np.sqrt((away**2).mean()))
    skewness = float((away**3).mean()) / sigma**3 if sigma > 0 else 0.0
    return Hubness(k, skewness, float((counts == 0).mean()), int(counts.max()))
