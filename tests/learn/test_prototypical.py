"""The softmax over distances to prototypes, worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.objectives import Prototypical, objective_of
from georetrieval.learn.relations import Pairs
from georetrieval.learn.settings import TrainSettings

LINE = torch.tensor([[0.0], [1.0], [3.0], [2.0]])


def pairs(*listed: tuple[int, int, bool]) -> Pairs:
    first, second, positive = zip(*listed, strict=True)
    rows = np.asarray(first, np.int64)
    return Pairs(rows, np.asarray(second, np.int64), np.asarray(positive), rows)


def test_two_prototypes_by_hand() -> None:
    """Squared distances 1 (right) and 9 over 2: log(1 + exp((1 - 9) / 2))."""
    found = Prototypical(2.0)(LINE, pairs((0, 1, True), (0, 2, False)))
    assert found.item() == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-5)


def test_several_members_and_several_right_ones() -> None:
    """Row 3 is at 1 of both others, one is right: log 2. Row 0 at 1 and 4 of right ones, at 9 of the wrong one."""
    found = Prototypical(1.0)(LINE, pairs((3, 1, True), (0, 1, True), (3, 2, False), (0, 3, True), (0, 2, False)))
    right = math.exp(-1) + math.exp(-4)
    assert found.item() == pytest.approx((math.log(2) + math.log((right + math.exp(-9)) / right)) / 2, rel=1e-5)


def test_members_with_one_kind_of_pair_say_nothing() -> None:
    vectors = LINE.clone().requires_grad_()
    found = Prototypical(1.0)(vectors, pairs((0, 1, True), (2, 1, False)))
    found.backward()
    assert found.item() == 0
    assert torch.equal(vectors.grad, torch.zeros(4, 1))
    listed = pairs((3, 1, True), (3, 2, False))
    more = pairs((3, 1, True), (3, 2, False), (0, 1, True), (2, 1, False))
    assert Prototypical(1.0)(LINE, more).item() == pytest.approx(Prototypical(1.0)(LINE, listed).item())


def test_only_the_difference_of_distances_counts() -> None:
    """Moved away from both prototypes at a right angle, nothing changes: the contrastive loss would grow."""
    flat = torch.tensor([[0.0, 0.0], [-1.0, 0.0], [2.0, 0.0]])
    far = flat.clone()
    far[0, 1] = 7.0
    listed = pairs((0, 1, True), (0, 2, False))
    assert Prototypical(1.0)(far, listed).item() == pytest.approx(Prototypical(1.0)(flat, listed).item(), abs=1e-6)


def test_it_is_made_of_its_settings_and_wants_a_temperature() -> None:
    made = objective_of(TrainSettings(objective="prototypical", temperature=0.3), 8)
    assert isinstance(made, Prototypical)
    assert made.temperature == 0.3
    with pytest.raises(UsageError, match="above 0"):
        Prototypical(0.0)
