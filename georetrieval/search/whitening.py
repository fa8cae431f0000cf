"""PCA whitening: descriptors without what is common to all, in few dimensions of equal weight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Vectors
from georetrieval.search.normalise import normalised

SMALLEST = 1e-10
"""Directions whose variance is below this share of the greatest are rounding, and are left out."""


@dataclass(frozen=True, eq=False)
class Whitening:
    """Rows scaled to length 1, their mean taken off, turned into principal directions, each divided by its deviation.

    Attributes
    ----------
    mean : (d,) float64
    directions : (d, r) float64
        Principal directions, greatest variance first, each divided by the deviation along it.

    Notes
    -----
    No labels are used: only which pictures were seen, not which belong together.

    *Source*: Jégou and Chum, ECCV 2012 (PCA whitening of descriptors); Radenović, Tolias, Chum, PAMI 2018, section 3.4
    (whitening of GeM descriptors of length 1).
    """

    mean: npt.NDArray[np.float64]
    directions: npt.NDArray[np.float64]

    @property
    def dim(self) -> int:
        """Length r of what comes out."""
        return int(self.directions.shape[1])

    @classmethod
    def learn(cls, vectors: Vectors, dim: int) -> Self:
        """Learn from `(n, d)` descriptors; at most `dim` directions, and never more than vary, n - 1 at most.

        Raises
        ------
        UsageError
            For fewer than two different descriptors, or `dim` < 1.
        """
        rows = _of_length_one(vectors)
        mean = rows.mean(axis=0) if len(rows) else np.zeros(vectors.shape[1])
        rows -= mean
        variances, directions = _principal(rows, max(1, min(dim, len(rows) - 1, rows.shape[1])))
        real = variances > max(SMALLEST * variances.max(initial=0.0), np.finfo(np.float32).eps ** 2)
        if dim < 1 or not real.any():
            raise UsageError(f"Whitening to {dim} dimensions cannot be learnt from {len(rows)} descriptors; give at "
                             "least two different ones and at least one dimension.")
        return cls(mean, directions[:, real] / np.sqrt(variances[real]))

    def __call__(self, vectors: Vectors) -> Vectors:
        """`(n, d)` -> `(n, r)` float32."""
        return np.asarray((_of_length_one(vectors) - self.mean) @ self.directions, dtype=np.float32)


def _of_length_one(vectors: Vectors) -> npt.NDArray[np.float64]:
    return normalised(vectors, "l2", vectors).astype(np.float64)


def _principal(
    rows: npt.NDArray[np.float64], count: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Variances (count,), falling, and directions (d, count) of centred rows, from the smaller of the two products."""
    n, d = rows.shape
    few = n < d
    product = rows @ rows.T if few else rows.T @ rows
    size = len(product)
    if size == 0:
        return np.zeros(0), np.zeros((d, 0))
    values, vectors = eigh(product / n, subset_by_index=(size - min(count, size), size - 1))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    if few:
        turned = rows.T @ vectors
        lengths = np.linalg.norm(turned, axis=0)
        vectors = np.divide(turned, lengths, out=np.zeros_like(turned), where=lengths > 0)
    return values, vectors
