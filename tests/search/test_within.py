"""Within-key whitening, on points whose spread is known."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.within import within_key


def points(vectors: np.ndarray, keys: list[str], space: str = "euclidean") -> Descriptors:
    count = len(vectors)
    return Descriptors(vectors.astype(np.float32), np.asarray(keys), np.asarray([str(n) for n in range(count)]),
                       np.asarray([""] * count), space)


CROSS = np.array([[4.0, 0], [-4, 0], [0, 1], [0, -1]])
"""Variances 32/3 and 2/3, no covariance: with them a floor of 1/16 divides by the roots of 17/16 and of 2/16."""


def test_the_matrix_by_hand() -> None:
    members = points(np.concatenate([CROSS + np.array([100, 0]), CROSS + np.array([0, 50])]), ["a"] * 4 + ["b"] * 4)
    found = within_key(members, 1 / 16)
    np.testing.assert_allclose(found, np.diag([np.sqrt(2 / 17), 1.0]), atol=1e-6)


def test_means_of_keys_and_small_keys_have_no_say() -> None:
    """Two pictures of c lie far apart; they are too few to be asked."""
    members = points(np.concatenate([CROSS + 7, [[500, 1], [-500, 1]]]), ["a"] * 4 + ["c"] * 2)
    np.testing.assert_allclose(within_key(members, 1 / 16), np.diag([np.sqrt(2 / 17), 1.0]), atol=1e-6)


def test_each_key_counts_the_same_however_many_pictures_it_has() -> None:
    turned = CROSS[:, ::-1]
    often = points(np.concatenate([CROSS, turned, turned, turned]), ["a"] * 4 + ["b"] * 12)
    found = within_key(often, 0.1)
    once = within_key(points(np.concatenate([CROSS, turned]), ["a"] * 4 + ["b"] * 4), 0.1)
    assert once[0, 0] == pytest.approx(once[1, 1])
    assert found[0, 0] == pytest.approx(found[1, 1], rel=0.1)  # np.cov divides by n - 1


def test_strangers_come_apart_where_pictures_of_one_key_do_not_differ() -> None:
    """Keys differ along y, pictures of a key along x, which is wider: after it the nearest is of the own key."""
    random = np.random.default_rng(1)
    keys = [str(n % 5) for n in range(200)]
    along = np.array([float(key) for key in keys]) + random.normal(0, 0.1, 200)
    vectors = np.stack([random.normal(0, 200, 200), along], 1)

    def right(points_: np.ndarray) -> float:
        apart = np.linalg.norm(points_[:, None] - points_[None], axis=2) + 1e9 * np.eye(200)
        return float(np.mean([keys[n] == keys[int(apart[n].argmin())] for n in range(200)]))

    matrix = within_key(points(vectors, keys), 1e-9)
    assert right(vectors) < 0.75
    assert right(vectors @ matrix.T) > 0.98


def test_nothing_to_learn_from() -> None:
    with pytest.raises(InputError, match="No key has 3 pictures that differ"):
        within_key(points(CROSS, ["a", "b", "c", "d"]), 0.1)
    with pytest.raises(InputError, match="No key has 3 pictures that differ"):
        within_key(points(np.ones((4, 2)), ["a"] * 4), 0.1)
    with pytest.raises(UsageError, match="above 0"):
        within_key(points(CROSS, ["a"] * 4), 0)
