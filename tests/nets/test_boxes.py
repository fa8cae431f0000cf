"""Boxes by hand: overlaps, and those that hold more than one thing."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.nets.boxes import LARGER, areas, crowded, inside, overlaps, shared_areas, things

LONE = [[0, 0, 10, 10], [100, 0, 110, 10], [200, 0, 210, 10]]


def boxes(*rows: list[float]) -> np.ndarray:
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


def test_areas_and_overlaps_by_hand() -> None:
    """Two squares of 10 that share a corner of 5 x 5: 25 / (200 - 25) = 1 / 7."""
    one, other = boxes([0, 0, 10, 10]), boxes([5, 5, 15, 15], [20, 20, 30, 30], [0, 0, 10, 10], [10, 0, 20, 10])
    assert areas(other).tolist() == [100, 100, 100, 100]
    assert shared_areas(one, other).tolist() == [[25, 0, 100, 0]]
    assert overlaps(one, other).tolist() == [[pytest.approx(1 / 7), 0, 1, 0]]
    assert overlaps(boxes([3, 3, 3, 3]), boxes([3, 3, 3, 3])).tolist() == [[0]]
    assert overlaps(boxes(), one).shape == (0, 1)


def test_boxes_apart_hold_one_each() -> None:
    assert not crowded(boxes(*LONE)).any()
    assert crowded(boxes()).shape == (0,)
    assert crowded(boxes([0, 0, 10, 10])).tolist() == [False]


def test_a_box_that_covers_much_of_another_shows_it_too() -> None:
    """Shifted by 6 of 10, 40 % of each is covered; by 7, 30 %."""
    assert crowded(boxes([0, 0, 10, 10], [6, 0, 16, 10])).tolist() == [True, True]
    assert crowded(boxes([0, 0, 10, 10], [7, 0, 17, 10])).tolist() == [False, False]
    assert crowded(boxes([0, 0, 10, 10], [7, 0, 17, 10]), held=0.25).all()


def test_a_box_that_holds_another_is_crowded_and_the_inner_one_is_not() -> None:
    """The inner one is a quarter of the outer: it shows 25 % of it."""
    assert crowded(boxes([0, 0, 20, 20], [5, 5, 15, 15]), usual_area=300).tolist() == [True, False]


def test_a_second_look_at_a_body_is_no_second_body() -> None:
    """80 % of the smaller box lies in the surer one, and it covers 40 % of it: known things, they would be two."""
    twice = boxes([0, 0, 20, 10], [12, 0, 22, 10])
    assert inside(twice).tolist() == [[1, pytest.approx(0.8)], [pytest.approx(0.4), 1]]
    assert crowded(twice).tolist() == [True, True]
    for scores in ([0.9, 0.6], [0.6, 0.9]):
        assert not crowded(twice, np.asarray(scores), usual_area=200).any()
        assert things(twice, np.asarray(scores)).tolist() == [score == 0.9 for score in scores]
    beside = boxes([0, 0, 20, 10], [10, 0, 30, 10])
    assert crowded(beside, np.asarray([0.9, 0.6])).all(), "half of each lies in the other: two bodies"


def test_a_second_look_does_not_hide_the_neighbour() -> None:
    """The surest body, a second look at it, and a neighbour of which it covers half."""
    three = boxes([0, 0, 20, 10], [1, 1, 9, 9], [10, 0, 30, 10])
    assert things(three, np.asarray([0.9, 0.5, 0.8])).tolist() == [True, False, True]
    assert crowded(three, np.asarray([0.9, 0.5, 0.8]), usual_area=200).tolist() == [True, False, True]


@pytest.mark.parametrize("scores", [[0.9, 0.8, 0.7], [0.5, 0.8, 0.7], [0.6, 0.6, 0.6]])
def test_a_box_around_two_bodies_holds_both_however_sure_it_is(scores: list[float]) -> None:
    """Two squares side by side and the box around them, twice as large: too little to be told by its size."""
    pair = boxes([0, 0, 20, 10], [0, 0, 10, 10], [10, 0, 20, 10])
    assert crowded(pair, np.asarray(scores), usual_area=100).tolist() == [True, False, False]
    nested = boxes([0, 0, 20, 10], [0, 0, 10, 10], [2, 1, 9, 9])
    assert not crowded(nested, np.asarray(scores), usual_area=100).any(), "one body, looked at three times"


def test_two_boxes_at_the_same_place_are_one_thing() -> None:
    same = boxes([0, 0, 10, 10], [0, 0, 10, 10])
    assert things(same, np.asarray([0.5, 0.9])).tolist() == [False, True]
    assert not crowded(same, np.asarray([0.5, 0.9])).any()
    assert things(boxes(), np.empty(0)).shape == (0,)


def test_a_box_much_larger_than_usual_is_crowded() -> None:
    """A body twice as long as wide, turned by 45 degrees, has 2.25 times its area; three times is two bodies."""
    turned = [300, 0, 300 + 15, 15]  # 225
    both = [400, 0, 400 + 30, 10]  # 300
    assert crowded(boxes(*LONE, turned, both)).tolist() == [False, False, False, False, True]
    assert crowded(boxes(turned, both), usual_area=100).tolist() == [False, True]
    assert not crowded(boxes(turned, both)).any(), "two boxes know no usual size"
    assert 2.25 < LARGER < 3
