"""Objectives against numbers worked by hand, with angles on the unit circle."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.objectives import AnyObjective, CrossDates, InfoNCE, MultiSimilarity, PairBCE, objective_of
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


def test_bce_starts_as_a_distance() -> None:
    """The first weights order pairs as their distance does, whatever the length; 0.12 apart on average is p = 1/2."""
    vectors = torch.tensor([[0.0, 0.0], [0.1, 0.1], [0.2, -0.2], [3 / 25.6, 3 / 25.6]])
    near, far, middle = PairBCE(2).logits(vectors[[0, 0, 0]], vectors[1:]).tolist()
    assert near == pytest.approx(3 - 25.6 * 0.1, abs=1e-5)
    assert far == pytest.approx(3 - 25.6 * 0.2, abs=1e-5)
    assert middle == pytest.approx(0, abs=1e-5)
    torch.manual_seed(0)
    assert (PairBCE(256, start="random").fc.weight > 0).any()


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


def test_dot_product_counts_lengths() -> None:
    """Vectors of length 2 at 0 and 90 degrees, partners coincide: dot products 4 and 0, temperature 100:
    -log(e^0.04 / (e^0.04 + 1 + 1)) for each of the four."""
    value = InfoNCE(100.0, normalise=False)(2 * at(0, 90, 0, 90), Pairs.of([0, 1], [2, 3], True))
    assert float(value) == pytest.approx(math.log(1 + 2 * math.exp(-0.04)), rel=1e-5)


def test_clip_by_angles() -> None:
    """Places at 0 and 180 degrees, second date turned by 60: cosines across are 1/2 (own) and -1/2 (the other one).
    Nobody is compared with his own date."""
    value = CrossDates(0.5)(at(0, 180, 60, 240), Pairs.of([0, 1], [2, 3], True))
    assert float(value) == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)


def test_clip_looks_both_ways() -> None:
    """First members at 0 and 90, second ones both at 0. Forward: the first place sees 1 and 1, the second 0 and 0,
    log 2 each. Back: both see 1 for the first and 0 for the second."""
    value = CrossDates(1.0)(at(0, 90, 0, 0), Pairs.of([0, 1], [2, 3], True))
    back = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))) / 2
    assert float(value) == pytest.approx((math.log(2) + back) / 2, rel=1e-5)


def test_clip_does_not_push_one_place_apart() -> None:
    """The middle pair shows the same place as the first: only the third is a negative, at 90 degrees to both."""
    pairs = Pairs.of([0, 1, 2], [3, 4, 5], True, np.array([7, 7, 8]))
    value = CrossDates(1.0)(at(0, 0, 90, 0, 0, 90), pairs)
    expected = (2 * math.log(1 + math.exp(-1)) + math.log(1 + 2 * math.exp(-1))) / 3
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_clip_does_not_depend_on_length_and_has_a_gradient() -> None:
    pairs = Pairs.of([0, 1], [2, 3], True, np.array([5, 5]))
    lengths = torch.tensor([[3.0], [0.5], [1.0], [7.0]])
    other = Pairs.of([0, 1], [2, 3], True)
    vectors = at(0, 80, 15, 120)
    assert float(CrossDates()(vectors * lengths, other)) == pytest.approx(float(CrossDates()(vectors, other)), rel=1e-4)
    vectors.requires_grad_()
    CrossDates()(vectors, pairs).backward()
    assert vectors.grad is not None
    assert vectors.grad.isfinite().all()


def test_multi_similarity_by_angles() -> None:
    """Partners at 60 degrees (1/2), strangers at 120 or 180 (-1/2, -1). alpha = beta = 1, base 0:
    each row has one positive, log(1 + e^-0.5), and two negatives, log(1 + e^-0.5 + e^-1)."""
    value = MultiSimilarity(alpha=1.0, beta=1.0, base=0.0)(at(0, 180, 60, 240), Pairs.of([0, 1], [2, 3], True))
    expected = math.log(1 + math.exp(-0.5)) + math.log(1 + math.exp(-0.5) + math.exp(-1))
    assert float(value) == pytest.approx(expected, rel=1e-5)


def test_multi_similarity_with_its_own_numbers() -> None:
    """Partners coincide, strangers at 90 degrees: log(1 + e^-1) / 2 + log(1 + 2 e^-25) / 50."""
    value = MultiSimilarity()(at(0, 90, 0, 90), Pairs.of([0, 1], [2, 3], True))
    assert float(value) == pytest.approx(math.log(1 + math.exp(-1)) / 2, rel=1e-5)


@pytest.mark.parametrize("objective", [InfoNCE(100.0, normalise=False), CrossDates(), MultiSimilarity()])
def test_all_without_lists_of_negatives_refuse_them(objective: AnyObjective) -> None:
    assert not objective.wants_negatives
    with pytest.raises(UsageError, match="positive"):
        objective(at(0, 90), Pairs.of([0], [1], False))


def test_numbers_that_mean_nothing() -> None:
    with pytest.raises(UsageError, match="temperature"):
        CrossDates(-1.0)
    with pytest.raises(UsageError, match="alpha"):
        MultiSimilarity(alpha=0.0)


def test_the_new_objectives_by_name() -> None:
    assert isinstance(objective_of(TrainSettings(objective="clip", temperature=0.3), 8), CrossDates)
    made = objective_of(TrainSettings(objective="multi-similarity", alpha=3.0, base=1.0), 8)
    assert isinstance(made, MultiSimilarity)
    assert (made.loss.alpha, made.loss.beta, made.loss.base) == (3.0, 50.0, 1.0)
    plain = objective_of(TrainSettings(objective="nt-xent-dot", temperature=100.0), 8)
    pairs = Pairs.of([0, 1], [2, 3], True)
    assert float(plain(9 * at(0, 80, 15, 120), pairs)) != pytest.approx(float(plain(at(0, 80, 15, 120), pairs)))
