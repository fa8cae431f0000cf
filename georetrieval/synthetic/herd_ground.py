"""Recordings of a pasture from above: ground, light, clouds' shadows, leaves in front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from georetrieval.synthetic.chance import Floats, stream

SIZE = (960, 640)
"""Width and height of a frame in pixels."""
GROUNDS = ((92, 122, 62), (120, 128, 74), (74, 98, 66), (128, 108, 82), (150, 136, 104))
"""Fresh and dry grass, wet grass, mud, straw."""


@dataclass(frozen=True)
class Recording:
    """One place on one day.

    Attributes
    ----------
    ground : (640, 960, 3) float32, 0 to 255
    leaves : (640, 960) float32, 0 to 1: what hangs between camera and ground
    leaf_colour, tint : (3,) colour of the leaves, factor of all colours
    sun : where the light comes from, radians from x to y
    shadow_px : length of an animal's shadow
    shade : how much a shadow darkens, 0 to 1
    noise, blur_px : standard deviations of the camera's noise (0 to 255) and blur
    """

    ground: NDArray[np.float32]
    leaves: NDArray[np.float32]
    leaf_colour: Floats
    tint: Floats
    sun: float
    shadow_px: float
    shade: float
    noise: float
    blur_px: float


def make_recording(seed: int, number: int) -> Recording:
    """Recording `number` of a world."""
    rng = stream(seed, "recording", number)
    wide, high = SIZE
    first, second = rng.choice(len(GROUNDS), 2, replace=False)
    mix = np.clip(0.25 + 0.45 * _field(rng, 160), 0, 1)[..., None]
    ground = np.array(GROUNDS[first]) * (1 - mix) + np.array(GROUNDS[second]) * mix
    ground = ground * (1 + 0.07 * _field(rng, 24) + 0.10 * rng.normal(size=(high, wide)))[..., None]
    leaves = np.clip((_field(rng, 22) + 0.8 * _field(rng, 90) - 2.6) * 2.2, 0, 1)
    return Recording(
        ground.astype(np.float32), leaves.astype(np.float32), np.array((48, 66, 36)) * rng.uniform(0.7, 1.5),
        rng.uniform(0.75, 1.25) * (1 + rng.normal(0, 0.05, 3)), rng.uniform(0, 2 * np.pi), rng.uniform(3, 16),
        rng.uniform(0.15, 0.6), rng.uniform(2, 7), rng.uniform(0.4, 0.9),
    )


def clouds(rng: np.random.Generator) -> Floats:
    """(640, 960) factor of the light, 0.7 to 1.1."""
    return np.clip(0.96 + 0.1 * _field(rng, 220), 0.7, 1.1)


def photographed(
    recording: Recording, scene: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Leaves, light, blur and noise of one frame; (640, 960, 3) uint8."""
    leaves = recording.leaves[..., None]
    rustle = 1 + np.float32(0.2) * rng.standard_normal(leaves.shape, np.float32)
    seen: Any = scene + leaves * (recording.leaf_colour.astype(np.float32) * rustle - scene)
    light = (recording.tint * rng.uniform(0.93, 1.07)).astype(np.float32)
    seen = seen * light * clouds(rng).astype(np.float32)[..., None]
    seen = gaussian_filter(seen, (recording.blur_px, recording.blur_px, 0), truncate=3.0)
    seen += rng.standard_normal(seen.shape, np.float32) * np.float32(recording.noise)
    return np.asarray(np.clip(seen, 0, 255), np.uint8)


def _field(rng: np.random.Generator, wave_px: int) -> Floats:
    """(640, 960) smooth noise of mean 0 and variance 1, its bumps about `wave_px` wide."""
    wide, high = SIZE
    step = max(1, wave_px // 4)
    coarse = gaussian_filter(rng.normal(size=(high // step + 3, wide // step + 3)), 1.5)
    fine = zoom(coarse / coarse.std(), step, order=1) if step > 1 else coarse / coarse.std()
    return np.asarray(fine[:high, :wide])
