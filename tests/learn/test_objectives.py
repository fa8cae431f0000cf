"""Objectives against numbers worked by hand, with angles on the unit circle."""

from __future__ import annotations

import math

import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.objectives import InfoNCE, PairBCE, objective_of
from georetrieval.learn.relations import Pairs
from georetrieval.learn.settings import TrainSettings


def at(*degrees: float) -> torch.Tensor:
    """Unit vectors at these angles."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angles.cos(), angles.sin()], dim=1).float()


def bce(weights: list[float], bias: float) -> PairBCE:
    objective = PairBCE(2)
    with torch.no_grad():
        objective.fc.weight.copy_(torch.tensor([weights]))
        objective.fc.bias.copy_(torch.tensor([bias]))
    return objective


def test_bce_of_equal_vectors_is_that_of_the_bias() -> None:
    """|a - b| = 0, p = sigmoid(2): -log p when they are the same place, -log(1 - p) when not."""
    objective, vectors = bce([1.0, 1.0], 2.0), at(30, 30)
    same, other = Pairs.of([0], [1], True), Pairs.of([0], [1], False)
    assert objective(vectors, same).item() == pytest.approx(math.log(1 + math.exp(-2)))
    assert objective(vectors, other).item() == pytest.approx(math.log(1 + math.exp(2)))


def test_bce_on_the_unit_circle() -> None:
    """0 and 90 degrees: |a - b| = (1, 1), z = -3 -1 + 1 = -3. 0 and 180: |a - b| = (2, 0), z = -6 + 1 = -5."""
    objective, vectors = bce([-3.0, -1.0], 1.0), at(0, 90, 180)
    pairs = Pairs.of([0], [1], True) + Pairs.of([0], [2], False)
    expected = (math.log(1 + math.exp(3)) + math.log(1 + math.exp(-5))) / 2
    assert objective(vectors, pairs).item() == pytest.approx(expected, rel=1e-5)


def test_bce_falls_when_its_layer_is_trained() -> None:
    objective, vectors = bce([0.0, 0.0], 0.0), at(0, 10, 100)
    pairs = Pairs.of([0], [1], True) + Pairs.of([0], [2], False)
    assert objective(vectors, pairs).item() == pytest.approx(math.log(2))
    optimiser = torch.optim.SGD(objective.parameters(), lr=1.0)
    for _ in range(50):
        optimiser.zero_grad()
        objective(vectors, pairs).backward()
        optimiser.step()
    assert objective(vectors, pairs).item() < 0.3


def test_infonce_of_two_pairs_at_right_angles() -> None:
    """Partners coincide (cosine 1), strangers are at 90 degrees (cosine 0), temperature 1/2:
    each of the four looks for its partner among three, -log(e^2 / (e^2 + 1 + 1))."""
    value = InfoNCE(0.5)(at(0, 90, 0, 90), Pairs.of([0, 1], [2, 3], True))
    assert float(value) == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-5)


def test_infonce_by_angles() -> None:
    """Places at 0 and 180 degrees, second date turned by 60: all cosines are +-1/2 or -1."""
    value = InfoNCE(1.0)(at(0, 180, 60, 240), Pairs.of([0, 1], [2, 3], True))
    each = -0.5 + math.log(math.exp(0.5) + math.exp(-1) + math.exp(-0.5))
    assert float(value) == pytest.approx(each, rel=1e-5)


def test_infonce_does_not_depend_on_length() -> None:
    vectors, pairs = at(0, 80, 15, 120), Pairs.of([0, 1], [2, 3], True)
    lengths = torch.tensor([[3.0], [0.5], [1.0], [7.0]])
    assert float(InfoNCE()(vectors * lengths, pairs)) == pytest.approx(float(InfoNCE()(vectors, pairs)), rel=1e-4)


def test_pairs_of_one_place_are_no_negatives_of_each_other() -> None:
    """The same place twice, nothing else: there is nobody to be confused with."""
    import numpy as np

    pairs = Pairs.of([0, 1], [2, 3], True, np.array([5, 5]))
    assert float(InfoNCE()(at(0, 90, 30, 60), pairs)) == pytest.approx(0, abs=1e-6)


def test_infonce_refuses_negative_pairs_and_cold() -> None:
    with pytest.raises(UsageError, match="positive"):
        InfoNCE()(at(0, 90), Pairs.of([0], [1], False))
    with pytest.raises(UsageError, match="temperature"):
        InfoNCE(0.0)


def test_objective_by_name() -> None:
    assert isinstance(objective_of(TrainSettings(objective="bce"), 8), PairBCE)
    assert isinstance(objective_of(TrainSettings(objective="infonce"), 8), InfoNCE)
