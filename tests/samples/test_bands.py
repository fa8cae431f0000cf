"""From stored bytes to wanted bands."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import InputError
from georetrieval.samples.bands import derive

PALETTE = np.zeros((256, 3), dtype=np.uint8)
PALETTE[1] = (255, 0, 51)


def one(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.uint8).reshape(1, -1, 1, 1)


def test_photo_bands_are_shares_of_255() -> None:
    found = derive(one(0, 51, 255), ("r", "g", "b"), ("b", "g", "r"), None)
    assert found.dtype == np.float32
    assert found.ravel().tolist() == pytest.approx([1.0, 0.2, 0.0])


def test_a_grey_photo_is_repeated() -> None:
    assert derive(one(51), ("grey",), ("r", "g", "b", "grey"), None).ravel().tolist() == pytest.approx([0.2] * 4)


def test_grey_of_colour_by_bt601() -> None:
    assert derive(one(255, 0, 51), ("r", "g", "b"), ("grey",), None).item() == pytest.approx(0.299 + 0.114 * 0.2)


def test_colours_of_classes() -> None:
    found = derive(one(1), ("classes",), ("sr", "sg", "sb", "sgrey", "classes"), PALETTE).ravel()
    assert found.tolist() == pytest.approx([1.0, 0.0, 0.2, 0.299 + 0.114 * 0.2, 1 / 255])


@pytest.mark.parametrize("want", ["sr", "classes", "nir"])
def test_bands_that_are_not_there(want: str) -> None:
    with pytest.raises(InputError, match=want):
        derive(one(1), ("grey",), (want,), PALETTE)
