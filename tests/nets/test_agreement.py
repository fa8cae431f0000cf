"""Neighbours that two sets of descriptors agree on: expected shares from angles on the circle."""

from __future__ import annotations

import math

import pytest
import torch

from georetrieval.nets.agreement import agreement


def circle(*degrees: float) -> torch.Tensor:
    angles = torch.tensor([math.radians(angle) for angle in degrees], dtype=torch.float64)
    return torch.stack([angles.cos(), angles.sin()], dim=1).float()


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_the_same_agrees_and_lengths_count_in_euclidean_space_only(space: str) -> None:
    seen = circle(0, 10, 30, 60, 100, 150, 210)
    assert agreement(seen, seen, space).whole
    longer = agreement(seen, 1.5 * seen, space)
    assert (longer.first, longer.five) == (1, 1), "all distances grow alike"
    assert longer.whole == (space == "cosine")
    assert longer.alike == pytest.approx(1.0 if space == "cosine" else 1 - 0.5**2 / 2)


def test_one_turned_picture_changes_the_neighbour_it_should() -> None:
    """60 degrees had 30 as its nearest; turned to 90 it has 100. That of 100 was 60, and still is."""
    found = agreement(circle(0, 10, 30, 60, 100, 150, 210), circle(0, 10, 30, 90, 100, 150, 210), "cosine")
    assert found.first == pytest.approx(6 / 7)
    assert not found.whole
    assert found.alike == pytest.approx(math.cos(math.radians(30)), abs=1e-6)


def test_what_float32_cannot_tell_apart_is_no_fault() -> None:
    """Both neighbours of 0 are 10 degrees off but for a thousandth: either one is right."""
    exact, fast = circle(0, 10, -10.001, 90, 180), circle(0, 10.001, -10, 90, 180)
    assert agreement(exact, fast, "cosine").first == 1
    assert agreement(circle(0, 10, -14, 90, 180), circle(0, 14, -10, 90, 180), "cosine").first < 1


def test_nothing_agrees_with_what_is_no_number() -> None:
    seen = circle(0, 10, 30)
    broken = seen.clone()
    broken[1, 0] = torch.nan
    assert not agreement(seen, broken, "cosine").whole
    assert agreement(seen, broken, "cosine").first == 0


def test_mixed_up_rows_do_not_agree() -> None:
    torch.manual_seed(1)
    seen = torch.randn(64, 16)
    found = agreement(seen, seen.roll(1, 0), "cosine")
    assert found.first < 0.2
    assert "64 pictures" in str(found)
