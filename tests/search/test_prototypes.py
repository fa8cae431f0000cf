"""Means and prototypes, on points whose means and silhouettes are worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery
from georetrieval.search.prototypes import clusters, failing, mean_silhouette, means, prototypes, rows_of
from georetrieval.search.row_ids import row_id


def members(vectors, keys, scopes=None, space=Space.EUCLIDEAN) -> Descriptors:
    names = [f"p{i}" for i in range(len(keys))]
    return Descriptors(np.asarray(vectors, np.float32), np.asarray(keys), np.asarray(names),
                       np.asarray(scopes or [""] * len(keys)), space)


def degrees(*angles: float) -> np.ndarray:
    return np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=1).astype(np.float32)


def test_euclidean_mean_is_the_middle():
    found = means(members([[0, 1], [2, 3], [10, 10]], ["a", "a", "b"]))
    assert found.keys.tolist() == ["a", "b"]
    assert found.names.tolist() == ["a", "b"]
    np.testing.assert_allclose(found.vectors, [[1, 2], [10, 10]])


def test_cosine_mean_has_the_middle_angle_whatever_the_lengths():
    lengths = np.array([[1], [100]], np.float32)
    found = means(members(degrees(10, 50) * lengths, ["a", "a"], space=Space.COSINE))
    np.testing.assert_allclose(found.vectors, degrees(30), atol=1e-6)


def test_one_key_in_two_scopes_is_two_rows():
    found = means(members([[1, 0], [3, 0], [0, 5]], ["open", "open", "open"], ["north", "north", "south"]))
    assert list(zip(found.scopes, found.keys, strict=True)) == [("north", "open"), ("south", "open")]
    assert len(set(found.names)) == 2
    np.testing.assert_allclose(found.vectors, [[2, 0], [0, 5]])


def test_members_that_cancel_leave_one_of_them():
    """Directions 0, 90 and 180, 270: their sum is zero; each is as near to all as the others, the first is taken."""
    found = means(members(degrees(0, 90, 180, 270), ["a"] * 4, space=Space.COSINE))
    np.testing.assert_allclose(found.vectors, degrees(0), atol=1e-6)
    assert found.valid.all()


def test_rows_that_mean_nothing_do_not_count():
    found = means(members([[0, 0], [np.nan, 1], [2, 4]], ["a", "a", "a"]))
    np.testing.assert_allclose(found.vectors, [[2, 4]])
    assert len(means(members([[0, 0]], ["a"]))) == 0


def test_silhouette_by_hand():
    """Points 0, 1 and 10, 11. Of 0: a = 1, b = 10.5, s = 1 - 1/10.5; of 1: b = 9.5, s = 1 - 1/9.5; the mirror too."""
    points = np.array([[0, 0], [1, 0], [10, 0], [11, 0]], np.float32)
    expected = (2 * (1 - 1 / 10.5) + 2 * (1 - 1 / 9.5)) / 4
    assert mean_silhouette(points, np.array([0, 0, 1, 1])) == pytest.approx(expected)
    assert mean_silhouette(points, np.zeros(4, np.int64)) == -1


def test_a_mean_that_falls_between_two_clusters_and_prototypes_that_do_not():
    """a lies at x = -10 and x = 10, its mean at 0, just where b is: a query at 9 is nearer to b's mean, yet it is a."""
    gallery = members([[-10.5, 1], [-9.5, 1], [9.5, 1], [10.5, 1], [0, 2], [0, 4]], ["a"] * 4 + ["b"] * 2)
    query = members([[8, 4]], ["a"])
    one, several = means(gallery), prototypes(gallery)
    np.testing.assert_allclose(one.vectors, [[0, 1], [0, 3]])
    assert several.keys.tolist() == ["a", "a", "b"]
    assert sorted(several.vectors[:2, 0].tolist()) == [-10, 10]
    np.testing.assert_allclose(several.vectors[2], [0, 3])
    assert not Gallery.of(one).search(query, 1).hits[0, 0]
    assert Gallery.of(several).search(query, 1).hits[0, 0]


def test_clusters_alone_are_no_reason_to_divide():
    """a lies at -10 and 10, b far above: each picture of a is nearer to the mean of a's others than to b, so one mean
    does. With b at the height of 3 it is not: from (9.5, 1) the mean of the others, (-3.2, 1), is 12.7 away, b 9.7."""
    a = [[-10.5, 1], [-9.5, 1], [9.5, 1], [10.5, 1]]
    far = members([*a, [0, 90], [0, 92]], ["a"] * 4 + ["b"] * 2)
    assert prototypes(far).keys.tolist() == ["a", "b"]
    np.testing.assert_array_equal(prototypes(far).vectors, means(far).vectors)
    assert prototypes(members([*a, [0, 2], [0, 4]], ["a"] * 4 + ["b"] * 2)).keys.tolist() == ["a", "a", "b"]


def test_rivals_are_of_the_same_scope():
    a = [[-10.5, 1], [-9.5, 1], [9.5, 1], [10.5, 1]]
    found = members([*a, [0, 90], [0, 2]], ["a"] * 4 + ["b", "b"], ["north"] * 5 + ["south"])
    assert prototypes(found).keys.tolist() == ["a", "b", "b"], "the b at the height of 2 is of another scope"


def test_a_mean_fails_by_the_other_members_alone():
    """Of 0 and 8 each is 8 from the other; a rival at 20 is 12 from the second, one at 15 is 7 from it."""
    own = np.array([[0.0, 1], [8, 1]], np.float32)
    assert failing(own, np.array([[20.0, 1]], np.float32), cosine=False) == 0
    assert failing(own, np.array([[20.0, 1], [15, 1]], np.float32), cosine=False) == 0.5
    assert failing(own[:1], np.array([[0.0, 1]], np.float32), cosine=False) == 0, "one picture is its own mean"


def test_on_the_circle_a_mean_fails_by_angles():
    """Members at 0 and 60 degrees, 60 apart; a rival at 125 is 65 from the second, one at 115 is 55."""
    own = degrees(0, 60)
    assert failing(own, degrees(125), cosine=True) == 0
    assert failing(own, degrees(115), cosine=True) == 0.5


def test_one_odd_picture_is_no_reason_to_divide():
    """Of 24 pictures of a, in two clusters at heights 0 and 4, two (one in twelve) are nearer to b: less than a tenth;
    six are a quarter."""
    two = [[x, y] for y in (0, 4) for x in np.linspace(-0.5, 0.5, 11)]
    for odd, rows in ((2, ["a", "b"]), (6, ["a", "a", "b"])):
        own = [*two[:24 - odd], *([[7, 2]] * odd)]
        found = prototypes(members([*own, [8, 2], [8, 2.5]], ["a"] * len(own) + ["b"] * 2), most=2)
        assert found.keys.tolist() == rows


def test_on_the_circle_prototypes_have_length_one():
    """Directions around 0 and around 120 degrees: two clusters, at 0 and at 120."""
    found = prototypes(members(degrees(-5, 5, 115, 125) * 7, ["a"] * 4, space=Space.COSINE))
    angles = np.degrees(np.arctan2(found.vectors[:, 1], found.vectors[:, 0]))
    np.testing.assert_allclose(sorted(angles), [0, 120], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)


def test_one_prototype_where_there_are_no_clusters():
    """Even steps along a line: halves have silhouette below .6 but far above .25; a strict threshold says one."""
    line = members([[x, 1] for x in range(1, 9)], ["a"] * 8)
    assert len(prototypes(line, silhouette=0.9)) == 1
    np.testing.assert_allclose(prototypes(line, silhouette=0.9).vectors, [[4.5, 1]])
    assert len(prototypes(line, most=1)) == 1
    assert len(prototypes(members([[1, 1]] * 5, ["a"] * 5))) == 1, "five times the same picture is one cluster"
    assert len(prototypes(members([[1, 1], [9, 9]], ["a"] * 2))) == 1, "two pictures are no two clusters"


def test_the_number_of_clusters_is_found():
    corners = np.array([[0, 0], [100, 0], [0, 100]])
    points = np.concatenate([corners + step for step in ([1, 0], [0, 1], [1, 1], [2, 1])])
    labels = clusters(points.astype(np.float32))
    assert len(set(labels.tolist())) == 3
    assert all(len(set(labels[i::3].tolist())) == 1 for i in range(3))


def test_the_same_members_give_the_same_rows():
    rng = np.random.default_rng(0)
    many = members(rng.normal(size=(60, 4)) + 3 * rng.integers(0, 3, (60, 1)), ["a", "b"] * 30)
    first, again = prototypes(many), prototypes(many)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    assert len(set(first.names)) == len(first)


def test_rows_by_word():
    three = members([[1, 1], [3, 3], [9, 9]], ["a", "a", "b"])
    assert len(rows_of(three, "each")) == 3
    assert len(rows_of(three, "mean")) == 2
    assert len(rows_of(three, "prototypes")) == 2
    with pytest.raises(UsageError, match="each, mean, prototypes"):
        rows_of(three, "median")
    with pytest.raises(UsageError, match="one prototype"):
        prototypes(three, most=0)


def test_row_ids_fit_a_store_and_stay_apart():
    assert row_id("ox-17") == "ox-17"
    texts = ["north/open 3.png", "north open 3.png", "é", "ü", "x" * 200, "x" * 201, "", "-a", "../a"]
    ids = [row_id(text) for text in texts]
    assert len(set(ids)) == len(ids)
    assert all(len(i) <= 64 and i[0].isalnum() and set(i) <= set("abcdefghijklmnopqrstuvwxyz0123456789._-")
               for i in ids)
    assert row_id("a", b"1") != row_id("a", b"2")
