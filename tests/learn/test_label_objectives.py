"""Contrastive, triplet, supervised and class losses, against numbers worked by hand on points and angles."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.label_objectives import Classes, SemiHardTriplets, SupCon
from georetrieval.learn.objectives import Contrastive, InfoNCE, objective_of
from georetrieval.learn.relations import Among, Labels, Pairs
from georetrieval.learn.settings import TrainSettings

torch.set_num_threads(1)


def labels(*numbers: int) -> Labels:
    return Labels(np.arange(len(numbers), dtype=np.int64), np.asarray(numbers, dtype=np.int64))


def on_circle(*degrees: float) -> torch.Tensor:
    angles = torch.tensor([math.radians(degree) for degree in degrees], dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_contrastive_of_four_points() -> None:
    """Positive pairs 0.5 and 3 apart cost 0.25 and 9, negative ones 0.5, 0 and 2 apart cost 0.25, 1 and 0."""
    points = torch.tensor([[0.0, 0.0], [0.5, 0.0], [3.0, 0.0], [0.0, 2.0]])
    pairs = Pairs(np.array([0, 0, 0, 0, 0]), np.array([1, 2, 1, 0, 3]), np.array([True, True, False, False, False]),
                  np.arange(5))
    assert Contrastive()(points, pairs).item() == pytest.approx((0.25 + 9 + 0.25 + 1 + 0) / 5, abs=1e-5)
    assert Contrastive(4)(points, pairs).item() == pytest.approx((9.25 + 3.5**2 + 16 + 4) / 5, abs=1e-4)
    assert Contrastive.wants_negatives


def test_the_slope_of_the_contrastive_loss_is_finite_where_two_points_meet() -> None:
    points = torch.zeros(2, 2, requires_grad=True)
    Contrastive()(points, Pairs(np.array([0, 0]), np.array([1, 1]), np.array([True, False]), np.arange(2))).backward()
    assert torch.isfinite(points.grad).all()


def test_triplets_on_a_line() -> None:
    """Label 0 at 0 and 1, label 1 at 1.5: with margin 1 the triplet (0, 1; 1.5) is semi-hard and costs 1 - 1.5 + 1.

    (1, 0; 1.5) is hard (its negative is 0.5 away, nearer than its positive) and does not count.
    """
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.5, 0.0]])
    assert SemiHardTriplets(1.0)(points, labels(0, 0, 1)).item() == pytest.approx(0.5)
    assert SemiHardTriplets(0.4)(points, labels(0, 0, 1)).item() == 0  # the negative is beyond the margin
    both = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.5, 0.0], [-1.2, 0.0]])
    # anchors 0 (positive 1 away): negatives 1.5 and 1.2 away cost 0.5 and 0.8; anchor 1: -1.2 is 2.2 away, easy
    # anchors 1.5 and -1.2 are 2.7 apart, both negatives of each are nearer
    assert SemiHardTriplets(1.0)(both, labels(0, 0, 1, 1)).item() == pytest.approx((0.5 + 0.8) / 2)


def test_supervised_contrast_of_four_angles() -> None:
    """Labels 0 at 0 and 90 degrees, 1 at 180 and 270: every anchor sees its own and one of the other label at cosine
    0, the other one at -1: -log(1 / (1 + 1 + e^-1/t))."""
    t = 0.5
    expected = -math.log(1 / (2 + math.exp(-1 / t)))
    assert SupCon(t)(on_circle(0, 90, 180, 270), labels(0, 0, 1, 1)).item() == pytest.approx(expected, rel=1e-5)
    # NT-Xent with the same labels: one positive per anchor, so that it is the same
    assert InfoNCE(t)(on_circle(0, 90, 180, 270), labels(0, 0, 1, 1)).item() == pytest.approx(expected, rel=1e-5)


def test_classes_by_hand() -> None:
    logits = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    expected = (-math.log(3 / 4) - math.log(1 / 2)) / 2
    assert Classes()(logits, labels(0, 1)).item() == pytest.approx(expected)
    smooth = (-0.9 * math.log(3 / 4) - 0.1 * math.log(1 / 4) - math.log(1 / 2)) / 2
    assert Classes(0.2)(logits, labels(0, 1)).item() == pytest.approx(smooth)


@pytest.mark.parametrize(("name", "kind"), [("contrastive", Contrastive), ("triplet", SemiHardTriplets),
                                            ("supcon", SupCon), ("cross-entropy", Classes)])
def test_names_of_settings(name: str, kind: type) -> None:
    made = objective_of(TrainSettings(objective=name, margin=0.3), 4)
    assert type(made) is kind
    assert getattr(made, "margin", 0.3) == 0.3
    assert made.wants_labels == (kind is not Contrastive)


@pytest.mark.parametrize("made", [lambda: Contrastive(0), lambda: SemiHardTriplets(-1), lambda: SupCon(0),
                                  lambda: Classes(1), lambda: TrainSettings(patience=0)])
def test_numbers_that_make_no_sense(made) -> None:
    with pytest.raises(UsageError):
        made()


def test_relations_know_their_place_in_the_batch() -> None:
    inside = Pairs.of([0, 1], [2, 2], True)
    assert Among(np.array([7, 9, 30]), inside).in_batch() is inside
    assert labels(5, 6).in_batch().rows.tolist() == [0, 1]
    assert Labels(np.array([9, 4]), np.array([1, 1])).in_batch().rows.tolist() == [0, 1]
    with pytest.raises(UsageError):
        Labels(np.arange(2), np.arange(3))
