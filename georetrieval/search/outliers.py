""""Unknown": the distance beyond which the nearest row is no answer, set on queries of which it is known."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError, UsageError
from georetrieval.search.descriptors import Space
from georetrieval.search.index import Doubles

Mask = npt.NDArray[np.bool_]
KEEP = 0.95
"""Share of the known queries that keep their answer, where no unknown ones are at hand."""


@dataclass(frozen=True)
class Threshold:
    """A distance beyond which a query is unknown, and how it was set.

    Attributes
    ----------
    distance : finite, as `distances` gives it
    how : "keep" (a wanted share of known queries keeps its answer) or "balanced" (greatest balanced accuracy)
    kept : share of the known queries at most so far away, 0..1
    refused : share of the unknown queries farther away, 0..1; None when there were none
    auroc : see `auroc`; None when there were no unknown queries
    known, unknown : how many queries it was set on

    Raises
    ------
    InputError
        When the distance is not finite.
    """

    distance: float
    how: str
    kept: float
    refused: float | None
    auroc: float | None
    known: int
    unknown: int

    def __post_init__(self) -> None:
        if not np.isfinite(self.distance):
            raise InputError(f"The distance of the unknown has to be finite, and is {self.distance}.")

    def beyond(self, distances: Doubles) -> Mask:
        """(n,) bool: which queries are unknown; one without an answer (infinitely far) is."""
        return np.asarray(distances > self.distance)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def distances(scores: npt.NDArray[np.floating[Any]], space: Space | str) -> Doubles:
    """From scores (higher is nearer) to distances >= 0: 1 - cosine, or the distance whose negative the score is."""
    wide = np.asarray(scores, np.float64)
    return np.maximum(1.0 - wide, 0.0) if Space(space) is Space.COSINE else np.abs(wide)


def threshold(known: Doubles, unknown: Doubles | None = None, *, keep: float | None = None) -> Threshold:
    """Set on the distances of queries to their nearest rows.

    With unknown queries at hand it is the distance of the greatest balanced accuracy, unless `keep` is given; without
    them it is the distance that keeps a share of the known ones (`KEEP` by default).

    Parameters
    ----------
    known : (n,) of queries whose key is in the gallery, finite
    unknown : (m,) of queries whose key is not
    keep : share of the known ones to be kept, above 0 and at most 1

    Raises
    ------
    InputError
        When there is no known query, or a distance is not a number.
    UsageError
        When `keep` is not a share.
    """
    strange = np.empty(0) if unknown is None else np.asarray(unknown, np.float64)
    familiar = np.asarray(known, np.float64)
    if len(familiar) == 0 or not np.isfinite(familiar).all() or np.isnan(strange).any():
        raise InputError(f"A threshold of the unknown is set on known queries with finite distances; {len(familiar)} "
                         "were given. Give pictures of keys that are in the index.")
    if keep is not None and not 0 < keep <= 1:
        raise UsageError(f"The share of known queries to keep is above 0 and at most 1, and is {keep}.")
    balanced = len(strange) > 0 and keep is None
    distance = most_balanced(familiar, strange) if balanced else keeping(familiar, KEEP if keep is None else keep)
    return Threshold(
        distance=distance, how="balanced" if balanced else "keep", kept=float((familiar <= distance).mean()),
        refused=float((strange > distance).mean()) if len(strange) else None,
        auroc=auroc(familiar, strange) if len(strange) else None, known=len(familiar), unknown=len(strange))


def keeping(known: Doubles, share: float) -> float:
    """The least distance that at least this share of (n,) distances does not exceed."""
    place = max(1, int(np.ceil(share * len(known) - 1e-9)))
    return float(np.sort(known)[place - 1])


def most_balanced(known: Doubles, unknown: Doubles) -> float:
    """The distance with the greatest mean of the share of known ones within and of unknown ones beyond.

    It lies in the middle between two distances that occur; of several equally good places the widest gap is taken.
    """
    values = np.unique(np.concatenate([known, unknown[np.isfinite(unknown)]]))
    middles = np.append((values[:-1] + values[1:]) / 2, values[-1])
    widths = np.append(np.diff(values), 0.0)
    within = np.searchsorted(np.sort(known), middles, side="right") / len(known)
    beyond = 1 - np.searchsorted(np.sort(unknown), middles, side="right") / len(unknown)
    balance = within + beyond
    good = np.flatnonzero(balance >= balance.max() - 1e-12)
    return float(middles[good[int(widths[good].argmax())]])


def auroc(known: Doubles, unknown: Doubles) -> float:
    """Probability, 0..1, that an unknown query lies farther away than a known one; ties count half.

    Parameters
    ----------
    known, unknown : (n,), (m,) distances, at least one of each; infinite ones are farthest

    Raises
    ------
    InputError
        When one of them is empty.

    Notes
    -----
    The rank statistic (R - m (m + 1) / 2) / (n m), where R adds up the ranks of the unknown among all.

    *Source*: Mann and Whitney, Ann. Math. Stat. 18, 1947; Hanley and McNeil, Radiology 143, 1982.
    """
    from scipy.stats import rankdata

    n, m = len(known), len(unknown)
    if n == 0 or m == 0:
        raise InputError(f"An AUROC needs known and unknown queries; {n} and {m} were given.")
    ranks = rankdata(np.concatenate([known, unknown]))
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))
