"""Classes from distances, on points in the plane whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.outliers import threshold
from georetrieval.search.verdicts import judged, known_scope, nearest_distances, own_and_other

MASKS = [("north", "open", 3, 0), ("north", "close", 0, 4), ("south", "open", 0, 1), ("south", "close", 1, 0)]


def points(*rows: tuple[str, str, float, float]) -> Descriptors:
    scopes, keys, x, y = zip(*rows, strict=True)
    names = [f"r{i}" for i in range(len(rows))]
    return Descriptors(np.stack([x, y], axis=1).astype(np.float32), np.asarray(keys), np.asarray(names),
                       np.asarray(scopes), "euclidean")


def test_the_nearer_of_its_own_two():
    """A tiny vector is no blank: from nearly (0, 0) the masks of "north" are 3 and 4 away, those of "south" 1."""
    gallery = Gallery.of(points(*MASKS))
    (found,) = judged(points(("north", "", 1e-6, 0)), gallery)
    assert (found.key, found.scope) == ("open", "north")
    assert found.distances == {"open": pytest.approx(3, abs=1e-5), "close": pytest.approx(4, abs=1e-5)}
    assert found.distance == pytest.approx(3, abs=1e-5)
    assert found.margin == pytest.approx(1, abs=1e-5)


def test_of_several_rows_of_a_key_the_nearest_counts():
    gallery = Gallery.of(points(("", "a", 10, 0), ("", "a", 2, 0), ("", "b", 5, 0), ("", "c", 0, 9)))
    (found,) = judged(points(("", "", 0, 0.0001)), gallery)
    assert list(found.distances) == ["a", "b", "c"]
    assert found.margin == pytest.approx(3, abs=1e-3)
    (alone,) = judged(points(("", "", 0, 1)), Gallery.of(points(("", "a", 0, 2))))
    assert (alone.key, alone.distance, alone.margin) == ("a", 1, None)


def test_beyond_the_threshold_is_unknown():
    gallery = Gallery.of(points(("", "a", 1, 0), ("", "b", 9, 0)))
    limit = threshold(np.array([1.0, 2]), np.array([4.0, 5]))
    assert limit.distance == 3
    near, far = judged(points(("", "", 3.9, 0), ("", "", 1, 3.1)), gallery, limit)
    assert (near.key, far.key, far.nearest) == ("a", "unknown", "a")


def test_a_blank_query_has_no_verdict():
    (found,) = judged(points(("", "", 0, 0)), Gallery.of(points(("", "a", 1, 0))))
    assert (found.key, found.distance, found.margin, found.distances) == (None, None, None, {})


def test_scopes():
    lifts, herd, one = (Gallery.of(points(*rows)) for rows in (MASKS, [("", "a", 1, 0)], MASKS[:2]))
    assert known_scope(lifts, "south") == "south"
    assert known_scope(herd, "anything") == ""
    assert known_scope(one, "") == "north"
    for gallery, scope, told in ((lifts, "", "several scopes"), (lifts, "west", "'west'"), (one, "south", "'south'")):
        with pytest.raises(InputError, match=told):
            known_scope(gallery, scope)


def test_what_a_threshold_is_set_on():
    gallery = Gallery.of(points(("n", "a", 1, 0), ("n", "b", 9, 0)))
    asked = points(("n", "b", 3, 0), ("n", "z", 5, 0), ("n", "a", 0, 0), ("s", "a", 1, 0))
    away, known = nearest_distances(asked, gallery)
    assert away[:2].tolist() == [2, 4]
    assert np.isinf(away[2:]).all(), "a blank one, and one of a scope that has no rows"
    assert known.tolist() == [True, False, False, False]


def test_the_own_row_and_the_nearest_of_another_key():
    """Queries at 0 and 8 on a line with a at 1, b at 4 and 9: own and other by hand; without a key in it: left out."""
    gallery = Gallery.of(points(("", "a", 1, 0.1), ("", "b", 4, 0.1), ("", "b", 9, 0.1)))
    asked = points(("", "a", 0, 0.1), ("", "a", 8, 0.1), ("", "c", 5, 0.1))
    nearest, other = own_and_other(asked, gallery)
    assert nearest.tolist() == pytest.approx([1, 1], abs=1e-5)
    assert other.tolist() == pytest.approx([4, 1], abs=1e-5)
    only = Gallery.of(points(("", "a", 1, 0.1)))
    assert [len(found) for found in own_and_other(asked, only)] == [0, 0]
