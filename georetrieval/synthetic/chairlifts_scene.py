"""One frame of a chairlift: the chair, who sits on it, what stands in front, and what the camera makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from georetrieval.synthetic.chairlifts_model import PX, SEAT_M, Lift, as_seen
from georetrieval.synthetic.chairlifts_places import MARGIN, OVER, Day
from georetrieval.synthetic.chance import Floats, stream
from georetrieval.synthetic.pictures import Bytes


@dataclass(frozen=True)
class Stroke:
    """Something drawn: a polyline with round ends, or a filled polygon when `width_px` is 0.

    Attributes
    ----------
    points : (n, 3) metres
    width_px : of the finished picture
    colour : (3,) 0 to 255
    nearer_m : drawn as if it were so much nearer to the camera
    """

    points: Floats
    width_px: float
    colour: Floats
    nearer_m: float = 0.0


@dataclass(frozen=True)
class Rider:
    """A passenger: where (metres from the middle), how tall (1 is an adult), colours, and what the hands do."""

    x: float
    size: float
    colours: Floats
    holds: bool
    poles: float
    lean: float


def draw_frame(seed: int, lift: Lift, state: str, day: Day, passage: str, frame: int) -> Bytes:
    """Picture (200, 200, 3) uint8 of frame 0, 1 or 2 of a passage: the riders stay, the place moves on."""
    rng = stream(seed, "frame", lift.name, passage, frame)
    own = stream(seed, "passage", lift.name, passage)
    riders = list(_riders(own, lift))
    turned = own.normal(0, np.radians(2.0 if state == "open" else 1.0))
    along = frame - 1 + rng.normal(0, 0.25)
    seen = as_seen(lift, rng, along)
    image = _ground(own, rng, day, along)
    draw = ImageDraw.Draw(image)
    strokes = [*_chair(seen), *_bar(own, seen, state, turned)]
    for rider in riders:
        strokes += _body(rider, seen, state)
    _paint(draw, seen, strokes)
    _in_front(draw, own, along)
    return _camera(image, rng, own, day)


def _riders(rng: np.random.Generator, lift: Lift) -> Iterator[Rider]:
    full = rng.choice((0.0, 0.5, 0.8, 1.0), p=(0.08, 0.27, 0.35, 0.3))
    for seat in range(lift.seats):
        x = (seat + 0.5) * SEAT_M - lift.seats * SEAT_M / 2
        colours = np.clip(rng.uniform(10, 225, (4, 3)) * rng.uniform(0.5, 1.15, (4, 1)), 0, 255)
        rider = Rider(x + rng.normal(0, 0.03), rng.choice((1.0, 0.95, 0.75)), colours, rng.random() < 0.4,
                      rng.uniform(-1, 1) if rng.random() < 0.25 else np.nan, rng.normal(0, 0.05))
        if rng.random() < full:
            yield rider


def _chair(lift: Lift) -> Iterator[Stroke]:
    half, tube = lift.width_m / 2, 0.05 * lift.camera.scale
    frame, _, bench = lift.paint
    yield Stroke(np.array([(-half, 0, 0), (half, 0, 0), (half, 0.5, 0.03), (-half, 0.5, 0.03)]), 0, bench * 0.8)
    yield Stroke(np.array([(-half, 0, 0.05), (half, 0, 0.05), (half, -0.12, 0.6), (-half, -0.12, 0.6)]), 0, bench)
    for x in (-half, half):
        yield Stroke(np.array([(x, 0.5, 0), (x, 0, 0), (x, -0.13, 0.65)]), tube, frame)
        yield Stroke(np.array([(x, -0.1, 0.22), (x, 0.35, 0.22), (x, 0.4, 0.0)]), tube * 0.8, frame * 0.9)
    top = 1.5
    if lift.hanger == "frame":
        yield Stroke(np.array([(-half, -0.13, 0.6), (-half, -0.15, top), (half, -0.15, top), (half, -0.13, 0.6)]),
                     tube * 1.2, frame)
    elif lift.hanger == "fork":
        yield Stroke(np.array([(-half, -0.13, 0.65), (-half * 0.4, -0.2, top), (half * 0.4, -0.2, top),
                               (half, -0.13, 0.65)]), tube * 1.2, frame)
    else:
        yield Stroke(np.array([(0, -0.13, 0.3), (0, -0.2, top)]), tube * 1.6, frame)
    yield Stroke(np.array([(0, -0.18, top), (0, -0.18, 4.0)]), tube * 1.8, frame)


def _bar(rng: np.random.Generator, lift: Lift, state: str, turned: float) -> Iterator[Stroke]:
    shine = lift.paint[1] * rng.uniform(0.88, 1.12)
    for tube in lift.bar(state, turned):
        yield Stroke(tube, lift.bar_px, np.clip(shine, 0, 255), 0.1)


def _body(rider: Rider, lift: Lift, state: str) -> Iterator[Stroke]:
    """Strokes of a rider in ski clothes; hands that hold the closed bar are drawn over it."""
    s, x, m = rider.size, rider.x, lift.camera.scale
    jacket, trousers, helmet, ski = rider.colours
    hip, neck = (x, 0.15, 0.14), (x + rider.lean, 0.12, 0.14 + 0.5 * s)
    for side in (-0.1, 0.1):
        knee = (x + side * 1.2, 0.15 + 0.42 * s, 0.16)
        foot = (x + side * 1.3, 0.2 + 0.42 * s, 0.16 - 0.45 * s)
        yield Stroke(np.array([(x + side, 0.15, 0.14), knee, foot]), 0.15 * s * m, trousers)
        tips = np.array([(foot[0], foot[1] - 0.3, foot[2] - 0.05), (foot[0], foot[1] + 0.6 * s, foot[2] + 0.02)])
        yield Stroke(tips, 0.05 * m, ski)
    yield Stroke(np.array([hip, neck]), 0.36 * s * m, jacket)
    yield Stroke(np.array([neck, (neck[0], 0.14, neck[2] + 0.04)]), 0.3 * s * m, jacket * 0.92)
    head = (neck[0] + rider.lean, 0.16, neck[2] + 0.22 * s)
    yield Stroke(np.array([head, head]), 0.27 * s * m, helmet)
    yield Stroke(np.array([(head[0] - 0.06, 0.3, head[2]), (head[0] + 0.06, 0.3, head[2])]), 0.1 * s * m, helmet * 0.3)
    held = rider.holds and state == "close"
    bar_y, bar_z = lift.bar("close")[0][2][1:]
    for side in (-0.21, 0.21):
        hand = (x + side, bar_y, bar_z) if held else (x + side * 0.7, 0.48, 0.26)
        elbow = (x + side * 1.15, 0.25, 0.3 * s + 0.1)
        yield Stroke(np.array([(neck[0] + side * s, 0.12, neck[2] - 0.06), elbow, hand]), 0.12 * s * m, jacket * 0.85)
        yield Stroke(np.array([hand, hand]), 0.11 * m, ski * 0.4, 0.15)
    if np.isfinite(rider.poles):
        tip = (x + rider.poles * 0.4, 0.75, 0.1 + rider.poles * 0.45)
        yield Stroke(np.array([(x - rider.poles * 0.35, 0.4, 0.3), tip]), 1.3, helmet * 0.5, 0.2)


def _paint(draw: ImageDraw.ImageDraw, lift: Lift, strokes: list[Stroke]) -> None:
    """Far strokes first; a polyline is painted piece by piece: a bar runs behind one body and before another."""
    pieces: list[tuple[float, Any, float, Any]] = []
    for stroke in strokes:
        seen, depth = lift.camera.see(stroke.points)
        colour = tuple(int(value) for value in np.clip(stroke.colour, 0, 255))
        if stroke.width_px == 0:
            pieces.append((depth.mean() + 0.05, seen * OVER, 0, colour))
            continue
        for a in range(len(seen) - 1):
            middle = (depth[a] + depth[a + 1]) / 2 - stroke.nearer_m
            pieces.append((middle, seen[a : a + 2] * OVER, stroke.width_px * OVER, colour))
    for _, points, width, colour in sorted(pieces, key=lambda piece: -piece[0]):
        corners = [tuple(point) for point in points.tolist()]
        if width == 0:
            draw.polygon(corners, fill=colour)
            continue
        draw.line(corners, colour, max(1, round(width)))
        if width > 3:
            for x, y in corners:
                draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], fill=colour)


def _ground(own: np.random.Generator, rng: np.random.Generator, day: Day, along: float) -> Image.Image:
    """The part of the place behind the chair, moving against it, and sometimes others who wait there."""
    room = 2 * MARGIN * OVER
    left = np.clip(room * (0.5 + 0.06 * along + rng.normal(0, 0.01)), 0, room)
    top = np.clip(room * (0.5 + own.normal(0, 0.03)), 0, room)
    image = day.ground.crop((int(left), int(top), int(left) + PX * OVER, int(top) + PX * OVER))
    draw = ImageDraw.Draw(image)
    for _ in range(own.poisson(0.6)):
        x, y = own.uniform(0, PX * OVER) - along * 40, own.uniform(0.45, 1.0) * PX * OVER
        _person(draw, own, x, y, own.uniform(40, 90))
    return image


def _person(draw: ImageDraw.ImageDraw, rng: np.random.Generator, x: float, y: float, high: float) -> None:
    """Somebody who stands: feet at (x, y), `high` pixels of the large picture."""
    colours = [tuple(int(value) for value in rng.uniform(15, 220, 3)) for _ in range(3)]
    draw.rectangle([x - high * 0.11, y - high * 0.45, x + high * 0.11, y], fill=colours[0])
    draw.ellipse([x - high * 0.17, y - high * 0.85, x + high * 0.17, y - high * 0.35], fill=colours[1])
    draw.ellipse([x - high * 0.09, y - high, x + high * 0.09, y - high * 0.8], fill=colours[2])


def _in_front(draw: ImageDraw.ImageDraw, own: np.random.Generator, along: float) -> None:
    """Sometimes somebody stands in front of the chair, near the edge of the picture."""
    if own.random() < 0.12:
        side = own.choice((-1, 1))
        x = PX * OVER * (0.5 + side * own.uniform(0.25, 0.5)) - along * 25
        _person(draw, own, x, PX * OVER * own.uniform(1.0, 1.35), own.uniform(0.6, 1.0) * PX * OVER)


def _camera(image: Image.Image, rng: np.random.Generator, own: np.random.Generator, day: Day) -> Bytes:
    """Light, fog, snow, blur and noise; (200, 200, 3) uint8."""
    if own.random() < 0.2:  # a roof's shadow
        image = Image.composite(image.point(lambda value: value * 0.55), image, _shadow(own))
    small = image.reduce(OVER).filter(ImageFilter.GaussianBlur(day.blur_px * rng.uniform(0.7, 1.4)))
    pixels = np.asarray(small, np.float32) * (day.tint * rng.uniform(0.88, 1.12)).astype(np.float32)
    veil = np.float32(np.clip(day.veil * rng.uniform(0.7, 1.3), 0, 0.65))
    pixels += veil * (day.veil_colour.astype(np.float32) - pixels)
    if day.flakes:
        y, x = rng.integers(0, PX - 1, (2, day.flakes))
        for dy, dx in ((0, 0), (0, 1), (1, 0)):
            pixels[y + dy, x + dx] += 0.7 * (245 - pixels[y + dy, x + dx])
    pixels += rng.standard_normal(pixels.shape, np.float32) * np.float32(day.noise)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def _shadow(rng: np.random.Generator) -> Image.Image:
    mask = Image.new("L", (PX * OVER, PX * OVER))
    x = np.sort(rng.uniform(-0.5, 1.5, 2)) * PX * OVER
    lean = rng.uniform(-0.6, 0.6) * PX * OVER
    low = PX * OVER
    ImageDraw.Draw(mask).polygon([(x[0], 0), (x[1], 0), (x[1] + lean, low), (x[0] + lean, low)], fill=255)
    return mask
