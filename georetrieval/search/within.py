"""Within-key whitening: directions in which pictures of one key differ count for less."""

from __future__ import annotations

import numpy as np

from georetrieval.errors import InputError, UsageError
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.index import Doubles, unit

LEAST = 3
"""A key with fewer pictures says nothing about how they differ."""


def within_key(members: Descriptors, floor: float) -> Doubles:
    """The matrix that a descriptor is multiplied by from the left.

    The covariance of the members of each key around their mean, averaged over the keys (each counts the same), is C;
    the matrix is C^(-1/2), scaled so that its greatest value is 1. Variances are raised by a share of the largest one,
    so that directions in which nothing differs do not count without bounds.

    Parameters
    ----------
    members : descriptors with keys; in the cosine space they are scaled to length 1 first
    floor : share of the largest variance that is added to all, above 0

    Returns
    -------
    (d, d) float64, symmetric.

    Raises
    ------
    InputError
        When no key has `LEAST` members that differ.
    UsageError
        When the floor is not above 0.

    *Source*: Hatch, Kajarekar and Stolcke, Within-class covariance normalization, Interspeech 2006, equations 5 to 8
    (there with a smoothed covariance, and its Cholesky factor in place of the symmetric root).
    """
    if not floor > 0:
        raise UsageError(f"The floor of a whitening is above 0, and is {floor}.")
    known = members.take(members.valid)
    vectors = unit(known.vectors) if known.space is Space.COSINE else known.vectors
    about = np.asarray([f"{scope}\n{key}" for scope, key in zip(known.scopes, known.keys, strict=True)], np.str_)
    spreads = [np.cov(vectors[about == name].astype(np.float64).T) for name in np.unique(about)
               if int((about == name).sum()) >= LEAST]
    values, axes = np.linalg.eigh(np.mean(spreads, axis=0)) if spreads else (np.zeros(1), np.zeros((1, 1)))
    if values[-1] <= 0:
        raise InputError(f"No key has {LEAST} pictures that differ; leave the whitening out.")
    scale = 1 / np.sqrt(np.maximum(values, 0) / values[-1] + floor)
    return np.asarray((axes * (scale / scale.max())) @ axes.T)
