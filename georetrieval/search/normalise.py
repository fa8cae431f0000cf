"""Bringing descriptors to one scale before they are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Vectors

Normalisation = Literal["none", "l1", "l2", "mean-std"]
NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)


def normalised(vectors: Vectors, how: str, gallery: Vectors) -> Vectors:
    """Descriptors on one scale.

    Parameters
    ----------
    vectors : (n, d) float32
        Of queries or of the gallery.
    how
        "none"; "l1" and "l2" divide each row by the sum of its absolute values, or by its length; "mean-std" brings
        each dimension to mean 0 and deviation 1.
    gallery : (m, d) float32
        Gives the means and deviations of "mean-std": what is known before anything is asked. A dimension in which
        the gallery does not vary tells nothing and becomes 0.

    Returns
    -------
    (n, d) float32. A row of zeros stays one, but for "mean-std".

    Raises
    ------
    UsageError
        For another word than these four.

    Notes
    -----
    *Source*: papers/002, section 3 ("L1, L2, standardisation et pas de normalisation").
    """
    ways: dict[str, Callable[[], Vectors]] = {
        "none": lambda: vectors, "l1": lambda: _by_row(vectors, 1), "l2": lambda: _by_row(vectors, 2),
        "mean-std": lambda: _by_dimension(vectors, gallery),
    }
    if how not in ways:
        raise UsageError(f"The normalisation {how!r} does not exist; choose {', '.join(NORMALISATIONS)}.")
    return ways[how]()


def _by_row(vectors: Vectors, power: int) -> Vectors:
    wide = vectors.astype(np.float64)
    sizes = np.linalg.norm(wide, ord=power, axis=1, keepdims=True)
    return np.asarray(np.divide(wide, sizes, out=np.zeros_like(wide), where=sizes > 0), dtype=np.float32)


def _by_dimension(vectors: Vectors, gallery: Vectors) -> Vectors:
    known = gallery.astype(np.float64)
    mean, deviation = known.mean(axis=0), known.std(axis=0)
    varies = deviation > np.abs(mean) * np.finfo(np.float32).eps
    wide = vectors.astype(np.float64) - mean
    return np.asarray(np.divide(wide, deviation, out=np.zeros_like(wide), where=varies), dtype=np.float32)
