"""An animal seen from above: its outline along a spine that bends, its coat, and how it is painted into a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from georetrieval.synthetic.chance import Floats, stream

COAT = (48, 128)
"""Rows (across) and columns (from tail to nose) of a coat's texture."""
ALONG = np.array([0.0, 0.04, 0.12, 0.25, 0.42, 0.58, 0.68, 0.76, 0.82, 0.88, 0.95, 1.0])
"""Places on the spine, from tail (0) to nose (1), where the outline's half width is given."""
HALF = np.array([0.0, 0.55, 0.85, 0.9, 1.0, 0.9, 0.82, 0.55, 0.46, 0.5, 0.38, 0.0])
"""Half width at those places in units of the widest: hips, belly, shoulders, neck and head."""


@dataclass(frozen=True)
class Animal:
    """One animal.

    Attributes
    ----------
    name : its identity
    length_px, width_px : of the body in a frame
    half : half widths at `ALONG`, in units of `width_px / 2`
    coat : (48, 128, 3) float32, 0 to 255
    """

    name: str
    length_px: float
    width_px: float
    half: Floats
    coat: NDArray[np.float32]


@dataclass(frozen=True)
class Pose:
    """Where an animal stands in a frame and how.

    Attributes
    ----------
    x, y : column and row of the body's middle
    heading : radians from x to y, the way it looks
    bend : curvature of the spine, -1 to 1
    head : turn of the head, -1 to 1
    """

    x: float
    y: float
    heading: float
    bend: float
    head: float


@dataclass(frozen=True)
class Patch:
    """An animal as one frame shows it: part of the frame from (top, left) on, clipped to the frame.

    Attributes
    ----------
    alpha : (h, w) float64, 0 to 1: how much of a pixel is animal
    pixels : (h, w, 3) float64, 0 to 255
    """

    top: int
    left: int
    alpha: Floats
    pixels: Floats

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the frame."""
        high, wide = self.alpha.shape
        return slice(self.top, self.top + high), slice(self.left, self.left + wide)


def make_animal(seed: int, number: int, count: int) -> Animal:
    """Animal `number` of a herd of `count`: coat, shape and size of its own."""
    rng = stream(seed, "animal", number)
    shape = HALF * (1 + rng.normal(0, 0.05, len(HALF)))
    length = rng.uniform(92, 128)
    name = f"A{number:0{len(str(count))}d}"
    return Animal(name, length, length * rng.uniform(0.33, 0.42), shape, _coat(rng))


def _coat(rng: np.random.Generator) -> NDArray[np.float32]:
    """Patches of two colours, from nearly plain to speckled, with the white of forehead and tail of its own."""
    dark = np.array([(38, 34, 34), (62, 43, 34), (98, 58, 38)])[rng.choice(3, p=(0.5, 0.2, 0.3))] + rng.normal(0, 4)
    light = np.array((228, 223, 214)) + rng.normal(0, 4)
    size = rng.uniform(3.5, 9.0)
    field = gaussian_filter(rng.normal(size=COAT), (size * 0.7, size), mode="nearest")
    field += 0.25 * gaussian_filter(rng.normal(size=COAT), 2.0, mode="nearest") * field.std() / 0.1
    share = rng.uniform(0.2, 0.8)
    edge = np.quantile(field, share)
    patches = 1 / (1 + np.exp(-(field - edge) / (0.05 * field.std())))
    speckles = gaussian_filter(rng.normal(size=COAT), 0.8) > rng.uniform(0.75, 1.6)
    patches = np.where(speckles & (rng.random() < 0.35), 1 - patches, patches)
    if rng.random() < 0.4:  # a white band or a white forehead
        place, wide = rng.choice((0.1, 0.6, 0.9)) + rng.normal(0, 0.03), rng.uniform(0.03, 0.08)
        patches *= np.abs(np.linspace(0, 1, COAT[1]) - place) > wide
    colour = light + patches[..., None] * (dark - light)
    grain = 1 + 0.05 * gaussian_filter(rng.normal(size=COAT), 0.7)[..., None]
    return np.asarray(colour * grain, np.float32)


def paint(animal: Animal, pose: Pose, size: tuple[int, int], sun: float) -> Patch | None:
    """The animal in a frame of `size` (width, height), lit from the angle `sun`; None when it is outside.

    Each pixel is brought back onto the spine: along it and across it, where outline and coat are known.
    """
    reach = 0.62 * animal.length_px + 4
    left, top = max(0, int(pose.x - reach)), max(0, int(pose.y - reach))
    right, low = min(size[0], int(pose.x + reach) + 1), min(size[1], int(pose.y + reach) + 1)
    if left >= right or top >= low:
        return None
    y, x = np.mgrid[top:low, left:right] + 0.5
    along, across = _on_spine(animal, pose, x - pose.x, y - pose.y)
    half = np.interp(along, ALONG, animal.half, left=0, right=0) * animal.width_px / 2
    ear = np.abs(np.hypot((along - 0.855) * animal.length_px, np.abs(across) - 0.23 * animal.width_px))
    tail = np.hypot(np.minimum(along + 0.09, 0) * animal.length_px, across - 6 * pose.bend * (along < 0))
    outline = np.maximum(half - np.abs(across), np.maximum(
        0.085 * animal.width_px - ear, np.where((along < 0.05) & (along > -0.12), 1.3 - tail, -9.0)))
    alpha = np.clip(outline + 0.5, 0, 1)
    rows = (across / np.maximum(half, 1.0) * 0.5 + 0.5) * (COAT[0] - 1)
    places = np.stack([np.clip(rows, 0, COAT[0] - 1), np.clip(along, 0, 1) * (COAT[1] - 1)])
    coat = np.stack([map_coordinates(animal.coat[..., band], places, order=1) for band in range(3)], -1)
    round_ = np.clip(across / np.maximum(half, 1.0), -1, 1)
    lit = 1.02 - 0.3 * round_**2 + 0.16 * round_ * np.sin(sun - pose.heading)
    return Patch(top, left, alpha, coat * lit[..., None])


def _on_spine(animal: Animal, pose: Pose, x: Any, y: Any) -> tuple[Floats, Floats]:
    """From pixels around the body's middle to the place along the spine (0 to 1) and pixels across it."""
    cos, sin = np.cos(pose.heading), np.sin(pose.heading)
    ahead, aside = (x * cos + y * sin) / animal.length_px, -x * sin + y * cos
    curve = 0.35 * pose.bend * ahead**2 + 1.6 * pose.head * np.clip(ahead - 0.2, 0, None) ** 2
    return np.asarray(ahead + 0.5), np.asarray(aside - curve * animal.length_px)
