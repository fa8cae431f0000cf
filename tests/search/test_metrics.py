"""The table below is worked by hand.

Gallery keys, rows 0..5: a b c d e a. Answers at k = 5 and the key asked:

| query | key | answers (keys) | rank | 1/rank | AP@5 |
|---|---|---|---|---|---|
| q0 | b | b c d e a | 1 | 1 | 1/1 |
| q1 | d | a b d c e | 3 | 1/3 | 1/3 |
| q2 | e | a b c d a' | - | 0 | 0 |
| q3 | a | b a c a' d | 2 | 1/2 | (1/2 + 2/4) / 2 = 1/2 |
| q4 | z | a b c d e | - | left out, nothing in the gallery has its key | |
"""

import math
from dataclasses import replace

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.search.matches import NO_ROW, Matches
from georetrieval.search.metrics import average_precisions, map_at_k, recall_at_k, reciprocal_ranks, summary

KEYS = np.array(list("abcdea"))
ROWS = np.array([[1, 2, 3, 4, 0], [0, 1, 3, 2, 4], [0, 1, 2, 3, 5], [1, 0, 2, 5, 3], [0, 1, 2, 3, 4]])
ASKED = np.array(list("bdeaz"))


def worked() -> Matches:
    return Matches(
        scores=np.tile(np.linspace(1, 0, 5, dtype=np.float32), (5, 1)), rows=ROWS, hits=KEYS[ROWS] == ASKED[:, None],
        truths=np.array([1, 1, 1, 2, 0]), query_rows=np.arange(5), query_names=np.array(["q0", "q1", "q2", "q3", "q4"]),
        query_keys=ASKED, query_scopes=np.array(["54", "54", "57", "57", "57"]), gallery_names=np.arange(6).astype(str),
        gallery_keys=KEYS, unanswered_names=np.array(["white"]), unanswered_scopes=np.array(["57"]),
    )


def test_the_table_worked_by_hand():
    matches = worked()
    assert reciprocal_ranks(matches) == pytest.approx([1, 1 / 3, 0, 1 / 2, 0])
    assert average_precisions(matches) == pytest.approx([1, 1 / 3, 0, 1 / 2, 0])
    assert map_at_k(matches, 5) == pytest.approx((1 + 1 / 3 + 0 + 1 / 2) / 4)
    assert map_at_k(matches, 2) == pytest.approx((1 + 0 + 0 + 1 / 4) / 4)  # q3: (1/2) / min(2, 2)
    assert recall_at_k(matches, 1) == pytest.approx(1 / 4)
    assert recall_at_k(matches, 3) == pytest.approx(3 / 4)


def test_several_true_answers_found_first_give_one():
    matches = replace(worked(), hits=np.array([[True, True, False, False, False]] * 5), truths=np.full(5, 2))
    assert map_at_k(matches, 5) == 1
    assert map_at_k(matches, 1) == 1  # min(k, truths) = 1


def test_what_was_left_out_is_said():
    assert summary(worked(), 5).as_dict() == {
        "k": 5, "map_at_5": pytest.approx(11 / 24), "recall_at_1": 0.25, "recall_at_5": 0.75,
        "queries": 4, "invalid_left_out": 1, "without_truth": 1,
    }
    east = summary(worked().in_scope("57"), 5)
    assert (east.map_at_k, east.queries, east.invalid_left_out, east.without_truth) == (0.25, 2, 1, 1)
    assert summary(worked().in_scope("54"), 5).invalid_left_out == 0


def test_no_query_that_counts_is_no_figure():
    none = worked().in_scope("nowhere")
    assert math.isnan(map_at_k(none, 5))
    assert summary(none, 5).as_dict()["map_at_5"] is None


@pytest.mark.parametrize("k", [0, 6])
def test_a_figure_beyond_the_answers_is_refused(k):
    with pytest.raises(UsageError):
        map_at_k(worked(), k)


def test_an_answer_that_does_not_exist_is_skipped_and_cannot_be_used_as_an_index():
    rows = ROWS.copy()
    rows[0, 3:] = NO_ROW
    matches = replace(worked(), rows=rows)
    assert [m.rank for m in matches if m.query == 0] == [1, 2, 3]
    with pytest.raises(IndexError):
        KEYS[rows]
