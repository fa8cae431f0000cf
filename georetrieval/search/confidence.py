"""How far a first answer can be trusted: a calibrated probability that it is right, "not in the gallery" included.

What is looked at is read from `Matches` and the gallery alone (`features`); what it means is learnt once, on queries
whose place is known, some of them with their place taken out of the gallery (`Calibration`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.search.gallery import Gallery
from georetrieval.search.index import Doubles, Rows
from georetrieval.search.matches import NO_ROW, Matches

Mask = npt.NDArray[np.bool_]
DEPTH = 20
"""Answers that a confidence is read from; searches that want one ask for at least so many."""
FEATURES = ("score", "gap", "reciprocal", "stand_out")
RIDGE = 1.0
"""Penalty on half the squared weights: weak against hundreds of queries, enough to keep separable ones finite."""
FEWEST = 20
"""Queries below which nothing is calibrated."""
BINS = 10
FOLDS = 2


@dataclass(frozen=True)
class Calibration:
    """From features to a probability: logistic regression, and how it was measured.

    Attributes
    ----------
    features : names, in the order of `mean`, `scale` and `weights`
    mean, scale : of the features among the queries it was fitted on
    weights : of the standardised features, none below 0: more of a feature never means less confidence
    bias : float
    queries : how many it was fitted on
    absent_share : share of them whose place was not in the gallery, 0..1
    part : which queries ("validation", or names of scopes)
    pair : (date of the queries, dates of the gallery)
    expected_calibration_error : measured crosswise, on the half of the queries that was not fitted on
    fingerprint : digest of the eye's fingerprint
    gallery : rows of the gallery

    Raises
    ------
    InputError
        When the lengths differ or a number is not finite.
    """

    features: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    queries: int
    absent_share: float
    part: str
    pair: tuple[str, str]
    expected_calibration_error: float
    fingerprint: str
    gallery: int

    def __post_init__(self) -> None:
        numbers = [*self.mean, *self.scale, *self.weights, self.bias]
        lengths = {len(self.mean), len(self.scale), len(self.weights), len(self.features)}
        if self.features != FEATURES or len(lengths) != 1 or not np.isfinite(numbers).all() or min(self.scale) <= 0:
            raise InputError(f"A calibration needs a finite mean, scale and weight for each of {', '.join(FEATURES)}.")

    def of(self, features: Doubles) -> Doubles:
        """(nq,) probabilities of (nq, 4) features; one that could not be seen (NaN) counts as the average."""
        plain = (features - np.array(self.mean)) / np.array(self.scale)
        return _logistic(np.nan_to_num(plain, nan=0.0) @ np.array(self.weights) + self.bias)


def confidence(
    matches: Matches, gallery: Gallery, calibration: Calibration, *, places: Rows | None = None,
    judged: Rows | None = None,
) -> Doubles:
    """(nq,) probability, 0..1, that the first answer of each query is right; 0 where there is no answer.

    Parameters
    ----------
    matches : of the plain search (not re-ranked), with at least `DEPTH` answers asked for
    places, judged : as in `features`
    """
    certain = calibration.of(features(matches, gallery, places, judged=judged))
    return np.where(_judged(matches, judged) == NO_ROW, 0.0, certain)


def features(
    matches: Matches, gallery: Gallery, places: Rows | None = None, *, hidden: Rows | None = None,
    judged: Rows | None = None,
) -> Doubles:
    """What speaks for the first answers: (nq, 4) float64, NaN where it cannot be seen.

    score: of the answer. gap: score less that of the best answer at another place. reciprocal: score less the best
    score between the answer and any other place of the gallery (positive: the answer is nearer to the query than to
    all the gallery). stand_out: score in standard deviations above the mean of the answers at other places.

    Parameters
    ----------
    places : (n,) int, the place of each gallery row; by default rows of one key are one place
    hidden : (nq, h) int, gallery rows that count as not there for a query, filled up with `NO_ROW`
    judged : (nq,) int, the answers that are judged where they are not the first ones (after re-ranking)
    """
    keys = np.unique(gallery.descriptors.keys, return_inverse=True)[1] if places is None else places
    seen = matches.first(DEPTH) if hidden is None else without(matches, hidden).first(DEPTH)
    out = np.full((len(matches), len(FEATURES)), np.nan)
    answers = _judged(seen, judged)
    some = np.flatnonzero(answers != NO_ROW)
    if len(some) == 0:
        return out
    first = answers[some]
    rows, scores = seen.rows[some], np.where(seen.found, seen.scores, np.nan)[some].astype(np.float64)
    own = np.nanmax(np.where(rows == first[:, None], scores, np.nan), axis=1)
    elsewhere = seen.found[some] & (_at(keys, rows) != keys[first][:, None])
    others = np.where(elsewhere, scores, np.nan)
    out[some, 0] = own
    out[some, 1] = own - _best(others)
    out[some, 2] = own - _nearest_elsewhere(first, seen.query_names[some], gallery, keys,
                                            None if hidden is None else hidden[some])
    out[some, 3] = _stand_out(own, others)
    return out


def without(matches: Matches, hidden: Rows) -> Matches:
    """The matches as if, for each query, some gallery rows were not there; lists become shorter, not refilled.

    Parameters
    ----------
    hidden : (nq, h) int64 gallery rows, filled up with `NO_ROW`
    """
    gone = ~matches.found | (matches.rows[:, :, None] == hidden[:, None, :]).any(axis=2)
    order = np.argsort(gone, axis=1, kind="stable")
    gone = np.take_along_axis(gone, order, 1)
    return replace(
        matches, scores=np.where(gone, np.float32(-np.inf), np.take_along_axis(matches.scores, order, 1)),
        rows=np.where(gone, NO_ROW, np.take_along_axis(matches.rows, order, 1)),
        hits=np.take_along_axis(matches.hits, order, 1) & ~gone,
    )


def silenced(matches: Matches, which: Mask) -> Matches:
    """The matches with no answer to some queries."""
    return replace(matches, scores=np.where(which[:, None], np.float32(-np.inf), matches.scores),
                   rows=np.where(which[:, None], NO_ROW, matches.rows), hits=matches.hits & ~which[:, None])


@dataclass(frozen=True)
class Measured:
    """How a calibration is measured: what goes into `Calibration` besides the fit."""

    absent_share: float
    part: str
    pair: tuple[str, str]
    fingerprint: str
    gallery: int


def fit(features: Doubles, right: Mask, about: Measured) -> Calibration:
    """The calibration that makes the seen outcomes most likely, with `RIDGE` on its weights.

    Parameters
    ----------
    features : (nq, 4), rows without an answer left out before
    right : (nq,) bool, whether the answer is true

    Raises
    ------
    InputError
        For fewer than `FEWEST` queries, or when all answers are right or all wrong.
    """
    count = int(right.sum())
    if len(right) < FEWEST or count in (0, len(right)):
        raise InputError(f"A calibration needs {FEWEST} queries or more, some answered right and some wrong; "
                         f"{count} of {len(right)} are right here.")
    guesses = np.full(len(right), right.mean())
    fold = np.random.default_rng(0).permutation(len(right)) % FOLDS  # the order of the tiles must not matter
    for i in range(FOLDS):
        if 0 < right[fold != i].sum() < (fold != i).sum():
            guesses[fold == i] = _fitted(features[fold != i], right[fold != i], about, 0.0).of(features[fold == i])
    return _fitted(features, right, about, calibration_error(guesses, right))


def calibration_error(guesses: Doubles, right: Mask, bins: int = BINS) -> float:
    """Expected calibration error, 0..1: mean `|confidence - share right|` of equal bins, by their queries.

    *Source*: Guo et al., On calibration of modern neural networks, ICML 2017, equation 5.
    """
    which = np.minimum((guesses * bins).astype(np.int64), bins - 1)
    apart = np.bincount(which, guesses, bins) - np.bincount(which, right.astype(np.float64), bins)
    return float(np.abs(apart).sum() / max(1, len(right)))


def _fitted(features: Doubles, right: Mask, about: Measured, error: float) -> Calibration:
    from scipy.optimize import minimize  # a second of every start

    mean = np.nan_to_num(_mean(features))
    spread = np.sqrt(_mean((features - mean) ** 2))
    scale = np.where(spread > 0, spread, 1.0)
    plain = np.nan_to_num((features - mean) / scale, nan=0.0)
    sign = np.where(right, 1.0, -1.0)

    def loss(values: Doubles) -> tuple[float, Doubles]:
        weights, margin = values[:-1], sign * (plain @ values[:-1] + values[-1])
        slope = -sign * _logistic(-margin)
        gradient = np.append(plain.T @ slope + RIDGE * weights, slope.sum())
        return float(np.logaddexp(0, -margin).sum() + RIDGE * weights @ weights / 2), gradient

    found = minimize(loss, np.zeros(plain.shape[1] + 1), jac=True, method="L-BFGS-B",
                     bounds=[(0, None)] * plain.shape[1] + [(None, None)],
                     options={"ftol": 1e-12, "gtol": 1e-8, "maxiter": 1000}).x
    rounded = [tuple(float(f"{v:.9g}") for v in values) for values in (mean, scale, found)]
    return Calibration(
        features=FEATURES, mean=rounded[0], scale=rounded[1], weights=rounded[2][:-1], bias=rounded[2][-1],
        queries=len(right), absent_share=about.absent_share, part=about.part, pair=about.pair,
        expected_calibration_error=round(error, 4), fingerprint=about.fingerprint, gallery=about.gallery)


def _logistic(values: Doubles) -> Doubles:
    return np.asarray(0.5 * (1 + np.tanh(values / 2)))


def _mean(values: Doubles) -> Doubles:
    """Mean of each column without NaN; NaN for a column of nothing else."""
    known = np.isfinite(values)
    counts = known.sum(axis=0)
    return np.asarray(np.where(counts, np.where(known, values, 0).sum(axis=0) / np.maximum(counts, 1), np.nan))


def _judged(matches: Matches, judged: Rows | None) -> Rows:
    return matches.rows[:, 0] if judged is None else judged


def _at(places: Rows, rows: Rows) -> Rows:
    return np.where(rows == NO_ROW, -1, places[np.where(rows == NO_ROW, 0, rows)])


def _best(others: Doubles) -> Doubles:
    best = np.where(np.isnan(others), -np.inf, others).max(axis=1)
    return np.asarray(np.where(np.isfinite(best), best, np.nan))


def _stand_out(own: Doubles, others: Doubles) -> Doubles:
    """NaN below three other answers, or when they are all the same."""
    mean = _mean(others.T)
    spread = np.sqrt(_mean((others.T - mean) ** 2))
    known = ((~np.isnan(others)).sum(axis=1) >= 3) & (spread > 1e-9)
    return np.asarray(np.where(known, (own - mean) / np.where(known, spread, 1), np.nan))


def _nearest_elsewhere(first: Rows, names: npt.NDArray[np.str_], gallery: Gallery, places: Rows,
                       hidden: Rows | None) -> Doubles:
    """Best score between an answer and a gallery row of another place, which is neither hidden nor the query itself."""
    answers, which = np.unique(first, return_inverse=True)
    where = gallery.held
    count = DEPTH + (0 if hidden is None else hidden.shape[1])
    scores, positions = gallery.index.search(gallery.descriptors.vectors[answers], count)
    rows = where[positions][which]
    other = (places[rows] != places[first][:, None]) & (gallery.descriptors.names[rows] != names[:, None])
    if hidden is not None:
        other &= ~(rows[:, :, None] == hidden[:, None, :]).any(axis=2)
    return _best(np.where(other, scores[which].astype(np.float64), np.nan))
