"""Who is in a recording, and how the animals of a flock stand and walk from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from georetrieval.synthetic.chance import Floats, stream
from georetrieval.synthetic.herd_animal import Animal, Pose
from georetrieval.synthetic.herd_ground import SIZE

FLOCK = 14
"""Animals that stand in front of the camera at once, at most."""
PRESENT = 0.65
"""Share of the herd that a recording of the training part shows."""
CLOSE = 0.3
"""Share of the animals that keep close to another one."""


def flocks_of(seed: int, recording: int, animals: int, frames: int, *, whole: bool) -> list[tuple[list[int], int]]:
    """Rows of the animals of each flock, with the number of frames it is seen in (their sum is `frames`).

    `whole` recordings show every animal once. Flocks are larger than `FLOCK` only when there are too few frames.
    """
    rng = stream(seed, "flocks", recording)
    present = rng.permutation(animals)
    if not whole:
        present = present[: max(2, round(PRESENT * animals))]
    count = min(max(1, -(-len(present) // FLOCK)), frames)
    shares = np.diff(np.round(np.linspace(0, frames, count + 1)).astype(int))
    return [(rows.tolist(), int(share)) for rows, share in zip(np.array_split(present, count), shares, strict=True)]


def walk(rng: np.random.Generator, members: list[Animal], frames: int) -> Iterator[list[Pose]]:
    """Poses of the members in one frame after another."""
    wide, high = SIZE
    number = len(members)
    spots = np.stack([rng.uniform(50, wide - 50, number), rng.uniform(50, high - 50, number)], 1)
    heading = rng.uniform(0, 2 * np.pi, number)
    pace = rng.choice((0.0, 4.0, 14.0), number, p=(0.3, 0.4, 0.3))
    spots, heading = _friends(rng, spots, heading, members)
    bend, head = rng.normal(0, 0.3, number), rng.normal(0, 0.3, number)
    for _ in range(frames):
        spots = _apart(spots, heading, members)
        yield [Pose(float(x), float(y), float(turn), float(np.clip(b, -1, 1)), float(np.clip(h, -1, 1)))
               for (x, y), turn, b, h in zip(spots, heading, bend, head, strict=True)]
        heading = heading + rng.normal(0, 0.22, number) * (1 + (pace > 0))
        spots = spots + pace[:, None] * rng.uniform(0, 1.6, (number, 1)) * np.stack(
            [np.cos(heading), np.sin(heading)], 1)
        outside = ((spots < 15) | (spots > np.array(SIZE) - 15)).any(1)
        heading = np.where(outside, np.arctan2(high / 2 - spots[:, 1], wide / 2 - spots[:, 0]), heading)
        bend, head = 0.7 * bend + rng.normal(0, 0.25, number), 0.5 * head + rng.normal(0, 0.4, number)


def _friends(
    rng: np.random.Generator, spots: Floats, heading: Floats, members: list[Animal]
) -> tuple[Floats, Floats]:
    """Bring some animals close to the one before them, side by side."""
    spots, heading = spots.copy(), heading.copy()
    for row in range(1, len(spots)):
        if rng.random() < CLOSE:
            turn = heading[row - 1] + rng.normal(0, 0.25)
            aside = rng.choice((-1, 1)) * members[row].width_px * rng.uniform(0.75, 1.3)
            ahead = rng.normal(0, 0.25) * members[row].length_px
            spots[row] = spots[row - 1] + (ahead * np.cos(turn) - aside * np.sin(turn),
                                           ahead * np.sin(turn) + aside * np.cos(turn))
            heading[row] = turn
    return np.clip(spots, 20, np.array(SIZE) - 20), heading


def _apart(spots: Floats, heading: Floats, members: list[Animal]) -> Floats:
    """Push apart bodies that would stand on each other (three discs each); a little overlap stays."""
    number = len(members)
    length = np.array([animal.length_px for animal in members])
    least = 0.8 * np.mean([animal.width_px for animal in members])
    ahead = np.stack([np.cos(heading), np.sin(heading)], 1)
    places = np.array([-0.3, 0.0, 0.3])[None, :, None] * (ahead * length[:, None])[:, None]
    own = np.repeat(np.arange(number), len(places[0]))
    spots = spots.copy()
    for _ in range(20):
        discs = (spots[:, None] + places).reshape(-1, 2)
        gap = np.hypot(*np.moveaxis(discs[:, None] - discs[None], 2, 0))
        lack = np.where(own[:, None] != own, np.clip(least - gap, 0, None), 0.0)
        lack = lack.reshape(number, 3, number, 3).max((1, 3))
        arrows = spots[:, None] - spots[None]  # between the bodies' middles: crossed bodies come apart too
        far = np.hypot(*np.moveaxis(arrows, 2, 0)) + 1e-6
        spots += (arrows / far[..., None] * lack[..., None] / 2).sum(1)
    return spots
