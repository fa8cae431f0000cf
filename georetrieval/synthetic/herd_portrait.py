"""One animal from above in a square picture: the box of its body, cut out by some detector and framed in black."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import map_coordinates

from georetrieval.synthetic.chance import Floats
from georetrieval.synthetic.herd_camera import CANVAS, LENGTH, Camera, Fields
from georetrieval.synthetic.herd_coats import COAT, make_coat

ALONG = np.array([-0.06, 0, 0.06, 0.2, 0.4, 0.6, 0.75, 0.86, 0.95, 1.02, 1.1, 1.2, 1.26])
"""Places on the spine, from tail (0) over the shoulders (0.95) to the nose, where the half width is given."""
HALF = np.array([0, 0.5, 0.82, 0.95, 1, 0.97, 0.9, 0.72, 0.55, 0.46, 0.48, 0.36, 0])
"""Half width there, in units of the widest."""
TORSO = (-0.03, 0.95)
FILLS = 3.7
"""Side of the rectangle that a body fills, in deviations of its pixels along that side (an ellipse: 4, a rectangle:
the root of 12)."""
WITH_HEAD, CUT = 0.25, 0.12
"""Shares of the boxes that hold the head too, and that miss a part of the body."""


@dataclass(frozen=True)
class Body:
    """One animal: its coat, see `make_coat`, half widths at `ALONG`, widest width / length, and own darkness."""

    coat: NDArray[np.float32]
    half: Floats
    ratio: float
    dark: float


@dataclass(frozen=True)
class Region:
    """The rectangle that a torso fills: centre in pixels, sides along and across the spine, and the spine's direction
    in degrees from x to y, 0 to 180 (which end is the head is not told)."""

    x: float
    y: float
    along: float
    across: float
    angle_deg: float


def make_body(rng: np.random.Generator) -> Body:
    """An animal of its own."""
    coat = make_coat(rng)
    return Body(coat, HALF * (1 + rng.normal(0, 0.05, len(HALF))), rng.uniform(0.36, 0.5), rng.normal(0, 6))


def portrait(
    rng: np.random.Generator, body: Body, camera: Camera, fields: Fields, px: int
) -> tuple[NDArray[np.uint8], Region]:
    """`(px, px, 3)` of the animal under some heading, seen from about above, and where its torso is."""
    heading = rng.uniform(0, 2 * np.pi)
    along, aside, width = _on_spine(rng, body, heading)
    half = np.interp(along, ALONG, body.half, left=0, right=0) * width / 2
    alpha = np.clip(half - np.abs(aside) + 0.5, 0, 1)[..., None]
    across = np.clip(aside / np.maximum(half, 1), -1, 1)
    roll = np.clip(rng.normal(0, 0.12), -0.25, 0.25)  # seen from a little to one side
    place = np.clip(0.72 * across + roll * np.sqrt(1 - 0.8 * across**2), -1, 1) * 0.5 + 0.5
    coat = map_coordinates(body.coat, [place * (COAT[0] - 1), np.clip(along / 1.02, 0, 1) * (COAT[1] - 1)], order=1,
                           mode="nearest")
    skin = camera.skin(rng, fields, coat, body.dark, across, heading)
    scene = camera.ground(rng, fields, heading, width) * (1 - alpha) + alpha * skin
    shown = alpha[..., 0] > 0.5
    box = _box(rng, shown, along)
    cut = scene[box[1] : box[3], box[0] : box[2]]
    picture, scale, margin = _framed(rng, camera.taken(rng, cut), px)
    region = _region(shown & (along > TORSO[0]) & (along < TORSO[1]))
    x, y = ((np.array((region.x, region.y)) - box[:2]) * scale + margin).tolist()
    return picture, Region(x, y, region.along * scale, region.across * scale, region.angle_deg)


def _on_spine(rng: np.random.Generator, body: Body, heading: float) -> tuple[Any, Any, float]:
    """Of each pixel: its place along the spine (0 to 1), pixels across it; and the body's width in pixels."""
    width = LENGTH * body.ratio * rng.uniform(0.85, 1.15)
    y, x = np.mgrid[:CANVAS, :CANVAS] - CANVAS / 2 + 0.5
    turn, flat = rng.uniform(0, np.pi), rng.uniform(0.78, 1)  # foreshortened in some direction
    u, v = x * np.cos(turn) + y * np.sin(turn), (-x * np.sin(turn) + y * np.cos(turn)) / flat
    x, y = u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)
    ahead = (x * np.cos(heading) + y * np.sin(heading)) / LENGTH
    bend, head = np.clip(rng.normal(0, 0.35), -1, 1), rng.normal(0, 0.4)
    curve = 0.35 * bend * ahead**2 + 0.8 * head * np.clip(ahead - 0.3, 0, None) ** 2
    return ahead + 0.5, -x * np.sin(heading) + y * np.cos(heading) - curve * LENGTH, width


def _box(rng: np.random.Generator, shown: Any, along: Any) -> NDArray[np.int64]:
    """x0, y0, x1, y1 of the torso, with or without the head, as a detector finds it: a little off, sometimes cut."""
    front = 1.26 if rng.random() < WITH_HEAD else rng.uniform(0.82, 1.0)
    rows, columns = np.nonzero(shown & (along > rng.uniform(-0.02, 0.1)) & (along < front))
    box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)
    sides = np.tile(box[2:] - box[:2], 2)
    box += rng.normal(0, 0.035, 4) * sides
    if rng.random() < CUT:
        side = rng.integers(4)
        box[side] += rng.uniform(0.05, 0.3) * sides[side] * (1 if side < 2 else -1)
    return np.asarray(np.clip(np.round(box), 0, CANVAS), np.int64)


def _region(torso: Any) -> Region:
    """By the moments of its pixels."""
    rows, columns = np.nonzero(torso)
    spread, axes = np.linalg.eigh(np.cov(np.stack([columns, rows])))
    angle = np.degrees(np.arctan2(axes[1, 1], axes[0, 1])) % 180
    across, along = FILLS * np.sqrt(spread)
    return Region(columns.mean() + 0.5, rows.mean() + 0.5, along, across, angle)


def _framed(rng: np.random.Generator, cut: Any, px: int) -> tuple[NDArray[np.uint8], float, NDArray[np.int64]]:
    """The cut in the middle of a black square, as large as fits; its scale, and its left and top."""
    image = Image.fromarray(np.clip(cut, 0, 255).astype(np.uint8))
    scale = px / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    if rng.random() < 0.3:  # from farther away
        far = rng.uniform(0.3, 0.8)
        image = image.resize((max(8, int(image.width * far)), max(8, int(image.height * far))),
                             Image.Resampling.BILINEAR)
    margin = np.array([(px - size[0]) // 2, (px - size[1]) // 2])
    square = Image.new("RGB", (px, px))
    square.paste(image.resize(size, Image.Resampling.BILINEAR), tuple(margin.tolist()))
    return np.asarray(square), scale, margin
