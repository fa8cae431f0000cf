"""Counts of answers worked by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.hubness import hubness, occurrences
from georetrieval.search.matches import NO_ROW, Matches


def answers(rows: list[list[int]], gallery: int) -> Matches:
    """Matches with these gallery rows as answers; keys do not matter."""
    found = np.array(rows, np.int64).reshape(len(rows), -1)
    names = np.arange(len(rows)).astype(str)
    return Matches(
        scores=np.zeros(found.shape, np.float32), rows=found, hits=np.zeros(found.shape, bool),
        truths=np.ones(len(rows), np.int64), query_rows=np.arange(len(rows)), query_names=names, query_keys=names,
        query_scopes=names, gallery_names=np.arange(gallery).astype(str), gallery_keys=np.arange(gallery).astype(str),
        unanswered_names=np.array([], np.str_), unanswered_scopes=np.array([], np.str_),
    )


def test_one_hub_among_four():
    """All four queries have row 0 first: N_1 = 4 0 0 0, mean 1, deviations 3 -1 -1 -1.

    Second moment (9 + 3) / 4 = 3, third (27 - 3) / 4 = 6, skewness 6 / 3^1.5 = 2 / sqrt(3).
    """
    found = hubness(answers([[0, 1], [0, 2], [0, 3], [0, 1]], 4), 1)
    assert found.skewness == pytest.approx(2 / math.sqrt(3))
    assert (found.never_answered, found.largest, found.k) == (0.75, 4, 1)


def test_the_first_k_count():
    """The same answers at k = 2: N_2 = 4 2 1 1, mean 2, deviations 2 0 -1 -1.

    Second moment 6 / 4, third (8 - 2) / 4, skewness 1.5 / 1.5^1.5.
    """
    matches = answers([[0, 1], [0, 2], [0, 3], [0, 1]], 4)
    assert occurrences(matches, 2).tolist() == [4, 2, 1, 1]
    assert hubness(matches, 2).skewness == pytest.approx(1.5**-0.5)
    assert hubness(matches, 2).never_answered == 0


def test_everyone_answers_as_often():
    found = hubness(answers([[0], [1], [2]], 3), 1)
    assert (found.skewness, found.never_answered, found.largest) == (0, 0, 1)


def test_a_row_that_is_asked_for_too_seldom_skews_to_the_other_side():
    """N_1 = 0 1 1 1 1: mean 4/5, deviations -4/5 and four times 1/5; third moment (-64 + 4) / 625 below zero."""
    assert hubness(answers([[1], [2], [3], [4]], 5), 1).skewness == pytest.approx((-60 / 625) / (20 / 125) ** 1.5)


def test_answers_that_do_not_exist_are_nobodys():
    matches = answers([[0, 1], [0, 1]], 3)
    rows = matches.rows.copy()
    rows[1, 1] = NO_ROW
    assert occurrences(replace(matches, rows=rows), 2).tolist() == [2, 1, 0]


def test_edges():
    empty = hubness(answers([[NO_ROW]], 0), 1)
    assert math.isnan(empty.skewness)
    assert math.isnan(empty.never_answered)
    with pytest.raises(UsageError, match="1 <= k <= 2"):
        hubness(answers([[0, 1]], 2), 3)
