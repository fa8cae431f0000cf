import numpy as np
import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.search.flat import FlatIndex
from georetrieval.search.index import ExactIndex

PLANE = np.array([[1, 0], [0, 2], [3, 3], [-1, 0]], np.float32)


def test_cosine_scores_are_the_angles_on_the_unit_circle():
    scores, rows = ExactIndex(PLANE, "cosine").search(np.array([[5, 0]], np.float32), 4)
    assert rows.tolist() == [[0, 2, 1, 3]]
    assert scores[0] == pytest.approx([1, np.sqrt(0.5), 0, -1])


def test_euclidean_scores_are_minus_the_distance():
    scores, rows = ExactIndex(PLANE, "euclidean").search(np.array([[0, 0.5]], np.float32), 4)
    assert rows.tolist() == [[0, 3, 1, 2]]  # 0 and 3 are equally far: the lower row first
    assert scores[0] == pytest.approx([-np.sqrt(1.25), -np.sqrt(1.25), -1.5, -np.sqrt(9 + 6.25)])


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
@pytest.mark.parametrize("copies", [7, 501])
def test_equal_vectors_come_in_the_order_of_the_rows(space, copies):
    vector = np.random.default_rng(1).normal(size=37).astype(np.float32)
    rows = ExactIndex(np.tile(vector, (copies, 1)), space).search(vector[None], 5)[1]
    assert rows.tolist() == [[0, 1, 2, 3, 4]]


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_exact_index_agrees_with_float64_brute_force_in_any_block_size(space, monkeypatch):
    rng = np.random.default_rng(3)
    data, queries = rng.normal(size=(500, 24)).astype(np.float32), rng.normal(size=(40, 24)).astype(np.float32)
    a, b = data.astype(float), queries.astype(float)
    if space == "cosine":
        table = (b / np.linalg.norm(b, axis=1)[:, None]) @ (a / np.linalg.norm(a, axis=1)[:, None]).T
    else:
        table = -np.linalg.norm(b[:, None] - a[None], axis=2)
    wanted = np.argsort(-table, axis=1)[:, :10]
    index = ExactIndex(data, space)
    first = index.search(queries, 10)
    assert (first[1] == wanted).all()
    np.testing.assert_allclose(first[0], np.take_along_axis(table, wanted, 1), rtol=1e-6)
    monkeypatch.setattr("georetrieval.search.index.CHUNK_BYTES", 8 * 500 * 7)
    again = index.search(queries, 10)
    assert (again[1] == first[1]).all()
    assert (again[0] == first[0]).all()


def test_a_distance_far_smaller_than_the_coordinates_is_still_exact():
    data = np.float32(1000) + np.array([[0.5, 0], [0.25, 0], [0, 0]], np.float32)
    scores, rows = ExactIndex(data, "euclidean").search(np.full((1, 2), 1000, np.float32), 3)
    assert rows.tolist() == [[2, 1, 0]]
    assert scores.tolist() == [[0, -0.25, -0.5]]


@pytest.mark.parametrize("kind", [ExactIndex, FlatIndex])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 0.0])
def test_vectors_that_mean_nothing_are_refused(kind, bad):
    data = PLANE.copy()
    data[2] = bad
    with pytest.raises(InputError, match=r"1 vectors that are zero or not finite \(first: row 2\)"):
        kind(data, "cosine")
    with pytest.raises(InputError, match="zero or not finite"):
        kind(PLANE, "cosine").search(data[2:3], 1)


@pytest.mark.parametrize("kind", [ExactIndex, FlatIndex])
def test_a_question_that_makes_no_sense_is_refused(kind):
    index = kind(PLANE, "cosine")
    with pytest.raises(UsageError, match="at least 1"):
        index.search(PLANE, 0)
    with pytest.raises(UsageError, match="same model"):
        index.search(np.ones((1, 3), np.float32), 1)
    assert index.search(np.ones((0, 2), np.float32), 2)[1].shape == (0, 2)
