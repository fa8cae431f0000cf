"""Chance that can be repeated: named random streams and smooth random fields of the plane."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def stream(seed: int, *names: object) -> np.random.Generator:
    """A random generator that depends on the seed and the names alone, so that one part never disturbs another."""
    text = ":".join(map(str, (seed, *names)))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "little"))


@dataclass(frozen=True)
class SmoothField:
    """A random function of the plane with mean 0 and variance 1: a sum of cosines of about one wavelength.

    Attributes
    ----------
    waves : (k, 2) float64, radians per metre
    phases : (k,) float64
    """

    waves: Floats
    phases: Floats

    @classmethod
    def of(cls, rng: np.random.Generator, wavelength_m: float, count: int = 14) -> SmoothField:
        """Draw a field whose bumps are about half a wavelength wide."""
        length = 2 * np.pi / (wavelength_m * rng.uniform(0.6, 1.8, count))
        angle = rng.uniform(0, 2 * np.pi, count)
        return cls(np.stack([length * np.cos(angle), length * np.sin(angle)], 1), rng.uniform(0, 2 * np.pi, count))

    def __call__(self, x: Any, y: Any) -> Floats:
        """Values at points (x, y) in metres; any shape."""
        total = np.zeros(np.broadcast(x, y).shape)
        for (kx, ky), phase in zip(self.waves, self.phases, strict=True):
            total += np.cos(kx * x + ky * y + phase)
        return np.asarray(total * np.sqrt(2 / len(self.phases)))


@dataclass(frozen=True)
class Drift:
    """A smooth displacement of the plane: `shift_m` is the root mean square length of the arrows in metres."""

    east: SmoothField
    north: SmoothField
    shift_m: float

    @classmethod
    def of(cls, rng: np.random.Generator, shift_m: float, wavelength_m: float) -> Drift:
        """Draw a displacement."""
        return cls(SmoothField.of(rng, wavelength_m), SmoothField.of(rng, wavelength_m), shift_m)

    def __call__(self, points: Floats) -> Floats:
        """Displaced points, (n, 2) -> (n, 2)."""
        x, y = points[:, 0], points[:, 1]
        scale = self.shift_m / np.sqrt(2)
        return np.asarray(points + scale * np.stack([self.east(x, y), self.north(x, y)], 1))
