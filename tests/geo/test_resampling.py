"""Averaging and collars, each against the same written pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from georetrieval.geo.collars import SMALLEST_PX, collar
from georetrieval.geo.resampling import pairs, resample
from georetrieval.geo.sheets import Decoded

SHEET = (0.0, 0.0, 60.0, 48.0)


def mean_of_centres(pixels: np.ndarray, low: tuple[float, float], step: float, shape: tuple[int, int]) -> np.ndarray:
    """Of (h, w): the mean of the pixels whose centres lie in each square of side `step`, halves up."""
    found = np.zeros(shape, np.uint8)
    rows, cols = np.arange(pixels.shape[0]) + 0.5, np.arange(pixels.shape[1]) + 0.5
    for row in range(shape[0]):
        for col in range(shape[1]):
            top, left = low[0] + row * step, low[1] + col * step
            inside = pixels[(rows > top) & (rows <= top + step)][:, (cols > left) & (cols <= left + step)]
            found[row, col] = np.floor(inside.mean() + 0.5)
    return found


@pytest.mark.parametrize("step", [1.0, 1.3, 1.953125, 2.0])
@pytest.mark.parametrize("begin", [0.0, 3.0, 4.37])
def test_each_pixel_is_the_mean_of_the_centres_that_it_covers(step: float, begin: float) -> None:
    rng = np.random.default_rng(3)
    decoded = Decoded(rng.integers(0, 256, (3, 48, 60), dtype=np.uint8), np.ones((48, 60), bool))
    side = int((47 - begin) / step)
    bounds = (begin, 48 - begin - side * step, begin + side * step, 48 - begin)
    found, photo = resample(decoded, SHEET, bounds, (side, side), np.s_[0:side, 0:side])
    assert photo.all()
    assert pairs(60, 0, begin, begin + side * step, side) is not None
    for band, expected in zip(found, decoded.pixels, strict=True):
        assert (band == mean_of_centres(expected, (begin, begin), step, (side, side))).all()


def test_finer_pixels_are_the_nearest_ones() -> None:
    pixels = np.arange(48 * 60, dtype=np.int64).reshape(1, 48, 60).astype(np.uint8)
    found, _ = resample(Decoded(pixels, np.ones((48, 60), bool)), SHEET, SHEET, (96, 120), np.s_[0:96, 0:120])
    assert (found == pixels.repeat(2, 1).repeat(2, 2)).all()


def test_half_of_a_pixel_is_photo_enough() -> None:
    photo = np.ones((48, 60), bool)
    photo[0, 0:2] = photo[2:4, 2] = False
    photo[4, 4:6] = photo[5, 4] = False
    _, seen = resample(Decoded(np.zeros((1, 48, 60), np.uint8), photo), SHEET, SHEET, (24, 30), np.s_[0:24, 0:30])
    assert np.argwhere(~seen).tolist() == [[2, 2]]  # three of four are missing; two of four are not too many


def test_more_than_two_pixels_are_left_to_pillow() -> None:
    assert pairs(60, 0, 0.0, 60.0, 25) is None
    pixels = np.random.default_rng(1).integers(0, 256, (1, 48, 60), dtype=np.uint8)
    found, _ = resample(Decoded(pixels, np.ones((48, 60), bool)), SHEET, SHEET, (12, 15), np.s_[0:12, 0:15])
    exact = pixels[0].reshape(12, 4, 15, 4).mean(axis=(1, 3))
    assert np.abs(found[0] - exact).max() <= 1


REGIONS = st.tuples(st.integers(8, 150), st.integers(8, 40)).flatmap(lambda shape: arrays(bool, shape))


@settings(max_examples=60, deadline=None)
@given(REGIONS, st.integers(1, 6))
def test_a_collar_is_what_labelling_finds(region: np.ndarray, coarse: int) -> None:
    region = np.kron(region, np.ones((coarse, coarse), bool))
    region[0, :8] = True  # a run on the border, without which nothing is looked for
    labels, count = ndimage.label(region)
    rim = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]} - {0}
    expected = np.zeros(region.shape, bool)
    for label in range(1, count + 1):
        if label in rim and (labels == label).sum() >= SMALLEST_PX:
            expected |= labels == label
    pixels = np.where(region, 0, 100).astype(np.uint8)[None]
    assert (collar(pixels, lossy=False) == expected).all()
