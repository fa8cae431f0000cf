"""Points in few dimensions: what lies on a line stays on it, what is nearer stays on its side."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from georetrieval.errors import MissingExtraError
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.projection import across, principal, projected


def described(vectors: np.ndarray, space: Space = Space.EUCLIDEAN) -> Descriptors:
    names = [str(n) for n in range(len(vectors))]
    return Descriptors(vectors.astype(np.float32), names, names, [""] * len(vectors), space)


def test_principal_components_of_a_line_and_a_plane() -> None:
    """A line in four dimensions, (3, 4) a step of length 5: one component holds everything."""
    line = np.arange(5)[:, None] * np.array([[3, 4, 0, 0]])
    points, kept = principal(line, 3)
    assert points[:, 0].tolist() == pytest.approx([-10, -5, 0, 5, 10])
    assert np.allclose(points[:, 1:], 0)
    assert kept == pytest.approx(1)
    square = np.array([[2, 0, 0], [-2, 0, 0], [0, 1, 0], [0, -1, 0.0]])
    points, kept = principal(square, 1)
    assert kept == pytest.approx(8 / 10)
    assert np.sort(points[:, 0]).tolist() == pytest.approx([-2, 0, 0, 2])


def test_short_vectors_get_zeros() -> None:
    points, kept = principal(np.array([[1.0], [3.0]]), 3)
    assert points.tolist() == [[-1, 0, 0], [1, 0, 0]]
    assert kept == 1
    assert principal(np.ones((3, 2)), 2)[1] == 1.0


def test_parts_are_fitted_together_and_come_back_apart() -> None:
    random = np.random.default_rng(1)
    whole = random.normal(size=(30, 5))
    (first, second), _ = projected([described(whole[:20]), described(whole[20:])], 2)
    assert np.allclose(np.concatenate([first, second]), principal(whole.astype(np.float32), 2)[0], atol=1e-5)


def test_length_says_nothing_in_the_cosine_space() -> None:
    vectors = np.array([[1, 0], [5, 0], [0, 2], [0, 7], [0, 0.0]])
    (points,), _ = projected([described(vectors, Space.COSINE)], 2)
    assert np.allclose(points[0], points[1])
    assert np.allclose(points[2], points[3])
    assert np.isfinite(points).all()


def test_across_two_points_the_nearer_one_is_on_its_side() -> None:
    """In any number of dimensions: x is -1 and 1 at the two, and its sign says which is nearer."""
    random = np.random.default_rng(2)
    vectors, first, second = random.normal(size=(200, 7)), random.normal(size=7), random.normal(size=7)
    points = across(vectors, first, second)
    nearer = np.linalg.norm(vectors - first, axis=1) < np.linalg.norm(vectors - second, axis=1)
    assert np.array_equal(points[:, 0] < 0, nearer)
    assert across(np.stack([first, second]), first, second)[:, 0].tolist() == pytest.approx([-1, 1])


def test_umap_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"georetrieval\[umap\]"):
        projected([described(np.random.default_rng(1).normal(size=(40, 4)))], 3, "umap")


@pytest.mark.slow
def test_umap_keeps_three_clusters_apart() -> None:
    random = np.random.default_rng(1)
    middles = np.repeat(10 * np.eye(3, 6), 20, axis=0)
    (points,), kept = projected([described(middles + random.normal(size=(60, 6)))], 3, "umap")
    assert kept is None
    groups = points.reshape(3, 20, 3)
    spread = np.linalg.norm(groups - groups.mean(axis=1, keepdims=True), axis=2).max()
    apart = np.linalg.norm(groups.mean(axis=1)[[0, 1, 2]] - groups.mean(axis=1)[[1, 2, 0]], axis=1).min()
    assert apart > spread
