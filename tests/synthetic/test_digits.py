"""Distorted digits: nothing of the test in the training part, boxes that hold their digit, hard for HOG."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.synthetic.digits import Digits, DigitsWish, distorted, write_digits
from tests.synthetic.lists import box_of, fingerprints, hog_of, nearest_centroid, pixels_of, rows_of


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "world"
    write_digits(folder, seed=3, count=800)
    return folder


@pytest.fixture(scope="module")
def turned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "turned"
    write_digits(folder, seed=3, count=120, scale=(0.5, 1.5), rotation_deg=60)
    return folder


def test_the_parts_hold_their_share_and_share_no_digit(world: Path) -> None:
    rows = rows_of(world)
    assert Counter(row["part"] for row in rows) == {"train": 600, "validation": 80, "test": 120}
    digits = {part: {row["group"] for row in rows if row["part"] == part} for part in ("train", "validation", "test")}
    assert not digits["train"] & digits["test"]
    assert not digits["train"] & digits["validation"]
    assert not digits["validation"] & digits["test"]
    assert {row["key"] for row in rows} == set("0123456789")


def test_every_file_is_a_grey_square_of_84_px(world: Path) -> None:
    for row in rows_of(world):
        assert pixels_of(world, row).shape == (84, 84)


def test_boxes_are_frames_of_the_asked_size_within_the_picture(world: Path, turned: Path) -> None:
    for folder, low, high in ((world, 28, 28), (turned, 14, 42)):
        sides = []
        for row in rows_of(folder):
            x0, y0, x1, y1 = box_of(row)
            assert 0 <= x0 < x1 <= 84
            assert 0 <= y0 < y1 <= 84
            assert x1 - x0 == y1 - y0
            sides.append(x1 - x0)
        assert low <= min(sides) <= max(sides) <= high
    assert max(sides) - min(sides) > 15


def test_the_box_holds_all_ink_of_the_digit_at_any_angle() -> None:
    """Without noise and clutter what is brighter than the ground is the digit: a full disc of 20 px in the frame."""
    y, x = np.mgrid[:28, :28] - 13.5
    disc = np.where(x**2 + y**2 < 100, 255, 0).astype(np.uint8)[None]
    wish = DigitsWish(scale=(0.5, 1.5), rotation_deg=60, clutter=0, noise=0)
    for n in range(20):
        pixels, (x0, y0, x1, y1) = distorted(Digits(disc, np.zeros(1, int)), 0, [0], wish, n)
        bright = pixels > (int(pixels.min()) + int(pixels.max())) / 2
        rows, cols = np.nonzero(bright)
        assert (rows.min() >= y0, rows.max() < y1, cols.min() >= x0, cols.max() < x1) == (True,) * 4
        wanted = np.pi * (10 * (x1 - x0) / 28) ** 2
        assert bright.sum() == pytest.approx(wanted, rel=0.15)


def test_a_digit_is_turned_by_at_most_the_wanted_angle() -> None:
    """A horizontal bar: the angle of its longer axis, from the second moments of its pixels."""
    bar = np.zeros((1, 28, 28), np.uint8)
    bar[0, 12:16, 4:24] = 255
    wish = DigitsWish(rotation_deg=30, clutter=0, noise=0)
    angles = []
    for n in range(40):
        pixels, _ = distorted(Digits(bar, np.zeros(1, int)), 0, [0], wish, n)
        rows, cols = np.nonzero(pixels > 120)
        covariance = np.cov(cols, rows)
        angles.append(abs(np.degrees(0.5 * np.arctan2(2 * covariance[0, 1], covariance[0, 0] - covariance[1, 1]))))
    assert 20 < max(angles) <= 31


def test_same_seed_same_bytes_other_seed_others(world: Path, tmp_path: Path) -> None:
    write_digits(tmp_path / "again", seed=3, count=800)
    assert fingerprints(tmp_path / "again") == fingerprints(world)
    write_digits(tmp_path / "other", seed=4, count=30)
    assert (tmp_path / "other/test/000000.png").read_bytes() != (world / "test/000000.png").read_bytes()


def test_more_pictures_than_digits_show_them_at_other_places(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "few.npz", images=rng.integers(0, 255, (40, 28, 28), np.uint8), labels=np.arange(40) % 10)
    write_digits(tmp_path / "world", source=tmp_path / "few.npz", count=120)
    train = rows_of(tmp_path / "world", part="train")
    again = [row for row in train if row["group"] == train[0]["group"]]
    assert len(train) == 90
    assert len(again) == 3
    assert len({box_of(row) for row in again}) == 3


def test_too_hard_for_hog_and_nearest_centroid_but_not_hopeless(world: Path) -> None:
    """The whole picture says little (chance .1); the digit in its box says a lot: the place is the difficulty."""
    def accuracy(boxed: bool) -> float:
        parts = []
        for part in ("train", "test"):
            rows = rows_of(world, part=part)
            images = [pixels_of(world, row) for row in rows]
            if boxed:
                images = [image[b[1] : b[3], b[0] : b[2]] for image, b in zip(images, map(box_of, rows), strict=True)]
            parts.append((hog_of(images), [row["key"] for row in rows]))
        (train, keys), (test, truth) = parts
        return float(np.mean([a == b for a, b in zip(nearest_centroid(train, keys, test), truth, strict=True)]))

    assert accuracy(boxed=False) < 0.35
    assert accuracy(boxed=True) > 0.6


@pytest.mark.parametrize("wrong", [{"scale": (1.5, 0.5)}, {"scale": (1, 4)}, {"rotation_deg": 200}, {"count": 3},
                                   {"clutter": -1}, {"noise": 1.5}])
def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        write_digits(tmp_path / "world", **wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no digits")
    np.savez(tmp_path / "small.npz", images=np.zeros((5, 8, 8), np.uint8), labels=np.zeros(5))
    whole = (tmp_path / "small.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[:len(whole) // 2])
    for name, word in (("none.npz", "does not exist"), ("text.npz", "is not a whole .npz"), ("cut.npz", "BadZipFile"),
                       ("small.npz", "(5, 8, 8)")):
        with pytest.raises(InputError, match=re.escape(word)):
            write_digits(tmp_path / "world", source=tmp_path / name)
    assert not (tmp_path / "world").exists()
