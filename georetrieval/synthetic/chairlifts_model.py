"""A chair of a lift in three dimensions: its bench, hanger and safety bar, and the camera that always sees it alike.

Metres, with x to the passengers' left and right, y ahead of them, z upwards; the origin is the middle of the seat's
rear edge. Pictures are 200 px wide; (column, row) in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from georetrieval.synthetic.chance import Floats, stream

PX = 200
SEATS = (2, 3, 4, 4, 6, 6, 8)
SEAT_M = 0.5
"""Room of one passenger on the bench."""
DISTANCE_M = 9.0
"""From the camera to the middle of the chair; it decides how strong the perspective is."""


@dataclass(frozen=True)
class Camera:
    """A camera that looks at the chair's middle.

    Attributes
    ----------
    yaw, pitch, roll : radians; yaw 0 looks the passengers in the face, pitch is how far above them it stands
    scale : pixels per metre
    middle : column and row where the chair's middle is seen
    """

    yaw: float
    pitch: float
    roll: float
    scale: float
    middle: tuple[float, float]

    def see(self, points: Floats) -> tuple[Floats, Floats]:
        """Pixels (n, 2) and depths (n,) in metres (larger is farther) of points (n, 3) of the chair."""
        x, y, z = (np.asarray(points, np.float64) - (0, 0.25, 0.5)).T
        right = x * np.cos(self.yaw) + y * np.sin(self.yaw)
        ahead = y * np.cos(self.yaw) - x * np.sin(self.yaw)
        up = z * np.cos(self.pitch) - ahead * np.sin(self.pitch)
        depth = DISTANCE_M - ahead * np.cos(self.pitch) - z * np.sin(self.pitch)
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        near = self.scale * DISTANCE_M / np.maximum(depth, 1.0)
        seen = np.stack([(right * cos - up * sin) * near, -(right * sin + up * cos) * near], 1)
        return seen + self.middle, depth


@dataclass(frozen=True)
class Lift:
    """One chairlift.

    Attributes
    ----------
    name : its scope, "S1" to "S20"
    seats : passengers side by side
    camera : where its chairs are seen from
    pivot : y and z of the hinges of the bar, metres
    arm_m : from the hinge to the crossbar
    close, open : angle of the arms against the horizontal in radians, above it when positive
    drops : x of the foot rests that hang from the crossbar, metres; with `drop_m` their length
    bar_px : width of the bar's tube in pixels
    hanger : "stem", "fork" or "frame"
    paint : colours of frame, bar and bench, 0 to 255
    """

    name: str
    seats: int
    camera: Camera
    pivot: tuple[float, float]
    arm_m: float
    close: float
    open: float
    drops: tuple[float, ...]
    drop_m: float
    bar_px: float
    hanger: str
    paint: Floats

    @property
    def width_m(self) -> float:
        """Of the bench."""
        return self.seats * SEAT_M + 0.1

    def bar(self, state: str, off: float = 0.0) -> list[Floats]:
        """The tubes of the bar, polylines (n, 3), as it is "open" or "close", turned by `off` radians more."""
        half = self.width_m / 2 + 0.03
        y, z = self.pivot
        arm = self.arm_m
        out, foot = arm + 0.08, -self.drop_m
        tubes: list[list[tuple[float, float, float]]] = [
            [(-half, 0, 0), (-half, arm * 0.8, 0), (-half + 0.12, arm, 0), (half - 0.12, arm, 0), (half, arm * 0.8, 0),
             (half, 0, 0)]]
        for x in self.drops:
            tubes += [[(x, arm, 0), (x, out, foot)], [(x - 0.18, out, foot), (x + 0.18, out, foot)]]
        angle = (self.open if state == "open" else self.close) + off
        # foot rests hang from the arms: they are square to the closed bar's ground, not to its arms
        cos, sin, lean = np.cos(angle), np.sin(angle), self.close
        turned = []
        for tube in tubes:
            x, ahead, up = np.array(tube, np.float64).T
            down = up * np.cos(lean)
            ahead = ahead + up * np.sin(lean)
            turned.append(np.stack([x, y + ahead * cos - down * sin, z + ahead * sin + down * cos], 1))
        return turned

    def seen_bar(self, state: str) -> list[Floats]:
        """The tubes of the bar in pixels, (n, 2) each, in the lift's own viewpoint."""
        return [self.camera.see(tube)[0] for tube in self.bar(state)]


def make_lift(seed: int, number: int) -> Lift:
    """Lift `number` (1 to 20) of a world: its own chair, colours and viewpoint."""
    rng = stream(seed, "lift", number)
    seats = int(rng.choice(SEATS))
    side = rng.choice((-1, 1))
    yaw = side * np.radians(rng.uniform(8, 72))
    pitch = np.radians(rng.uniform(2, 34))
    width = seats * SEAT_M * np.cos(yaw) + 1.0 * abs(np.sin(yaw))
    scale = min(rng.uniform(120, 150) / width, rng.uniform(58, 78))
    camera = Camera(yaw, pitch, np.radians(rng.normal(0, 2.5)), scale,
                    (rng.uniform(88, 112), rng.uniform(92, 132)))
    count = int(rng.choice((0, 0, 1, 2, seats if seats < 5 else seats // 2)))
    half = seats * SEAT_M / 2
    drops = tuple(float(x) for x in (np.arange(count) + 0.5) / max(count, 1) * 2 * half - half)
    grey = rng.uniform(40, 190)
    paint = np.clip(np.stack([grey + rng.normal(0, 25, 3), grey + rng.uniform(-40, 50) + rng.normal(0, 12, 3),
                              rng.uniform(20, 160) + rng.normal(0, 35, 3)]), 0, 255)
    close = np.radians(rng.uniform(-38, -12))
    return Lift(f"S{number}", seats, camera, (rng.uniform(-0.05, 0.12), rng.uniform(0.55, 0.8)),
                rng.uniform(0.55, 0.75), close, close + np.radians(rng.uniform(65, 120)), drops,
                rng.uniform(0.4, 0.7), rng.uniform(1.9, 3.2), str(rng.choice(("stem", "fork", "frame"))), paint)


def as_seen(lift: Lift, rng: np.random.Generator, along: float) -> Lift:
    """The lift as one frame shows it: `along` (-1 to 1) its way through the picture, registered only roughly."""
    camera = lift.camera
    moved = replace(
        camera,
        yaw=camera.yaw + np.radians(0.8) * along + np.radians(rng.normal(0, 0.3)),
        pitch=camera.pitch + np.radians(rng.normal(0, 0.3)),
        roll=camera.roll + np.radians(rng.normal(0, 0.5)),
        scale=camera.scale * (1 + 0.01 * along + rng.normal(0, 0.005)),
        middle=(camera.middle[0] + rng.normal(0, 0.5), camera.middle[1] + rng.normal(0, 0.5)),
    )
    return replace(lift, camera=moved)
