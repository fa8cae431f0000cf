"""Pairs."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.learn.relations import Pairs


def test_in_batch_points_at_first_members_then_second_ones() -> None:
    pairs = Pairs.of([7, 3], [9, 4], True) + Pairs.of([1], [2], False)
    batch = pairs.in_batch()
    assert pairs.first.tolist() == [7, 3, 1]
    assert batch.first.tolist() == [0, 1, 2]
    assert batch.second.tolist() == [3, 4, 5]
    assert batch.positive.tolist() == [True, True, False]


def test_lengths_must_agree() -> None:
    with pytest.raises(UsageError, match="length"):
        Pairs(np.arange(3), np.arange(2), np.ones(3, dtype=bool), np.arange(3))
