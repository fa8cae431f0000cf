"""The unknown, on distances that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.search.descriptors import Space
from georetrieval.search.outliers import auroc, distances, keeping, most_balanced, threshold


def test_auroc_counts_pairs():
    """Pairs (1,2) (1,3) (2.5,3) are right, (2.5,2) is wrong: 3 of 4."""
    assert auroc(np.array([1, 2.5]), np.array([2.0, 3])) == 0.75
    assert auroc(np.array([1.0]), np.array([1.0])) == 0.5
    assert auroc(np.array([1.0, 2]), np.array([3.0, np.inf])) == 1
    assert auroc(np.array([5.0]), np.array([1.0])) == 0
    with pytest.raises(InputError, match="1 and 0 were given"):
        auroc(np.array([1.0]), np.empty(0))


def test_auroc_is_what_comparing_each_pair_gives():
    rng = np.random.default_rng(3)
    known, unknown = rng.integers(0, 9, 40).astype(float), rng.integers(3, 12, 30).astype(float)
    pairs = (unknown[None] > known[:, None]) + 0.5 * (unknown[None] == known[:, None])
    assert auroc(known, unknown) == pytest.approx(pairs.mean())


def test_keeping_a_share():
    """Of 1..20, 95 % are the first 19; all are 20; the least share is one query."""
    known = np.arange(20.0, 0, -1)
    assert (keeping(known, 0.95), keeping(known, 1.0), keeping(known, 0.001)) == (19, 20, 1)


def test_the_balanced_distance_lies_in_the_widest_gap():
    """Known 1, 2, 3; unknown 5, 6: all is told apart between 3 and 5."""
    assert most_balanced(np.array([1.0, 2, 3]), np.array([5.0, 6])) == 4
    assert most_balanced(np.array([1.0, 2, 8]), np.array([5.0, 6, np.inf])) == pytest.approx(3.5)


def test_threshold_says_how_it_was_set():
    known, unknown = np.array([0.1, 0.2, 0.3, 0.9]), np.array([0.5, 0.8, 1.0])
    found = threshold(known, unknown)
    assert (found.how, found.distance, found.kept, found.refused) == ("balanced", pytest.approx(0.4), 0.75, 1.0)
    assert found.auroc == pytest.approx(10 / 12)
    assert found.beyond(np.array([0.39, 0.41, np.inf])).tolist() == [False, True, True]
    alone = threshold(known, keep=0.75)
    assert (alone.how, alone.distance, alone.refused, alone.auroc) == ("keep", 0.3, None, None)
    assert threshold(known, unknown, keep=1.0).distance == 0.9
    assert threshold(known).distance == 0.9


@pytest.mark.parametrize(("known", "keep", "error", "told"), [
    ([], None, InputError, "0 were given"),
    ([np.inf], None, InputError, "finite"),
    ([1.0], 0.0, UsageError, "above 0"),
    ([1.0], 1.5, UsageError, "at most 1"),
])
def test_wrong_questions(known, keep, error, told):
    with pytest.raises(error, match=told):
        threshold(np.asarray(known), keep=keep)


def test_distances_of_scores():
    assert distances(np.array([1.0, 0.5, 1.0000001]), Space.COSINE).tolist() == [0, 0.5, 0]
    assert distances(np.array([-3.0, -0.0, -np.inf]), "euclidean").tolist() == [3, 0, np.inf]
