"""Lists fused by hand.

Gallery rows 0..3 have the keys a b c d. Both modalities give three answers to the query q0, whose key is b:

| row | photo score | scaled | map score | scaled | sum |
|---|---|---|---|---|---|
| 0 | 0.9 | 1 | -8 | 0 | 1 |
| 1 | 0.7 | 0.5 | -5 | 0.75 | 1.25 |
| 2 | 0.5 | 0 | - | - | 0 |
| 3 | - | - | -4 | 1 | 1 |

so the order is 1, then 0 and 3 with equal sums in the order of the rows, then 2: the truth is first, though neither
modality had it there.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery
from georetrieval.search.late_fusion import fuse
from georetrieval.search.matches import NO_ROW, Matches

KEYS = np.array(list("abcd"))
PHOTO = ([[0, 1, 2]], [[0.9, 0.7, 0.5]])
MAP = ([[3, 1, 0]], [[-4.0, -5.0, -8.0]])


def answers(rows: list[list[int]], scores: list[list[float]], asked: tuple[int, ...] = (0,)) -> Matches:
    """Matches of the queries q0, q1 ... whose key is always b."""
    found = np.array(rows)
    names = np.array([f"q{number}" for number in asked])
    keys = np.where(found == NO_ROW, "", KEYS[np.minimum(found, 3)])
    return Matches(
        scores=np.array(scores, np.float32), rows=found, hits=keys == "b", truths=np.ones(len(asked), np.int64),
        query_rows=np.array(asked), query_names=names, query_keys=np.full(len(asked), "b"),
        query_scopes=np.full(len(asked), ""), gallery_names=np.array(list("ABCD")), gallery_keys=KEYS,
        unanswered_names=np.array([], str), unanswered_scopes=np.array([], str),
    )


def test_the_table_worked_by_hand() -> None:
    fused = fuse([answers(*PHOTO), answers(*MAP)], 4)
    assert fused.rows.tolist() == [[1, 0, 3, 2]]
    assert fused.scores.tolist() == [[1.25, 1.0, 1.0, 0.0]]
    assert fused.hits.tolist() == [[True, False, False, False]]
    assert fused.truths.tolist() == [1]


def test_the_order_of_the_modalities_and_the_scale_of_a_score_do_not_count() -> None:
    stretched = replace(answers(*MAP), scores=np.array([[-40, -50, -80]], np.float32))
    wanted = fuse([answers(*PHOTO), answers(*MAP)], 3)
    for lists in ([answers(*MAP), answers(*PHOTO)], [answers(*PHOTO), stretched]):
        fused = fuse(lists, 3)
        assert np.array_equal(fused.rows, wanted.rows)
        assert fused.scores == pytest.approx(wanted.scores)


def test_one_list_keeps_its_order_and_what_no_list_holds_is_no_answer() -> None:
    fused = fuse([answers(*PHOTO)], 6)
    assert fused.rows.tolist() == [[0, 1, 2, NO_ROW, NO_ROW, NO_ROW]]
    assert fused.scores.tolist() == [[1, 0.5, 0, -np.inf, -np.inf, -np.inf]]


def test_short_lists_and_equal_scores() -> None:
    """An answer that does not exist adds nothing; a list of equal scores gives each of its rows 1."""
    short = answers([[2, NO_ROW, NO_ROW]], [[0.3, -np.inf, -np.inf]])
    level = answers([[1, 2, 3]], [[0.5, 0.5, 0.5]])
    assert fuse([short, level], 3).rows.tolist() == [[2, 1, 3]]
    assert fuse([short, level], 3).scores.tolist() == [[2, 1, 1]]


def test_a_query_that_one_modality_cannot_answer_is_answered_by_the_other() -> None:
    photo = answers([[0, 1, 2], [1, 2, 3]], [[0.9, 0.7, 0.5], [0.9, 0.7, 0.5]], (0, 1))
    only_second = answers([[3, 1, 0]], [[-4.0, -5.0, -8.0]], (1,))
    fused = fuse([only_second, photo], 2)
    assert fused.query_names.tolist() == ["q0", "q1"]
    assert fused.rows.tolist() == [[0, 1], [1, 3]]
    assert fused.scores.tolist() == [[1, 0.5], [1.75, 1]]


def test_lists_of_real_galleries() -> None:
    """Photo and map each confuse two of four places, other ones; together they tell all four apart."""
    def matches(vectors: list[list[float]]) -> Matches:
        rows = Descriptors(np.array(vectors, np.float32), KEYS, KEYS, np.full(4, ""), Space.EUCLIDEAN)
        return Gallery.of(rows).search(rows, 4)

    photo, plan = matches([[1, 1], [1, 1], [5, 5], [5, 5]]), matches([[1, 5], [5, 1], [1, 5], [5, 1]])
    assert photo.hits[:, 0].sum() == plan.hits[:, 0].sum() == 2
    assert fuse([photo, plan], 1).hits.all()


def test_what_cannot_be_fused() -> None:
    with pytest.raises(UsageError, match="one gallery"):
        fuse([answers(*PHOTO), replace(answers(*MAP), gallery_names=np.array(list("ABCX")))], 3)
    with pytest.raises(UsageError, match="at least one list"):
        fuse([], 3)
    with pytest.raises(UsageError, match="other queries"):
        fuse([answers(*PHOTO, (0,)), answers(*MAP, (1,))], 3)
