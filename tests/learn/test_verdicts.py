"""Same or different: pairs that are half and half, distances, and the best limit between two halves."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.learn.relations import Pairs
from georetrieval.learn.verdicts import Partners, accuracy, best_threshold, fixed_pairs, pair_distances
from georetrieval.search.descriptors import Descriptors

KEYS = ["a", "a", "b", "b", "c", "a", "b"]
SCOPES = ["s", "s", "s", "s", "s", "t", "t"]


def test_partners_are_of_the_scope_and_of_the_key_or_not() -> None:
    partners = Partners(KEYS, SCOPES)
    random = np.random.default_rng(0)
    assert {partners.same(0, random) for _ in range(9)} == {1}
    assert {partners.different(0, random) for _ in range(99)} == {2, 3, 4}
    assert {partners.different(5, random) for _ in range(9)} == {6}
    assert partners.twice.tolist() == [True, True, True, True, False, False, False]
    pairs = partners.pairs(np.arange(4), random)
    assert pairs.positive.sum() == 2
    for first, second, same in zip(pairs.first, pairs.second, pairs.positive, strict=True):
        assert first != second
        assert (KEYS[first] == KEYS[second]) == same


def test_fixed_pairs_are_the_same_for_everybody() -> None:
    keys, scopes = ["x", "y"] * 10, [""] * 20
    one, again, other = (fixed_pairs(keys, scopes, 40, seed) for seed in (1, 1, 2))
    assert one.second.tolist() == again.second.tolist() != other.second.tolist()
    assert np.bincount(one.first).tolist() == [2] * 20
    assert one.positive.sum() == 20


@pytest.mark.parametrize(("keys", "scopes"), [(["a", "a"], ["", ""]), (["a", "b"], ["", ""]),
                                              (["a", "a", "b", "a"], ["s", "s", "s", "t"])])
def test_where_nothing_can_be_told(keys: list[str], scopes: list[str]) -> None:
    with pytest.raises(InputError, match="Same and different"):
        Partners(keys, scopes)


@pytest.mark.parametrize(("space", "expected"), [("euclidean", [5.0, 3.0]), ("cosine", [1.0, 0.0])])
def test_distances(space: str, expected: list[float]) -> None:
    """(3, 0) and (0, 4) are 5 apart, and at a right angle; (3, 0) and (6, 0) are 3 apart, in one direction."""
    found = Descriptors(np.array([[3, 0], [0, 4], [6, 0]], np.float32), list("abc"), list("abc"), [""] * 3, space)
    assert pair_distances(found, Pairs.of([0, 0], [1, 2], True)).tolist() == pytest.approx(expected)


def test_the_best_limit_lies_between() -> None:
    apart = np.array([0.1, 0.2, 0.8, 0.4, 0.9, 1.0])
    same = np.array([True, True, True, False, False, False])
    limit, share = best_threshold(apart, same)
    assert 0.2 < limit < 0.4
    assert share == pytest.approx(5 / 6)
    assert accuracy(apart, same, 0.85) == pytest.approx(5 / 6)
    assert accuracy(apart, same, 0.5) == pytest.approx(4 / 6)
