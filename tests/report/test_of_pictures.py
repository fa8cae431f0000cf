"""Figures of runs on pictures: what is drawn is what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import UsageError
from georetrieval.report.colours import DIFFERENT, PALE, RIGHT, SAME, SETS, WRONG
from georetrieval.report.confusion import best_first, confusion_matrix, f1_bars
from georetrieval.report.pairs import Example, chosen_pairs, distance_histogram, example_pairs
from georetrieval.report.planes import mask_plane, planes_of, scope_planes, three_of
from georetrieval.report.spaces import before_and_after
from georetrieval.search.confusion import Confusion
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.prototypes import rows_of

TRUE, SAID = np.array(["a", "a", "b", "b"]), np.array(["a", "b", "b", "b"])


def pixels(path: Path, colour: str) -> int:
    """How many have a colour, but for rounding."""
    wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(np.asarray(Image.open(path).convert("RGB")).astype(int) - wanted) <= 1).all(axis=2).sum())


def described(vectors: np.ndarray, keys: list[str], scopes: list[str], first: int = 0) -> Descriptors:
    names = [str(first + n) for n in range(len(keys))]
    return Descriptors(np.asarray(vectors, np.float32), keys, names, scopes, Space.EUCLIDEAN)


def masks() -> Descriptors:
    """"open" at (1, 0) and "close" at (-1, 0) in two scopes."""
    return described(np.array([[1, 0], [-1, 0]] * 2), ["open", "close"] * 2, ["s", "s", "t", "t"])


def test_the_best_recognised_comes_first() -> None:
    confusion = Confusion.of(TRUE, SAID)
    assert confusion.asked[best_first(confusion)].tolist() == ["b", "a"]


def test_right_is_blue_and_wrong_is_red(tmp_path: Path) -> None:
    """Full colour only where all pictures of a key get one answer."""
    confusion_matrix(Confusion.of(TRUE, SAID), tmp_path / "c.png")
    assert pixels(tmp_path / "c.png", RIGHT) > 200
    assert pixels(tmp_path / "c.png", WRONG) == 0
    confusion_matrix(Confusion.of(TRUE, TRUE[::-1]), tmp_path / "w.png")
    assert pixels(tmp_path / "w.png", RIGHT) == 0
    assert pixels(tmp_path / "w.png", WRONG) > 200


def test_many_keys_are_drawn_without_numbers(tmp_path: Path) -> None:
    keys = np.array([f"{n:03d}" for n in range(90)])
    confusion_matrix(Confusion.of(keys, np.roll(keys, 1)), tmp_path / "many.png")
    assert max(Image.open(tmp_path / "many.png").size) < 1800


def test_bars_are_as_high_as_the_f1(tmp_path: Path) -> None:
    """Keys a and b have F1 2/3 and 4/5."""
    confusion = Confusion.of(TRUE, SAID)
    assert confusion.f1.tolist() == pytest.approx([2 / 3, 4 / 5])
    f1_bars({"hog": confusion, "trained": confusion}, tmp_path / "f.png")
    image = np.asarray(Image.open(tmp_path / "f.png").convert("RGB"))[:-40]
    blue = (image == tuple(int(RIGHT[i : i + 2], 16) for i in (1, 3, 5))).all(axis=2).sum(axis=0)
    tall = np.flatnonzero(blue)
    left, right = blue[tall[0] + 3], blue[tall[-1] - 3]
    assert left > right
    assert right / left == pytest.approx((2 / 3) / (4 / 5), abs=0.03)


def test_scopes_from_the_worst_to_the_best() -> None:
    pictures = described(np.zeros((4, 2)), ["open", "close"] * 2, ["t", "t", "s", "s"])
    planes = planes_of(pictures, masks(), np.array(["open", "close", "open", "open"]))
    assert [(plane.name, plane.right) for plane in planes] == [("s", 0.5), ("t", 1.0)]
    assert three_of(planes) == planes
    assert three_of([*planes, *planes, planes[1]]) == [planes[0], planes[0], planes[1]]


@pytest.mark.parametrize("dim", [2, 5])
def test_planes_have_a_panel_each(dim: int, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    marks = described(np.pad(masks().vectors, ((0, 0), (0, dim - 2))), masks().keys.tolist(), ["s", "s", "t", "t"])
    keys = ["open", "close"] * 60
    pictures = described(random.normal(size=(120, dim)), keys, ["s"] * 60 + ["t"] * 60, 10)
    planes = planes_of(pictures, marks, np.array(keys))
    scope_planes(planes, tmp_path / "two.png")
    scope_planes(planes[:1], tmp_path / "one.png")
    wide, narrow = (Image.open(tmp_path / f"{name}.png").width for name in ("two", "one"))
    assert wide == pytest.approx(2 * narrow, abs=4)
    assert pixels(tmp_path / "two.png", SETS[0]) > 100
    mask_plane(marks, tmp_path / "masks.png", unseen=["t"])
    assert pixels(tmp_path / "masks.png", SETS[1]) > 50
    assert pixels(tmp_path / "masks.png", PALE) > 20


def test_pairs_are_drawn_by_chance_from_the_four_kinds() -> None:
    distances, same = np.array([0.1, 0.9, 0.2, 0.8, 0.3] * 20), np.array([True, False, False, True, True] * 20)
    rows = chosen_pairs(distances, same, 0.5, each=4, seed=1)
    assert rows == chosen_pairs(distances, same, 0.5, each=4, seed=1)
    assert [(bool(same[row]), distances[row] <= 0.5) for row in rows] == [
        (True, True), (True, True), (False, False), (False, False),
        (True, False), (True, False), (False, True), (False, True)]
    assert len(chosen_pairs(distances[:2], same[:2], 0.5)) == 2


def test_examples_have_their_regions_in_the_colour_of_the_verdict(tmp_path: Path) -> None:
    grey = np.full((20, 20, 3), 90, np.uint8)
    corners = np.array([[[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]] * 2)
    boxes = np.array([[0.3, 0.3, 0.7, 0.7], [np.nan] * 4])
    right = Example((grey, grey), True, 0.1, 0.5, corners, boxes)
    wrong = Example((grey, grey), True, 0.7, 0.5)
    assert (right.right, wrong.right) == (True, False)
    example_pairs([right], tmp_path / "right.png")
    assert pixels(tmp_path / "right.png", RIGHT) > 200
    assert pixels(tmp_path / "right.png", WRONG) == 0
    example_pairs([right, wrong], tmp_path / "both.png")
    assert Image.open(tmp_path / "both.png").height > Image.open(tmp_path / "right.png").height


def test_same_and_different_are_told_apart_by_colour(tmp_path: Path) -> None:
    distances, same = np.array([0.1] * 30 + [0.9] * 30), np.array([True] * 30 + [False] * 30)
    distance_histogram(distances, same, 0.5, tmp_path / "d.png")
    image = np.asarray(Image.open(tmp_path / "d.png").convert("RGB")).astype(int)
    middle = image.shape[1] // 2
    bluish, warm = image[..., 2] > image[..., 0] + 60, image[..., 0] > image[..., 2] + 60
    assert bluish[:, :middle].sum() > 20 * bluish[60:-60, middle + 80:].sum() + 100
    assert warm[60:-60, middle:].sum() > 100
    assert SAME != DIFFERENT


def test_the_space_before_and_after(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    keys = [key for key in "abcdefghij" for _ in range(4)]
    pictures = described(random.normal(size=(40, 6)), keys, [""] * 40)
    before_and_after(pictures, rows_of(pictures, "mean"), tmp_path / "s.png", shown=["a", "b"])
    assert pixels(tmp_path / "s.png", SETS[0]) > 100  # the mean of a, and its mark in the legend
    assert pixels(tmp_path / "s.png", SETS[2]) == 0   # c has no colour
    with pytest.raises(UsageError, match="two or more"):
        before_and_after(pictures.take([0]), pictures.take([0]), tmp_path / "none.png")


def test_nothing_to_draw(tmp_path: Path) -> None:
    nothing = Confusion.of(TRUE[:0], SAID[:0])
    empty = masks().take([])
    for draw in (lambda: confusion_matrix(nothing, tmp_path / "x.png"), lambda: f1_bars({}, tmp_path / "x.png"),
                 lambda: scope_planes([], tmp_path / "x.png"), lambda: mask_plane(empty, tmp_path / "x.png"),
                 lambda: example_pairs([], tmp_path / "x.png"),
                 lambda: distance_histogram(np.empty(0), np.empty(0, np.bool_), 1.0, tmp_path / "x.png")):
        with pytest.raises(UsageError):
            draw()
