"""Which part of a picture is there, worked by hand."""

from __future__ import annotations

import pytest
import torch

from georetrieval.nets.parts import completed, parts_of, there, whole_part, zeroed

SIX = ("r", "g", "b", "sr", "sg", "sb")


def test_parts_by_name() -> None:
    assert parts_of(SIX) == ((0, 1, 2), (3, 4, 5))
    assert parts_of(("sgrey", "b", "g", "r")) == ((1, 2, 3), (0,))
    assert parts_of(("sr", "sg", "sb")) == ((0, 1, 2),)


@pytest.mark.parametrize(
    ("bands", "enough"),
    [(("r", "g", "b"), True), (("sb", "sg", "sr"), True), (SIX, True), (("r", "g"), False), ((), False),
     (("r", "g", "b", "sr"), False), (("grey",), False)],
)
def test_whole_parts_only(bands: tuple[str, ...], enough: bool) -> None:
    assert whole_part(bands, SIX) is enough


def test_completed_puts_bands_in_place_and_nothing_elsewhere() -> None:
    pixels = torch.tensor([3.0, 2.0, 1.0]).view(1, 3, 1, 1)
    out = completed(pixels, ("b", "g", "r"), SIX).flatten()
    assert out[:3].tolist() == [1.0, 2.0, 3.0]
    assert out[3:].isnan().all()


def test_there_and_zeroed() -> None:
    pixels = torch.ones(2, 6, 2, 2)
    pixels[0, 3:] = torch.nan
    has = there(pixels, parts_of(SIX))
    assert has.tolist() == [[True, False], [True, True]]
    filled = zeroed(pixels, parts_of(SIX), has)
    assert filled.sum(dim=(2, 3)).tolist() == [[4, 4, 4, 0, 0, 0], [4] * 6]
