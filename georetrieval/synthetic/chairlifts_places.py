"""Where a chairlift stands: sky, mountains, trees, posts and rails of its station, under the light of a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from georetrieval.synthetic.chairlifts_model import PX, Lift
from georetrieval.synthetic.chance import Floats, stream

OVER = 2
"""Scenes are drawn this many times larger and averaged: smooth edges."""
MARGIN = 40
"""The ground moves behind a chair by up to so many pixels of the finished picture."""
SIDE = (PX + 2 * MARGIN) * OVER


@dataclass(frozen=True)
class Day:
    """Weather and light of one recording.

    Attributes
    ----------
    ground : the empty place, RGB picture of `SIDE` pixels
    tint : (3,) factor of all colours
    veil : share of `veil_colour` in front of everything: fog
    flakes : snow flakes in a frame
    noise : standard deviation of the camera's noise, 0 to 255
    blur_px : standard deviation of its blur
    """

    ground: Image.Image
    tint: Floats
    veil: float
    veil_colour: Floats
    flakes: int
    noise: float
    blur_px: float


def make_day(seed: int, lift: Lift, number: int) -> Day:
    """Day `number` at a lift: the same place each time, under another sky."""
    rng = stream(seed, "day", lift.name, number)
    light = rng.uniform(0.75, 1.1)
    tint = light * (1 + rng.normal(0, 0.025, 3))
    foggy = rng.random() < 0.2
    return Day(
        _place(stream(seed, "place", lift.name), rng, light), tint, rng.uniform(0.25, 0.5) if foggy else
        rng.uniform(0, 0.12), rng.uniform(170, 235) + rng.normal(0, 5, 3),
        int(rng.uniform(30, 150)) if rng.random() < 0.3 else 0, rng.uniform(2, 5), rng.uniform(0.25, 0.8),
    )


def _place(layout: np.random.Generator, weather: np.random.Generator, light: float) -> Image.Image:
    """The empty place; what stands where depends on `layout` alone, so that it is the same on all days."""
    horizon = layout.uniform(0.2, 0.7) * SIDE
    sky = np.array((120, 165, 220)) if weather.random() < 0.5 else np.array((195, 200, 208))
    snow = np.array((238, 241, 246)) * weather.uniform(0.85, 1.0)
    rows = np.arange(SIDE)[:, None] / SIDE
    above = sky + (225 - sky) * rows
    below = snow * (1 - 0.25 * rows)
    canvas = np.where(np.arange(SIDE)[:, None] < horizon, above, below)[:, None].repeat(SIDE, 1)
    coarse = weather.normal(0, 9, (SIDE // 20, SIDE // 20))
    clouds = Image.fromarray(coarse.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    canvas = canvas + np.asarray(clouds)[..., None]
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    _mountains(draw, layout, horizon)
    _trees(draw, layout, horizon)
    _station(draw, layout)
    return image.filter(ImageFilter.GaussianBlur(0.8 + light * 0.4))


def _mountains(draw: ImageDraw.ImageDraw, layout: np.random.Generator, horizon: float) -> None:
    for shade in (205, 175, 150):
        x = np.linspace(0, SIDE, 14)
        y = horizon - layout.uniform(0, 0.25) * SIDE * np.abs(layout.normal(0.5, 0.4, 14))
        cover = [(0.0, horizon), *zip(x, y, strict=True), (float(SIDE), horizon)]
        draw.polygon(cover, fill=(shade - 12, shade, shade + 14))


def _trees(draw: ImageDraw.ImageDraw, layout: np.random.Generator, horizon: float) -> None:
    for _ in range(int(layout.integers(0, 30))):
        x, foot = layout.uniform(0, SIDE), horizon + layout.uniform(-0.02, 0.3) * SIDE
        high = layout.uniform(0.08, 0.3) * SIDE
        green = tuple(int(value) for value in np.clip(np.add((30, 55, 42), layout.normal(0, 12, 3)), 0, 255))
        for level in range(3):
            top, half = foot - high * (0.45 + 0.275 * level), high * (0.24 - 0.06 * level)
            base = top + high * 0.5
            draw.polygon([(x - half, base), (x + half, base), (x, top)], fill=green)


def _station(draw: ImageDraw.ImageDraw, layout: np.random.Generator) -> None:
    """Panels, posts, rails and ropes: many long thin lines, some of them where a bar could be."""
    for _ in range(int(layout.integers(0, 4))):
        x, y = layout.uniform(0, SIDE, 2)
        draw.rectangle([x, y, x + layout.uniform(30, 150), y + layout.uniform(20, 90)], fill=_colour(layout))
    for _ in range(int(layout.integers(1, 6))):
        x, thick = layout.uniform(0, SIDE), int(layout.uniform(3, 18))
        draw.line([(x, layout.uniform(-0.2, 0.6) * SIDE), (x + layout.normal(0, 8), SIDE)], _colour(layout), thick)
    for _ in range(int(layout.integers(3, 10))):
        y, lean = layout.uniform(0, SIDE), layout.normal(0, 0.12) * SIDE
        x0 = layout.uniform(-0.2, 0.5) * SIDE
        thick = int(layout.uniform(2, 6))
        draw.line([(x0, y - lean), (x0 + layout.uniform(0.3, 1) * SIDE, y + lean)], _colour(layout), thick)


def _colour(rng: np.random.Generator) -> Any:
    return tuple(int(value) for value in np.clip(rng.uniform(30, 220) + rng.normal(0, 28, 3), 0, 255))
