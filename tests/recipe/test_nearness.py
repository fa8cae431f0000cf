"""The hit rule, by hand: rows on a line, 100 m apart, a tile's side of 100 m."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from georetrieval.recipe.nearness import apart, depth_of, distances, median_error, recall
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery
from georetrieval.search.matches import NO_ROW, Matches

CENTRES = np.array([[0.0, 0], [100, 0], [200, 0], [300, 40]])
TRUTHS = np.array([[50.0, 0], [130, 40], [7, 7], [240, 40]])
"""Half a side from two rows; 30, 40, 50 m from the second; blank; 60 m from the fourth, 56.6 from the third."""


def descriptors(vectors: list[list[float]]) -> Descriptors:
    names = [str(n) for n in range(len(vectors))]
    return Descriptors(np.array(vectors, np.float32), names, names, [""] * len(vectors), Space.EUCLIDEAN)


@pytest.fixture
def far() -> np.ndarray:
    """Answers in feature space: query 0 finds rows 1, 0; query 1 rows 3, 1; query 2 means nothing; query 3 row 3, 2."""
    gallery = Gallery.of(descriptors([[1, 1], [1, 2], [9, 9], [6, 6]]))
    queries = descriptors([[1, 1.6], [4, 4], [0, 0], [7, 7]])
    return distances(gallery.search(queries, 2), TRUTHS, CENTRES)


def test_how_far(far: np.ndarray) -> None:
    assert far[0] == pytest.approx([50, 50])
    assert far[1] == pytest.approx([170, 50])
    assert far[2].tolist() == [np.inf, np.inf]
    assert far[3] == pytest.approx([60, np.hypot(40, 40)])


def test_half_a_side_is_near_enough_and_more_is_not(far: np.ndarray) -> None:
    """Of four queries one hits at once, two among the first two; the one without an answer counts as missed."""
    assert recall(far, 1, 50) == 0.25
    assert recall(far, 2, 50) == 0.5
    assert recall(far, 2, 57) == 0.75
    assert recall(far, 1, 49.9) == 0


def test_median_of_the_first_answers(far: np.ndarray) -> None:
    assert median_error(far) == pytest.approx((60 + 170) / 2)
    assert median_error(far[[0, 2]]) is None


def test_missing_answers_are_nowhere() -> None:
    gallery = Gallery.of(descriptors([[1, 1]]))
    far = distances(gallery.search(descriptors([[1, 2]]), 3), np.array([[3.0, 4.0]]), np.zeros((1, 2)))
    assert far.tolist() == [[5, np.inf, np.inf]]


LINE = np.array([[0.0, 0], [30, 0], [60, 0], [200, 0], [210, 0]])
"""Windows around two places; the query is nearest to the second, then the first, third, fifth, fourth."""


def answers() -> Matches:
    rows = descriptors([[1.2, 0], [1.1, 0], [1.3, 0], [1.5, 0], [1.4, 0]])
    return Gallery.of(rows).search(descriptors([[1, 0]]), 5)


def test_answers_are_different_places() -> None:
    """Within 50 of the second: the first and the third; of the fifth: the fourth. Two places, and no third."""
    places = apart(answers(), LINE, None, 50, 3)
    assert places.rows.tolist() == [[1, 4, NO_ROW]]
    assert places.scores[0, :2] == pytest.approx(answers().scores[0, [0, 3]])
    assert not places.found[0, 2]
    assert apart(answers(), LINE, None, 29, 3).rows.tolist() == [[1, 0, 2]]
    assert apart(answers(), LINE, None, 50, 1).rows.tolist() == [[1]]


def test_other_dates_of_one_place_are_answers_of_their_own() -> None:
    places = apart(answers(), LINE, np.array([7, 7, 8, 7, 7]), 50, 5)
    assert places.rows.tolist() == [[1, 2, 4, NO_ROW, NO_ROW]]


def test_how_deep_to_look() -> None:
    """Windows every half side: a disc of half a side in radius holds the area of pi of them; every eighth: of 50."""
    assert depth_of(5, 1) == 5
    assert depth_of(5, 2) == 15
    assert depth_of(5, 8) == 250


def test_a_place_is_a_hit_when_one_of_its_windows_is() -> None:
    """The truth is the third window; the second, 30 m beside it, is nearer to the query and stands for their place."""
    found = answers()
    assert found.rows.tolist() == [[1, 0, 2, 4, 3]]
    found = replace(found, hits=found.rows == 2)
    assert apart(found, LINE, None, 50, 2).hits.tolist() == [[True, False]]
    assert apart(found, LINE, None, 29, 3).hits.tolist() == [[False, False, True]]
