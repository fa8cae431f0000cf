"""Several ways to ask the same: the best counts, row by row, against a table worked by hand and against all scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.views import best_of, nearest_views, search_views


def descriptors(vectors: object, prefix: str = "q") -> Descriptors:
    vectors = np.asarray(vectors, np.float32)
    names = [f"{prefix}{n}" for n in range(len(vectors))]
    return Descriptors(vectors, [name[1:] for name in names], names, ["s"] * len(names), Space.EUCLIDEAN)


LINE = Gallery.of(descriptors([[1, 0], [2, 0], [3, 0], [5, 0]], "g"))


def test_by_hand() -> None:
    """From 1.2 and from 3.1: row 2 at 0.1, row 0 at 0.2, row 1 at 0.8; query 0's own row is 0."""
    views = [descriptors([[1.2, 0]]), descriptors([[3.1, 0]])]
    seen = best_of([LINE.search(view, 3) for view in views])
    assert seen.rows.tolist() == [[2, 0, 1]]
    assert seen.scores[0] == pytest.approx([-0.1, -0.2, -0.8], abs=1e-5)
    assert seen.hits.tolist() == [[False, True, False]]
    assert (seen.query_names.tolist(), seen.truths.tolist()) == (["q0"], [1])


def test_one_view_is_itself() -> None:
    matches = LINE.search(descriptors([[2, 1], [4, 0]]), 3)
    seen = best_of([matches])
    assert np.array_equal(seen.rows, matches.rows)
    assert np.array_equal(seen.scores, matches.scores)


def test_it_is_the_search_for_the_best_score() -> None:
    random = np.random.default_rng(8)
    gallery = Gallery.of(descriptors(random.normal(size=(40, 5)), "g"))
    views = [descriptors(random.normal(size=(9, 5))) for _ in range(4)]
    seen = best_of([gallery.search(view, 6) for view in views])
    every = np.max([-np.linalg.norm(view.vectors[:, None] - gallery.descriptors.vectors, axis=2) for view in views], 0)
    assert np.array_equal(seen.rows, np.argsort(-every, axis=1)[:, :6])
    assert np.allclose(seen.scores, -np.sort(-every, axis=1)[:, :6], atol=1e-5)


def test_a_query_is_answered_when_one_of_its_views_is() -> None:
    views = [descriptors([[0, 0], [2, 0], [0, 0]]), descriptors([[5, 0], [0, 0], [0, 0]])]
    matches = [LINE.search(view, 2) for view in views]
    seen = best_of(matches)
    assert seen.query_names.tolist() == ["q0", "q1"]
    assert seen.query_rows.tolist() == [0, 1]
    assert seen.rows[:, 0].tolist() == [3, 1]
    assert seen.unanswered_names.tolist() == ["q2"]
    nearest = nearest_views(views, matches)
    assert nearest.vectors.tolist() == [[5, 0], [2, 0], [0, 0]]
    assert nearest.names.tolist() == ["q0", "q1", "q2"]


def test_equal_scores_of_several_views_come_by_name() -> None:
    """Rows g2 and g0 are as near to one view, g1 and g3 to the other; the names decide, not the views."""
    rows = descriptors([[1, 0], [1, 5], [9, 9], [9, 4]], "g")
    rows = replace(rows, names=np.asarray(["g2", "g1", "g0", "g3"]))
    views = [descriptors([[1, 1]]), descriptors([[9, 8]])]  # scores -1 and -4, and -1 and -4
    seen = best_of([Gallery.of(rows).search(view, 2) for view in views])
    assert seen.gallery_names[seen.rows[0]].tolist() == ["g0", "g2"]
    assert best_of([Gallery.of(rows).search(view, 4) for view in views]).rows.tolist() == [[2, 0, 1, 3]]


def test_fewer_rows_than_asked_for() -> None:
    seen = best_of([LINE.search(descriptors([[1, 0]]), 6) for _ in range(2)])
    assert seen.found.sum() == 4
    assert seen.rows[0, :4].tolist() == [0, 1, 2, 3]


def test_asking_in_several_ways_at_once() -> None:
    views = [descriptors([[1.2, 0]]), descriptors([[3.1, 0]])]
    nearest, matches = search_views(LINE, views, 1, where=Filter(exclude_self=True))
    assert (matches.rows.tolist(), nearest.vectors.tolist()) == ([[2]], [views[1].vectors[0].tolist()])
    assert search_views(LINE, views[:1], 2)[1].rows.tolist() == [[0, 1]]


def test_views_that_do_not_fit() -> None:
    with pytest.raises(UsageError):
        best_of([])
    with pytest.raises(UsageError):
        best_of([LINE.search(descriptors([[1, 0]]), k) for k in (1, 2)])
