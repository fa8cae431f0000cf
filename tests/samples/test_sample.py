"""Subsets and the matching of two sides."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.sample import Subset, aligned


def samples(keys: str) -> ArraySamples:
    """One-pixel pictures; the grey is the letter's number."""
    grey = np.array([ord(key) for key in keys], dtype=np.uint8).reshape(-1, 1, 1, 1)
    return ArraySamples(grey, ("grey",), keys=list(keys), names=[f"{key}1" for key in keys])


def letters(found: Subset) -> str:
    return "".join(chr(round(value)) for value in found.batch(range(len(found))).ravel() * 255)


def test_rows_that_both_sides_have_in_the_order_of_the_queries() -> None:
    ours, theirs = aligned(samples("dbxa"), samples("abcd"))
    assert ours.keys == theirs.keys == ["d", "b", "a"]
    assert letters(ours) == letters(theirs) == "dba"


def test_equal_lists_may_repeat_a_key() -> None:
    ours, theirs = aligned(samples("aba"), samples("aba"))
    assert ours.keys == theirs.keys == ["a", "b", "a"]


def test_a_repeated_key_is_ambiguous_otherwise() -> None:
    with pytest.raises(InputError, match="repeat"):
        aligned(samples("ab"), samples("aab"))


def test_nothing_in_common() -> None:
    with pytest.raises(InputError, match="None of the 2"):
        aligned(samples("ab"), samples("cd"))


def test_subset_of_a_subset() -> None:
    found = Subset(Subset(samples("abcd"), [3, 1, 0]), [2, 0])
    assert found.keys == ["a", "d"]
    assert letters(found) == "ad"
    assert found[1].name == "d1"
    assert found[1].pixels.shape == (1, 1, 1)


def test_shapes_that_do_not_fit() -> None:
    with pytest.raises(UsageError, match="shape"):
        ArraySamples(np.zeros((2, 3, 4, 4), dtype=np.uint8), ("grey",), keys=["a", "b"])
