"""Cameras over a herd: what ground they see, in which light, with which colours and how sharp."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from georetrieval.synthetic.chance import Floats
from georetrieval.synthetic.herd_coats import smooth

CANVAS, LENGTH = 150, 100.0
"""Side of the square that an animal is painted on, and length of its torso, in pixels."""
BUMPS = (0.5, 1.0, 1.5, 2.0)
GRASS = ((60, 120, 70), (80, 130, 60), (100, 120, 80), (50, 90, 60))
FLOOR, LIGHT, BLACK, BROWN = (70, 68, 66), (236, 232, 226), (42, 42, 42), (66, 34, 26)
"""Colours of a barn's floor, of white coat, and of dark coat as a camera shows it: one that is badly balanced, or a low
sun, makes all black coats brown."""


class Fields:
    """Random fields of several sizes; parts of a few large ones, since making each anew would take most of the time."""

    COUNT, MARGIN = 24, 70

    def __init__(self, rng: np.random.Generator, sizes: tuple[float, ...] = (*BUMPS, 7.0, 10.0, 14.0)) -> None:
        side = CANVAS + self.MARGIN
        self._fields = {size: np.stack([smooth(rng, (side, side), size) for _ in range(self.COUNT)]).astype(np.float32)
                        for size in sizes}

    def __call__(self, rng: np.random.Generator, size: float) -> Any:
        """`(CANVAS, CANVAS)` of mean about 0 and deviation about 1, its bumps of one of the known sizes."""
        row, top, left = rng.integers(self.COUNT), *rng.integers(self.MARGIN, size=2)
        part = self._fields[size][row, top : top + CANVAS, left : left + CANVAS]
        return part[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]


@dataclass(frozen=True)
class Camera:
    """One place on one day.

    Attributes
    ----------
    barn : a floor, with others close by, or a pasture
    base, dark, light : (3,) colours of the ground and of the two parts of a coat, 0 to 255
    grain, bump : how rough the ground is, and the size of its bumps
    sun : where the light comes from, radians from x to y
    relief : how much of a body's roundness is seen
    noise, blur : of the picture: deviation of 0 to 255, and pixels
    grating : whether bars lie on the ground
    """

    barn: bool
    base: Floats
    dark: Floats
    light: Floats
    grain: float
    bump: float
    sun: float
    relief: float
    noise: float
    blur: float
    grating: bool

    def skin(
        self, rng: np.random.Generator, fields: Fields, coat: Any, dark: float, across: Any, heading: float
    ) -> Any:
        """`(CANVAS, CANVAS, 3)` of a coat on a round back, with the sheen of dark hair."""
        lit = 1 + self.relief * (across * np.sin(self.sun - heading) - 0.5 * across**2)
        sheen = np.maximum(0, 0.55 * fields(rng, 7.0)) * rng.uniform(0, 14) * lit
        black = (self.dark + dark) * lit[..., None] + sheen[..., None]
        white = self.light * (0.5 * lit + 0.5)[..., None]
        return white + coat[..., None] * (black - white)

    def ground(self, rng: np.random.Generator, fields: Fields, heading: float, width: float) -> Any:
        """`(CANVAS, CANVAS, 3)`: grass or floor, perhaps a grating, perhaps another animal beside this one."""
        ground = self.base * (1 + 0.7 * self.grain * fields(rng, self.bump) + 0.08 * fields(rng, 14.0))[..., None]
        y, x = np.mgrid[:CANVAS, :CANVAS] - CANVAS / 2 + 0.5
        if self.grating and rng.random() < 0.6:
            turn, period = rng.uniform(0, np.pi), rng.uniform(5, 9)
            bars = np.sin(2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / period) > 0.2
            bars &= x * np.cos(turn + 1.2) + y * np.sin(turn + 1.2) > rng.uniform(5, 40)
            ground = np.where(bars[..., None], ground * rng.uniform(1.5, 2.6), ground)
        if rng.random() < (0.5 if self.barn else 0.15):
            side = heading + np.pi / 2 * rng.choice((-1, 1)) + rng.normal(0, 0.4)
            far = x * np.cos(side) + y * np.sin(side) - width / 2 - rng.uniform(2, 14) + 2 * fields(rng, 10.0)
            near = 1 / (1 + np.exp(np.clip(-far / 0.6, -30, 30)))[..., None]
            patches = (fields(rng, 10.0) > rng.uniform(-1.5, 1.5))[..., None]
            ground = ground * (1 - near) + near * np.where(patches, 0.9 * self.light, self.dark)
        return ground

    def taken(self, rng: np.random.Generator, scene: Any) -> Any:
        """What the camera makes of `(h, w, 3)`: blurred, in motion at times, lighter or darker, with noise."""
        picture = gaussian_filter(scene, (self.blur, self.blur, 0))
        if rng.random() < 0.15:
            steps, axis = int(rng.integers(2, 7)), int(rng.integers(2))
            picture = np.mean([np.roll(picture, step - steps // 2, axis) for step in range(steps)], axis=0)
        return picture * rng.uniform(0.85, 1.15) + rng.normal(0, self.noise, picture.shape)


def make_camera(rng: np.random.Generator) -> Camera:
    """A camera of its own: two fifths look into a barn, a third shows black as brown."""
    barn = bool(rng.random() < 0.4)
    base = np.array(FLOOR) * rng.uniform(0.5, 1.6) if barn else np.array(GRASS[rng.integers(4)]) * rng.uniform(0.6, 1.3)
    dark = np.array(BROWN if rng.random() < 0.35 else BLACK) * rng.uniform(0.6, 1.5)
    light = np.array(LIGHT) * rng.uniform(0.8, 1.12)
    return Camera(
        barn, base * (1 + rng.normal(0, 0.07, 3)), dark * (1 + rng.normal(0, 0.05, 3)),
        light * (1 + rng.normal(0, 0.03, 3)), rng.uniform(0.03, 0.22), float(rng.choice(BUMPS)),
        rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.35), rng.uniform(1, 6), rng.uniform(0.3, 1.1),
        bool(barn and rng.random() < 0.5))
