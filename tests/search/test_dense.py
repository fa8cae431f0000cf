"""DenseIndex against ExactIndex, its oracle."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.dense import DenseIndex
from georetrieval.search.descriptors import Space
from georetrieval.search.index import ExactIndex


@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize("spread", [1.0, 1e-3])
def test_the_answers_of_the_oracle(space: Space, spread: float) -> None:
    """Also where all vectors lie close together, and where some are the same: the earlier row comes first."""
    random = np.random.default_rng(5)
    vectors = (1 + spread * random.normal(size=(60, 40))).astype(np.float32)
    vectors[40:50] = vectors[:10]
    queries = (vectors[::3] + spread * 0.3 * random.normal(size=(20, 40))).astype(np.float32)
    for k in (1, 7, 100):
        scores, rows = DenseIndex(vectors, space).search(queries, k)
        wanted, right = ExactIndex(vectors, space).search(queries, k)
        assert np.array_equal(rows, right)
        assert scores == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_copies_stand_in_the_order_of_the_rows() -> None:
    vectors = np.tile(np.random.default_rng(1).normal(size=(1, 700)), (9, 1)).astype(np.float32)
    for space in Space:
        scores, rows = DenseIndex(vectors, space).search(vectors * 1.5, 9)
        assert (rows == np.arange(9)).all()
        assert (scores == scores[0, 0]).all()


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(2).normal(size=(30, 8)).astype(np.float32)
    whole = DenseIndex(vectors, "euclidean").search(vectors, 4)
    monkeypatch.setattr("georetrieval.search.dense.CHUNK_BYTES", 8 * 30 * 7)
    parts = DenseIndex(vectors, "euclidean").search(vectors, 4)
    assert np.array_equal(whole[1], parts[1])
    assert whole[0] == pytest.approx(parts[0], abs=1e-5)


def test_what_cannot_be_asked() -> None:
    index = DenseIndex(np.ones((2, 3), np.float32), "cosine")
    with pytest.raises(UsageError):
        index.search(np.ones((1, 4), np.float32), 1)
    with pytest.raises(UsageError):
        index.search(np.ones((1, 3), np.float32), 0)
