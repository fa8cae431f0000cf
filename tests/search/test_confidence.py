"""Features worked by hand, a fit against a closed case, and confidences that mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.search.confidence import (
    DEPTH,
    FEATURES,
    Calibration,
    Measured,
    calibration_error,
    confidence,
    features,
    fit,
    silenced,
    without,
)
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.matches import NO_ROW

ABOUT = Measured(0.5, "validation", ("2019", "2004"), "a" * 64, 6)
PLAIN = Calibration(FEATURES, (0.0,) * 4, (1.0,) * 4, (0.0, 1.0, 0.0, 0.0), 0.0, 30, 0.5, "x", ("2019", "2004"), 0.1,
                    "a" * 64, 6)


def line(values: list[float], prefix: str = "g", keys: list[str] | None = None) -> Descriptors:
    names = [f"{prefix}{i}" for i in range(len(values))]
    return Descriptors(np.float32(values)[:, None], keys or names, names, [""] * len(values), "euclidean")


def asked(rows: Descriptors, *values: float, k: int = DEPTH):
    gallery = Gallery.of(rows)
    return gallery.search(line(list(values), "q"), k), gallery


def test_features_worked_by_hand():
    """Rows at 1 2 4 8; the query at 1.25 has scores -.25 -.75 -2.75 -6.75; the row at 1 is 1 away from the one at 2."""
    matches, gallery = asked(line([1, 2, 4, 8]), 1.25)
    others = np.array([-0.75, -2.75, -6.75])
    assert features(matches, gallery)[0] == pytest.approx(
        [-0.25, 0.5, -0.25 - -1.0, (-0.25 - others.mean()) / others.std()])


def test_features_do_not_depend_on_the_order_of_the_names():
    """The same rows called from z to a, one of them meaning nothing: the index holds them another way round."""
    rows = line([1, 2, 4, 8, np.nan, 11, 30])
    turned = replace(rows, names=np.asarray(list("zyxwvut")))
    asks = line([1.25, 7.0, 12.0], "q")
    first, second = Gallery.of(rows), Gallery.of(turned)
    assert features(second.search(asks, DEPTH), second) == pytest.approx(features(first.search(asks, DEPTH), first))


def test_rows_of_the_same_place_are_no_rivals():
    """The row at 1.5 shows the place of the row at 1: the gap is to 2, and the answer's nearest other place is 2."""
    matches, gallery = asked(line([1, 1.5, 2, 4, 8]), 1.125)
    assert features(matches, gallery)[0, 1:3] == pytest.approx([0.375 - 0.125, -0.125 + 0.5])
    places = np.array([0, 0, 2, 3, 4])
    assert features(matches, gallery, places)[0, 1:3] == pytest.approx([0.875 - 0.125, -0.125 + 1.0])
    named = Gallery.of(line([1, 1.5, 2, 4, 8], keys=list("aabcd")))
    assert features(matches, named)[0, 1:3] == pytest.approx([0.75, 0.875]), "rows of one key are one place"


def test_hidden_rows_are_as_if_they_were_not_there():
    whole, gallery = asked(line([1, 2, 4, 8, 16]), 1.25, 3.5)
    hidden = np.array([[0, NO_ROW], [2, NO_ROW]])
    seen = features(whole, gallery, hidden=hidden)
    for i, row in enumerate((0, 2)):
        small = Gallery.of(line([v for j, v in enumerate([1, 2, 4, 8, 16]) if j != row]))
        alone = features(small.search(line([1.25, 3.5], "q"), DEPTH), small)
        assert seen[i] == pytest.approx(alone[i])
    left = without(whole, hidden)
    assert left.rows[0, :5].tolist() == [1, 2, 3, 4, NO_ROW]
    assert left.scores[0, 4] == -np.inf


def test_the_query_itself_is_no_neighbour_of_its_answer():
    rows = line([1, 1.25, 4, 8])
    gallery = Gallery.of(rows)
    matches = gallery.search(rows.take([1]), DEPTH, where=Filter(exclude_self=True))
    assert features(matches, gallery)[0, 2] == pytest.approx(-0.25 + 3)


def test_another_answer_can_be_judged():
    matches, gallery = asked(line([1, 2, 4, 8]), 1.25)
    found = features(matches, gallery, judged=np.array([1]))[0]
    assert found[:3] == pytest.approx([-0.75, -0.75 + 0.25, -0.75 + 1.0])


def test_what_cannot_be_seen_is_nan_and_counts_as_average():
    matches, gallery = asked(line([1]), 1.25)
    seen = features(matches, gallery)
    assert seen[0, 0] == pytest.approx(-0.25)
    assert np.isnan(seen[0, 1:]).all()
    assert confidence(matches, gallery, PLAIN) == pytest.approx([0.5])
    nothing, empty = asked(line([1]).take([]), 1.25)
    assert confidence(nothing, empty, PLAIN).tolist() == [0.0]


def test_confidence_is_the_logistic_of_the_weighted_features():
    matches, gallery = asked(line([1, 2, 4, 8]), 1.25)
    assert confidence(matches, gallery, PLAIN) == pytest.approx([1 / (1 + np.exp(-0.5))])
    shifted = replace(PLAIN, mean=(0.0, 0.25, 0.0, 0.0), scale=(1.0, 0.5, 1.0, 1.0), bias=1.0)
    assert confidence(matches, gallery, shifted) == pytest.approx([1 / (1 + np.exp(-1.5))])


def test_it_does_not_depend_on_how_many_answers_were_asked_for():
    rows = line(list(np.random.default_rng(1).normal(size=60) * 9))
    few, gallery = asked(rows, 0.3, 5.0)
    many, _ = asked(rows, 0.3, 5.0, k=50)
    assert (features(few, gallery) == features(many, gallery)).all()


def test_a_fit_of_one_yes_or_no_is_the_log_of_the_odds():
    """Right 9 times of 10 with a gap of 1, 2 times of 10 with 0: logits ln 9 and -ln 4, but for the ridge."""
    n = 5000
    gap = np.repeat([1.0, 0.0], n)
    right = np.concatenate([np.arange(n) % 10 < 9, np.arange(n) % 10 < 2])
    seen = np.column_stack([np.full(2 * n, np.nan), gap, np.zeros(2 * n), np.ones(2 * n)])
    found = fit(seen, right, ABOUT)
    assert found.of(np.array([[np.nan, 1, 0, 1], [np.nan, 0, 0, 1]])) == pytest.approx([0.9, 0.2], abs=2e-3)
    assert found.weights[0] == found.weights[2] == found.weights[3] == 0
    assert found.queries == 2 * n
    assert found.expected_calibration_error < 0.02


def test_more_of_a_feature_never_means_less_confidence():
    rng = np.random.default_rng(2)
    gap = rng.normal(size=400)
    right = rng.random(400) < 1 / (1 + np.exp(-2 * gap))
    seen = np.column_stack([-gap, gap + rng.normal(size=400), rng.normal(size=400), rng.normal(size=400)])
    assert min(fit(seen, right, ABOUT).weights) >= 0


def test_a_separable_case_stays_finite():
    seen = np.column_stack([np.linspace(-1, 1, 40)] * 4)
    found = fit(seen, seen[:, 0] > 0, ABOUT)
    assert np.isfinite(found.weights).all()
    assert (found.of(seen) > 0.5).tolist() == (seen[:, 0] > 0).tolist()


@pytest.mark.parametrize("right", [np.ones(50, bool), np.zeros(50, bool), np.arange(10) < 5])
def test_too_little_is_refused(right):
    with pytest.raises(InputError, match="needs 20 queries"):
        fit(np.zeros((len(right), 4)), right, ABOUT)


def test_the_calibration_error_worked_by_hand():
    """Bin .2-.3: mean .25, none of two right; bin 1: sure of one that is right. (2 x .25 + 0) / 3."""
    assert calibration_error(np.array([0.2, 0.3 - 1e-9, 1.0]), np.array([False, False, True])) == pytest.approx(0.5 / 3)


@pytest.mark.parametrize("wrong", [{"weights": (1.0, 2.0, 3.0)}, {"scale": (0.0,) * 4}, {"bias": float("nan")},
                                   {"features": ("a", "b", "c", "d")}])
def test_a_damaged_calibration_is_refused(wrong):
    with pytest.raises(InputError, match="calibration needs"):
        replace(PLAIN, **wrong)


def test_silenced_queries_have_no_answer():
    matches, _ = asked(line([1, 2, 4, 8]), 1.25, 3.0)
    left = silenced(matches, np.array([True, False]))
    assert left.found.sum(axis=1).tolist() == [0, 4]
    assert (left.scores[0] == -np.inf).all()
    assert (left.rows[1] == matches.rows[1]).all()
    assert left.query_names.tolist() == ["q0", "q1"]
