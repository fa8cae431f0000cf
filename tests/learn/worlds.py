"""Tiny made-up places at two dates: a coloured pattern, seen again with other light and noise."""

from __future__ import annotations

import numpy as np

from georetrieval.samples.arrays import ArraySamples

BANDS = ("r", "g", "b")


def two_dates(count: int, *, px: int = 32, seed: int = 0, scopes: int = 1) -> tuple[ArraySamples, ArraySamples]:
    """Queries and gallery, row by row the same places."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 3, 4, 4))
    plain = coarse.repeat(px // 4, axis=2).repeat(px // 4, axis=3)
    sides = []
    for light in (1.0, 0.7):
        noisy = plain * light + random.normal(0, 12, plain.shape)
        sides.append(np.clip(noisy, 0, 255).astype(np.uint8))
    keys = [f"p{n}" for n in range(count)]
    names = [f"s{n % scopes}" for n in range(count)]
    older, newer = (ArraySamples(side, BANDS, keys=keys, scopes=names) for side in sides)
    return newer, older
