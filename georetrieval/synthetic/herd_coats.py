"""Coats of two colours: how dark each place of an animal's back and flanks is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

COAT = (72, 128)
"""Rows (across) and columns (from tail to head) of a coat."""
SPOTS = 8
"""Small spots of the other colour, at most."""
EDGE = 0.06
"""Softness of a patch's edge, in deviations of the field that it is cut from."""


def make_coat(rng: np.random.Generator) -> NDArray[np.float32]:
    """`(72, 128)` shares of the dark colour, 0..1: half of the coats are mixed, a third nearly dark, the rest nearly
    white; patches are large or small, their edges smooth or ragged."""
    size = np.exp(rng.uniform(np.log(5), np.log(17)))
    field = smooth(rng, COAT, (size * rng.uniform(0.7, 1.1), size))
    field += rng.uniform(0.03, 0.4) * smooth(rng, COAT, size / 3) + rng.uniform(0, 0.12) * smooth(rng, COAT, 1.3)
    if rng.random() < 0.5:  # white below
        field -= rng.uniform(0, 1.4) * np.linspace(-1, 1, COAT[0])[:, None] ** 2
    dark = 1 / (1 + np.exp(-np.clip((field - np.quantile(field, 1 - _share(rng))) / EDGE, -30, 30)))
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, SPOTS + 1))):
            dark = _spotted(rng, dark)
    return np.asarray(dark, np.float32)


def smooth(rng: np.random.Generator, shape: tuple[int, int], size: float | tuple[float, float]) -> Any:
    """A random field of mean about 0 and deviation 1 whose bumps are about `size` pixels wide."""
    field = gaussian_filter(rng.normal(size=shape), size, mode="nearest")
    return field / (field.std() + 1e-9)


def _share(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < 0.5:
        return float(rng.uniform(0.25, 0.75))
    return float(rng.uniform(0.75, 0.985) if kind < 0.8 else rng.uniform(0.02, 0.25))


def _spotted(rng: np.random.Generator, dark: Any) -> Any:
    """One oval spot of the other colour."""
    row, column = rng.uniform(8, COAT[0] - 8), rng.uniform(4, COAT[1] - 4)
    radius, turn, long = rng.uniform(1.5, 5), rng.uniform(0, np.pi), rng.uniform(1, 1.8)
    y, x = np.mgrid[: COAT[0], : COAT[1]]
    ahead = (x - column) * np.cos(turn) + (y - row) * np.sin(turn)
    aside = -(x - column) * np.sin(turn) + (y - row) * np.cos(turn)
    spot = 1 / (1 + np.exp(np.clip((np.hypot(ahead / long, aside * long) - radius) / 0.5, -30, 30)))
    return np.where(dark[int(row), int(column)] > 0.5, dark * (1 - spot), 1 - (1 - dark) * (1 - spot))
