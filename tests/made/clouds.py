"""Vectors in clusters, as descriptors lie."""

from __future__ import annotations

import numpy as np

from georetrieval.search.descriptors import Vectors


def cloud(n: int, dim: int, clusters: int, spread: float, seed: int = 0) -> Vectors:
    """(n, dim) unit vectors float32 around `clusters` centres; at a spread of 1 a cluster is as wide as its centre is
    far from 0."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(clusters, dim))
    vectors = np.empty((n, dim), np.float32)
    for start in range(0, n, 65_536):
        count = min(65_536, n - start)
        some = centres[random.integers(0, clusters, count)] + spread * random.normal(size=(count, dim))
        vectors[start:start + count] = some / np.linalg.norm(some, axis=1, keepdims=True)
    return vectors
