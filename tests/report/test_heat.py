"""A plane over a picture: colours worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.report.heat import overlay

WHITE = np.full((4, 4, 3), 255, np.uint8)


def test_for_is_orange_against_is_blue_nothing_is_grey() -> None:
    drawn = overlay(WHITE, np.array([[1.0, -1.0], [0.0, 0.5]]), strongest=1.0)
    assert drawn[0, 0].tolist() == drawn[1, 1].tolist() == [0xD5, 0x5E, 0x00]
    assert drawn[0, 2].tolist() == [0x00, 0x72, 0xB2]
    assert drawn[2, 0].tolist() == [255, 255, 255]
    assert drawn[3, 3].tolist() == [234, 174, 128]  # half way to orange


def test_a_common_scale_and_an_own_one() -> None:
    heat = np.full((2, 2), 0.1)
    assert overlay(WHITE, heat)[0, 0].tolist() == [0xD5, 0x5E, 0x00]
    assert overlay(WHITE, heat, strongest=10.0)[0, 0].min() > 250


def test_nothing_at_all_and_a_black_picture() -> None:
    assert np.array_equal(overlay(WHITE, np.zeros((4, 4))), WHITE)
    assert overlay(np.zeros((4, 4, 3), np.uint8), np.zeros((2, 2))).max() == 128  # half of the contrast stays


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (0, 2), (8, 8)])
def test_what_does_not_fit(shape: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match="4 x 4 px"):
        overlay(WHITE, np.zeros(shape))
