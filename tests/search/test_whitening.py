"""Whitening against what it promises: mean 0, every direction of variance 1, none dependent on another."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.normalise import normalised
from georetrieval.search.whitening import Whitening


def rows(n: int, d: int) -> np.ndarray:
    random = np.random.default_rng(3)
    return (random.normal(size=(n, d)) * np.linspace(5, 0.5, d) + 2).astype(np.float32)


@pytest.mark.parametrize(("n", "d", "dim"), [(200, 12, 12), (200, 12, 5), (20, 60, 10)])
def test_what_it_learnt_on_becomes_white(n: int, d: int, dim: int) -> None:
    vectors = rows(n, d)
    white = Whitening.learn(vectors, dim)(vectors).astype(np.float64)
    kept = min(dim, d)
    assert white.shape == (n, kept)
    assert white.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert white.T @ white / n == pytest.approx(np.eye(kept), abs=1e-4)


def test_directions_are_those_of_greatest_variance() -> None:
    """Near (1, 0, 0) on the sphere: wide along y, narrow along z. The first direction is y; both become white."""
    y, z = np.meshgrid([-0.2, 0.2], [-0.02, 0.02])
    vectors = np.stack([np.ones(4), y.ravel(), z.ravel()], axis=1).astype(np.float32)
    white = Whitening.learn(vectors, 2)(vectors)
    assert np.abs(white) == pytest.approx(np.ones((4, 2)), abs=1e-4)
    assert len(set(np.sign(white[:, 0] * y.ravel()))) == len(set(np.sign(white[:, 1] * z.ravel()))) == 1


def test_the_two_ways_to_compute_agree() -> None:
    """24 rows of 20 dimensions by their covariance, and padded to 40 dimensions by the products of the rows."""
    vectors = rows(24, 20)
    padded = np.concatenate([vectors, np.zeros((24, 20), np.float32)], axis=1)
    one, two = Whitening.learn(vectors, 6)(vectors), Whitening.learn(padded, 6)(padded)
    assert np.abs(one) == pytest.approx(np.abs(two), abs=1e-4)


def test_length_of_the_vectors_does_not_count() -> None:
    vectors = rows(50, 6)
    assert Whitening.learn(vectors, 3)(vectors * 7) == pytest.approx(Whitening.learn(vectors, 3)(vectors), abs=1e-4)
    assert normalised(vectors * 7, "l2", vectors) == pytest.approx(normalised(vectors, "l2", vectors), abs=1e-6)


def test_directions_that_do_not_vary_are_left_out() -> None:
    """Three rows span two directions, however many are asked for; copies span none."""
    assert Whitening.learn(rows(3, 8), 8).dim == 2
    flat = rows(40, 3) @ np.eye(3, 9, dtype=np.float32)
    assert Whitening.learn(flat, 9).dim == 3
    with pytest.raises(UsageError, match="two different"):
        Whitening.learn(np.repeat(rows(1, 4), 5, axis=0), 2)
    with pytest.raises(UsageError):
        Whitening.learn(rows(0, 4), 2)
