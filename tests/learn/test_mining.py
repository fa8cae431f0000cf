"""Hard pairs by a table worked by hand, and what goes into a batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.learn.mining import HardPairs, PairSampler, answers, hard_pairs
from georetrieval.learn.settings import MiningSettings
from georetrieval.search.descriptors import Descriptors, Space

PAPER = MiningSettings()


def on_circle(degrees: list[float], keys: str, scopes: list[str] | None = None) -> Descriptors:
    angles = np.deg2rad(degrees)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    names = [f"{key}{len(degrees)}" for key in keys]
    return Descriptors(vectors, list(keys), names, scopes or [""] * len(keys), Space.COSINE)


def test_hard_pairs_by_angles() -> None:
    """Gallery a..f at 0, 10, .. 50 degrees. a is found first; b's query at 2 finds a, b (precision 1/2: not hard);
    c's query at 51 finds f, e, d, c (1/4: hard); d, e exactly; f's query at -5 finds a b c d e and never f."""
    gallery = on_circle([0, 10, 20, 30, 40, 50], "abcdef")
    queries = on_circle([0, 4, 51, 30, 40, -5], "abcdef")
    found = hard_pairs(answers(queries, gallery, 5), below=0.5)
    assert found.rows.tolist() == [2, 5]
    assert found.wrong.tolist() == [[5, 4, 3, -1, -1], [0, 1, 2, 3, 4]]
    assert found.score == pytest.approx((1 + 1 / 2 + 1 / 4 + 1 + 1 + 0) / 6)


def test_a_query_meets_its_own_scope_only() -> None:
    gallery = on_circle([0, 0, 90, 90], "abcd", ["x", "y", "x", "y"])
    queries = on_circle([80, 80, 10, 10], "abcd", ["x", "y", "x", "y"])
    found = hard_pairs(answers(queries, gallery, 2), below=1.0)
    assert found.rows.tolist() == [0, 1, 2, 3]
    assert found.wrong.tolist() == [[2, -1], [3, -1], [0, -1], [1, -1]]


def sampler(count: int, batch: int, *, negatives: bool = True, mining: MiningSettings | None = PAPER) -> PairSampler:
    keys = [f"k{n}" for n in range(count)]
    return PairSampler(keys, [""] * count, batch=batch, mining=mining, negatives=negatives)


def test_random_batches_are_half_positive_and_show_every_place_once() -> None:
    batches = list(sampler(24, 12).epoch(1, 0, None))
    assert len(batches) == sampler(24, 12).steps(None) == 4
    for pairs in batches:
        assert pairs.positive.tolist() == [True] * 6 + [False] * 6
        assert (pairs.second[:6] == pairs.first[:6] + 24).all()
        assert (pairs.second[6:] < 24).all()  # same date
        assert (pairs.second[6:] != pairs.first[6:]).all()
    assert sorted(np.concatenate([p.first[:6] for p in batches]).tolist()) == list(range(24))


def test_the_papers_batch_is_half_random_half_hard() -> None:
    hard = HardPairs(np.array([20, 21, 22, 23]), np.array([[1, 2], [3, -1], [4, 5], [6, 7]]), 0.5)
    batches = list(sampler(18 + 6, 12).epoch(1, 5, hard))
    assert len(batches) == 24 // 3
    for pairs in batches:
        assert len(pairs) == 12
        assert pairs.positive.sum() == 6
        first, second = pairs.first.reshape(4, 3), pairs.second.reshape(4, 3)
        assert set(first[2]) <= {20, 21, 22, 23}  # hard positives
        assert (second[2] == first[2] + 24).all()
        wrong = dict(zip(hard.rows.tolist(), hard.wrong.tolist(), strict=True))
        assert all(b in wrong[a] and b >= 0 for a, b in zip(first[3].tolist(), second[3].tolist(), strict=True))


def test_too_few_hard_pairs_are_used_again() -> None:
    hard = HardPairs(np.array([3]), np.array([[0]]), 0.9)
    pairs = next(sampler(12, 12).epoch(1, 5, hard))
    assert pairs.first[6:9].tolist() == [3, 3, 3]
    assert pairs.second[9:].tolist() == [0, 0, 0]


def test_negatives_of_the_other_date() -> None:
    mining = replace(PAPER, negatives="other_date")
    pairs = next(sampler(12, 8, mining=mining).epoch(1, 0, None))
    assert (pairs.second[4:] >= 12).all()
    assert (pairs.second[4:] - 12 != pairs.first[4:]).all()


def test_positive_batches_bring_the_confusers() -> None:
    """Without negative pairs a hard place comes together with what it was taken for, each place once."""
    hard = HardPairs(np.array([10, 11]), np.array([[0, 1], [2, 3]]), 0.5)
    for pairs in sampler(12, 8, negatives=False).epoch(1, 5, hard):
        assert pairs.positive.all()
        assert len(set(pairs.first.tolist())) == len(pairs)
        assert {10, 11} & set(pairs.first.tolist())
        assert (pairs.second == pairs.first + 12).all()


def test_a_hard_place_comes_with_its_confuser() -> None:
    """Place 11 was taken for 4: wherever 11 comes as a hard place, 4 is there to be told apart from it."""
    hard = HardPairs(np.array([11]), np.array([[4, 1]]), 0.5)
    batches = list(sampler(12, 6, negatives=False).epoch(1, 5, hard))
    assert len(batches) == 12 // 3
    assert all({11, 4} <= set(pairs.first.tolist()) for pairs in batches)
    assert all(len(pairs) == 6 for pairs in batches)


def test_hard_places_of_another_scope_stay_away() -> None:
    """The same ground at two pairs of dates is two scopes: in one batch it would be its own negative. Where a scope
    has no hard place, its own places fill the batch."""
    scopes = ["x"] * 8 + ["y"] * 8
    drawn = PairSampler([f"k{n}" for n in range(16)], scopes, batch=4, mining=PAPER, negatives=False)
    hard = HardPairs(np.array([1, 2]), np.array([[3, 4], [5, -1]]), 0.5)
    batches = list(drawn.epoch(1, 5, hard))
    assert len(batches) == drawn.steps(hard) == 8
    for pairs in batches:
        rows = set(pairs.first.tolist())
        assert len(rows) == 4
        assert len({scopes[row] for row in rows}) == 1
        assert scopes[min(rows)] == "y" or rows & {1, 2}


def test_scopes_and_places_are_never_mixed_up() -> None:
    """Rows of one place at two pairs of dates are no negatives of each other; nor are rows of two scopes."""
    made = PairSampler(list("ababcdcd"), list("xxxxyyyy"), batch=8, mining=None, negatives=True)
    for epoch in range(5):
        for pairs in made.epoch(1, epoch, None):
            for a, b in zip(pairs.first[~pairs.positive], pairs.second[~pairs.positive], strict=True):
                assert a % 2 != b % 2
                assert (a < 4) == (b < 4)


def test_without_negatives_a_batch_has_one_scope_and_all_places_come() -> None:
    """Ten places of x and four of y in batches of three: ceil(10 / 3) + ceil(4 / 3) batches, none mixed."""
    scopes = ["x"] * 10 + ["y"] * 4
    drawn = PairSampler([f"k{n}" for n in range(14)], scopes, batch=3, mining=None, negatives=False)
    batches = list(drawn.epoch(1, 0, None))
    assert len(batches) == drawn.steps(None) == 4 + 2
    assert all(len({scopes[row] for row in pairs.first}) == 1 for pairs in batches)
    assert all(len(set(pairs.first.tolist())) == len(pairs) == 3 for pairs in batches)
    assert set(np.concatenate([pairs.first for pairs in batches]).tolist()) == set(range(14))


def test_same_seed_and_epoch_give_the_same_batches() -> None:
    def rows(seed: int, epoch: int) -> list[list[int]]:
        return [[*p.first.tolist(), *p.second.tolist()] for p in sampler(30, 8).epoch(seed, epoch, None)]

    assert rows(1, 2) == rows(1, 2)
    assert rows(1, 2) != rows(1, 3) != rows(2, 3)


def test_one_place_has_no_negative() -> None:
    with pytest.raises(InputError, match="one place"):
        PairSampler(["a", "a"], ["x", "x"], batch=4, mining=None, negatives=True)
