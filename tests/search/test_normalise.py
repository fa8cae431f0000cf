"""Normalisations on vectors whose sums, lengths, means and deviations are seen at once."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.normalise import NORMALISATIONS, normalised

ROWS = np.array([[3, -4], [0, 0], [1, 0]], np.float32)
GALLERY = np.array([[1, 7, 0], [3, 7, 10]], np.float32)
"""Means 2, 7, 5; deviations 1, 0, 5."""


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("none", [[3, -4], [0, 0], [1, 0]]),
        ("l1", [[3 / 7, -4 / 7], [0, 0], [1, 0]]),
        ("l2", [[0.6, -0.8], [0, 0], [1, 0]]),
    ],
)
def test_by_row(how: str, wanted: list[list[float]]) -> None:
    assert normalised(ROWS, how, ROWS) == pytest.approx(np.array(wanted), abs=1e-7)


def test_by_dimension_with_what_the_gallery_shows() -> None:
    """A query is measured by the gallery's means; a dimension that never varies in the gallery counts for nothing."""
    assert normalised(GALLERY, "mean-std", GALLERY).tolist() == [[-1, 0, -1], [1, 0, 1]]
    assert normalised(np.array([[5, 8, 0]], np.float32), "mean-std", GALLERY).tolist() == [[3, 0, -1]]


def test_a_query_does_not_change_with_the_queries_beside_it() -> None:
    for how in NORMALISATIONS:
        alone = normalised(GALLERY[:1], how, GALLERY)
        assert np.array_equal(normalised(GALLERY, how, GALLERY)[:1], alone)


def test_unknown() -> None:
    with pytest.raises(UsageError, match="l3"):
        normalised(ROWS, "l3", ROWS)
