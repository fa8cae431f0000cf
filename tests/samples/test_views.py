"""Other looks at a picture: grey, turned, nearer, farther."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.poses import poses_of
from georetrieval.samples.views import Greyed, Looks, Turned, views_of

BANDS = ("r", "g", "b", "classes")


def pictures(px: int = 16) -> ArraySamples:
    pixels = np.random.default_rng(4).integers(0, 256, (3, 4, px, px), dtype=np.uint8)
    pixels[:, 3] %= 5
    return ArraySamples(pixels, BANDS, keys=["a", "b", "c"], scopes=["57"] * 3)


def test_grey_is_the_photos_alone() -> None:
    plain, grey = pictures().batch([0, 2]), Greyed(pictures()).batch([0, 2])
    expected = plain[:, 0] * 0.299 + plain[:, 1] * 0.587 + plain[:, 2] * 0.114
    for band in range(3):
        assert np.allclose(grey[:, band], expected, atol=1e-6)
    assert np.array_equal(grey[:, 3], plain[:, 3])
    assert np.array_equal(Greyed(pictures())[2].pixels, grey[1])


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_counter_clockwise(quarters: int) -> None:
    plain, turned = pictures().batch([1]), Turned(pictures(), 90.0 * quarters).batch([1])
    assert np.allclose(turned, np.rot90(plain, quarters, axes=(2, 3)), atol=1e-4)


def test_nearer_and_farther() -> None:
    """Half the side: every pixel of the middle becomes 2 x 2 of the map. Twice the side: the border is mirrored."""
    plain = pictures().batch([0])
    near = Turned(pictures(), 0, 0.5).batch([0])[0, 3]
    assert np.array_equal(near, plain[0, 3, 4:12, 4:12].repeat(2, axis=0).repeat(2, axis=1))
    flat = ArraySamples(np.full((1, 4, 16, 16), 90, np.uint8), BANDS, keys=["a"])
    assert np.allclose(Turned(flat, 33, 1.9).batch([0]), 90 / 255, atol=1e-5)


def test_codes_are_never_mixed() -> None:
    turned = Turned(pictures(), 17, 1.2).batch([0, 1, 2])[:, 3]
    assert set(np.rint(turned * 255).ravel()) <= set(range(5))
    assert np.allclose(turned * 255, np.rint(turned * 255), atol=1e-4)


def test_all_looks() -> None:
    samples = pictures()
    views = views_of(samples, poses_of(4, (1.0, 0.7)))
    assert views[0] is samples
    assert [(v.angle_deg, v.scale) for v in views[1:]] == [
        (0, 0.7), (90, 1), (90, 0.7), (180, 1), (180, 0.7), (270, 1), (270, 0.7)]
    assert all(view.names == samples.names and view.scopes == samples.scopes for view in views)
    assert views_of(samples, poses_of()) == [samples]


def test_looks_at_one_picture_from_many_poses() -> None:
    """Moved by a quarter of its side to the right, half as far down; turned first, moved in the turned frame."""
    picture = pictures()[1]
    poses = np.asarray([(0, 1, 0, 0), (0, 1, 0.25, 0.125), (90, 1, 0.25, 0), (30, 0.5, 0, 0)], np.float64)
    looks = Looks(picture, poses)
    still, moved, turned, near = looks.batch(range(4))
    assert np.allclose(still, picture.pixels, atol=1e-6)
    assert np.allclose(moved[:, :14, :12], picture.pixels[:, 2:, 4:], atol=1e-5)
    assert np.allclose(turned[:, :, :12], np.rot90(picture.pixels, 1, axes=(1, 2))[:, :, 4:], atol=1e-4)
    assert np.allclose(near, Turned(pictures(), 30, 0.5).batch([1])[0], atol=1e-6)
    assert (looks.keys, looks.names, len(looks)) == (["b"] * 4, [picture.name] * 4, 4)
    assert np.array_equal(looks[2].pixels, turned)
