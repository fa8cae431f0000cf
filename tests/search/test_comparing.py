"""Two descriptors query by query: worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from georetrieval.errors import MismatchError, UsageError
from georetrieval.search.comparing import Comparison
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.matches import Matches
from tests.made.markup import read


def answered(order: dict[str, list[str]], blank: tuple[str, ...] = (), k: int = 2) -> Matches:
    """Answers in a given order: each query is a vector of falling weights on the keys that answer it."""
    keys = ["a", "b", "c", "d", "e"]
    gallery = Gallery.of(Descriptors(np.eye(5), keys, [f"g-{key}" for key in keys], [""] * 5, "cosine"))
    vectors = np.zeros((len(order), 5), np.float32)
    for row, (key, best) in enumerate(order.items()):
        for rank, answer in enumerate(best):
            vectors[row, keys.index(answer)] = 0 if key in blank else 5 - rank
    return gallery.search(Descriptors(vectors, list(order), [f"q-{key}" for key in order], [""] * len(order), "cosine"),
                          k)


FIRST = {"a": ["a", "b"], "b": ["b", "c"], "c": ["a", "b"], "d": ["d", "a"], "z": ["a", "b"]}
SECOND = {"a": ["b", "a"], "b": ["b", "c"], "c": ["c", "b"], "d": ["a", "b"], "z": ["a", "b"]}


def test_who_finds_what() -> None:
    compared = Comparison.of(answered(FIRST), answered(SECOND), 2)
    assert compared.names.tolist() == ["q-a", "q-b", "q-c", "q-d"]  # z is in neither gallery
    assert compared.first.tolist() == [1, 1, 0, 1]
    assert compared.second.tolist() == [0.5, 1, 1, 0]
    assert compared.gains.tolist() == [-0.5, 0, 1, -1]
    assert compared.counts == {"both": 2, "first": 1, "second": 1, "neither": 0}
    assert compared.of_kind("both").tolist() == ["q-a", "q-b"]
    assert compared.of_kind("second").tolist() == ["q-c"]
    assert compared.of_kind("neither").tolist() == []


def test_a_query_that_one_did_not_answer_is_not_found_by_it() -> None:
    compared = Comparison.of(answered(FIRST), answered(SECOND, blank=("b",)), 2)
    assert dict(zip(compared.names.tolist(), compared.second.tolist(), strict=True))["q-b"] == 0
    assert compared.counts["first"] == 2


def test_the_order_of_the_queries_does_not_matter() -> None:
    turned = dict(reversed(SECOND.items()))
    assert Comparison.of(answered(FIRST), answered(turned), 2).gains.tolist() == [-0.5, 0, 1, -1]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (1, 0), (3, 3), (2, 9), (0, 6), (40, 71)])
def test_chance_is_that_of_the_sign_test(first: int, second: int) -> None:
    one = np.r_[np.ones(first), np.zeros(second), 1, 0]
    two = np.r_[np.zeros(first), np.ones(second), 1, 0]
    compared = Comparison(np.arange(len(one)).astype(str), one, two, 5)
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert compared.chance == pytest.approx(expected, rel=1e-9)


def test_nothing_in_common() -> None:
    with pytest.raises(MismatchError, match="ask both the tiles of the same names"):
        Comparison.of(answered({"a": ["a"]}), answered({"b": ["b"]}), 1)
    with pytest.raises(MismatchError, match="none that counts"):
        Comparison.of(answered({"z": ["a"]}), answered({"z": ["b"]}), 1)
    with pytest.raises(UsageError, match="k = 5"):
        Comparison.of(answered(FIRST), answered(SECOND), 5)


def test_how_it_looks() -> None:
    page = read(Comparison.of(answered(FIRST), answered(SECOND), 2)._repr_html_())
    assert page.rows[:3] == [["", "first finds", "first does not"], ["second finds", "2", "1"],
                             ["second does not", "1", "0"]]
    assert "0.750 and 0.625" in page.text
    assert "p = 1" in page.text


def test_a_query_whose_place_one_of_the_two_does_not_hold_does_not_count() -> None:
    first = answered(FIRST)
    without = Descriptors(np.eye(5), ["x", "b", "c", "d", "e"], list("xbcde"), [""] * 5, "cosine")
    vectors = np.tile([0, 5, 4, 3, 0], (5, 1)).astype(np.float32)
    second = Gallery.of(without).search(
        Descriptors(vectors, list(FIRST), [f"q-{key}" for key in FIRST], [""] * 5, "cosine"), 2)
    assert Comparison.of(first, second, 2).names.tolist() == ["q-b", "q-c", "q-d"]  # a is in the first alone
