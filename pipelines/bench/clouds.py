"""Clustered unit vectors, as descriptors lie: every race of search, mining and building runs on these."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

DIM = 256
BLOCK = 65_536
SPREAD = 0.7
"""Of a row around its centre, of which there is one per fifty rows; a query lies so much closer to its row."""
CLOSER = 0.3

Vectors = npt.NDArray[np.float32]


def cloud(
    n: int, queries: int, *, dim: int = DIM, clusters: int | None = None, seed: int = 1
) -> tuple[Vectors, Vectors]:
    """(n, dim) rows and (queries, dim) queries beside rows drawn at random, unit vectors float32."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((clusters or max(1, n // 50), dim), np.float32)
    rows = np.empty((n, dim), np.float32)
    for start in range(0, n, BLOCK):
        some = rows[start:start + BLOCK]
        some[:] = centres[random.integers(0, len(centres), len(some))]
        some += SPREAD * random.standard_normal(some.shape, np.float32)
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    asked = rows[random.choice(n, queries, replace=queries > n)]
    noise = random.standard_normal(asked.shape, np.float32)
    asked = asked + CLOSER * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return rows, (asked / np.linalg.norm(asked, axis=1, keepdims=True)).astype(np.float32)
