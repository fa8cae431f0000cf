"""Precision, recall and F1 of keys, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.search.confusion import Confusion, first_answers
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery

TRUE = np.array(["a", "a", "a", "a", "b", "b", "c"])
SAID = np.array(["a", "a", "b", "z", "b", "a", "b"])
"""a: 2 of 4 right, answered 3 times. b: 1 of 2, answered 3 times. c: never. z does not ask."""


def test_counts_by_hand() -> None:
    found = Confusion.of(TRUE, SAID)
    assert found.asked.tolist() == ["a", "b", "c"]
    assert found.answered.tolist() == ["a", "b", "c", "z"]
    assert found.counts.tolist() == [[2, 1, 0, 1], [1, 1, 0, 0], [0, 1, 0, 0]]
    assert found.recall.tolist() == [0.5, 0.5, 0]
    assert found.precision.tolist() == pytest.approx([2 / 3, 1 / 3, 0])
    assert found.f1.tolist() == pytest.approx([2 * 2 / (3 + 4), 2 * 1 / (3 + 2), 0])


def test_lines_say_whom_a_key_is_taken_for() -> None:
    rows = Confusion.of(TRUE, SAID).rows()
    assert [(row["key"], row["queries"], row["taken_for"], row["times"]) for row in rows] == [
        ("a", 4, "b", 1), ("b", 2, "a", 1), ("c", 1, "b", 1)]
    assert Confusion.of(np.array(["a"]), np.array(["a"])).rows()[0]["taken_for"] == ""


def test_a_query_that_means_nothing_is_answered_with_nothing() -> None:
    gallery = Descriptors(np.eye(2, dtype=np.float32), ["a", "b"], ["1", "2"], ["", ""], Space.COSINE)
    asked = Descriptors(np.float32([[0, 0], [0.1, 1]]), ["a", "b"], ["p", "q"], ["", ""], Space.COSINE)
    said = first_answers(Gallery.of(gallery).search(asked, 1), 2)
    assert said.tolist() == ["", "b"]
    assert Confusion.of(asked.keys, said).f1.tolist() == [0, 1]
