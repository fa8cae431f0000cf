"""The rows of the untrained comparison, counted by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from georetrieval.recipe.grid import combinations_of
from georetrieval.recipe.schema_combinations import Combinations


def test_all_of_them() -> None:
    """4 normalisations x 2 distances x 3 poolings = 24 of each input and fusion; HOG and class shares per distance."""
    rows = combinations_of(Combinations())
    assert len(set(rows)) == len(rows) == 24 * (3 + 3 * 2) + 2 * 2
    assert Counter((row.block, row.fusion) for row in rows) == {
        ("photo", "none"): 24, ("semantic", "none"): 48, ("both", "early"): 48, ("both", "concatenation"): 48,
        ("both", "late"): 48, ("hog", "none"): 2, ("class-shares", "none"): 2,
    }
    assert {row.bands for row in rows if row.block == "both"} == {"both-colour", "both-grey"}


def test_what_the_tiles_do_not_hold_is_left_out() -> None:
    assert {row.block for row in combinations_of(Combinations(), plan=False)} == {"photo", "hog"}
    assert {row.block for row in combinations_of(Combinations(), photo=False)} == {"semantic", "class-shares"}


def test_less_of_it() -> None:
    asked = Combinations(bands=("photo", "both-grey"), fusion=("none", "late"), normalisation=("l2",),
                         distance=("cosine",), pooling=("max", "avg"), others=())
    assert [(row.bands, row.fusion, row.pooling) for row in combinations_of(asked)] == [
        ("photo", "none", "max"), ("photo", "none", "avg"), ("both-grey", "late", "max"), ("both-grey", "late", "avg")]
    assert len(combinations_of(Combinations(bands=()))) == 4, "HOG and class shares alone"


@pytest.mark.parametrize("wrong", [
    {"bands": ["both"]}, {"fusion": ["middle"]}, {"normalisation": ["max"]}, {"distance": ["manhattan"]},
    {"pooling": ["gem"]}, {"others": ["sift"]}, {"whitened": 0}, {"colour": True},
    {"pooling": ["max", "max"]}, {"bands": ["photo"], "fusion": ["late"], "others": []}, {"distance": []},
])
def test_what_is_unknown_or_leaves_nothing_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Combinations.model_validate(wrong)
