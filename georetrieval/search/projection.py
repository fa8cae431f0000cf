"""Descriptors in two or three dimensions, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from georetrieval.errors import MissingExtraError
from georetrieval.search.descriptors import Descriptors, Space

Points = npt.NDArray[np.float64]
Projection = Literal["pca", "umap"]
NEIGHBOURS = 15
"""Of UMAP. *Source*: McInnes, Healy and Melville, UMAP, 2018; the default of umap-learn."""


def require_umap() -> Any:
    """The module umap; `MissingExtraError` without it."""
    try:
        import umap
    except ImportError as error:
        raise MissingExtraError("Drawing the space by UMAP needs umap-learn; pip install 'georetrieval[umap]', or set "
                                "evaluate.projection to pca.") from error
    return umap


def projected(
    parts: Sequence[Descriptors], dims: int, how: Projection = "pca", *, seed: int = 1
) -> tuple[list[Points], float | None]:
    """Several descriptors of one space in few dimensions, fitted to all of them together.

    Parameters
    ----------
    parts
        Vectors of the cosine space are brought to length 1 first.
    dims
        2 or 3; vectors that are shorter get zeros.
    how
        "pca": principal components, linear, the same each time; "umap": neighbours stay neighbours, distances and
        axes mean nothing.

    Returns
    -------
    `(n, dims)` float64 per part, and the share of the variance that is kept, 0..1 (None for UMAP).

    Raises
    ------
    MissingExtraError
        When UMAP is asked for and not installed.
    """
    whole = np.concatenate([_straight(part) for part in parts])
    if how == "umap" and len(whole) > NEIGHBOURS:
        fitted = require_umap().UMAP(n_components=dims, n_neighbors=NEIGHBOURS, random_state=seed, n_jobs=1)
        points, kept = np.asarray(fitted.fit_transform(whole), dtype=np.float64), None
    else:
        points, kept = principal(whole, dims)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return list(np.split(points, ends)), kept


def principal(vectors: npt.NDArray[Any], dims: int) -> tuple[Points, float]:
    """`(n, d)` -> `(n, dims)` along the directions of largest variance, and the share of it that they hold.

    A direction points to where its largest entry is positive, so that pictures do not flip from run to run.
    """
    centred = np.asarray(vectors, dtype=np.float64) - np.mean(vectors, axis=0, dtype=np.float64)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:dims]
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    points = np.zeros((len(centred), dims))
    points[:, : len(axes)] = centred @ (axes * signs[:, None]).T
    total = float((lengths**2).sum())
    return points, float((lengths[:dims] ** 2).sum() / total) if total else 1.0


def across(vectors: npt.NDArray[Any], first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Points:
    """`(n, d)` in the plane of two points: x from the one (-1) to the other (1), y where the rest varies most.

    What is nearer to `first` has x < 0, what is nearer to `second` x > 0, in any number of dimensions; y is in the
    same units.
    """
    middle, half = (np.asarray(first, float) + second) / 2, (np.asarray(second, float) - first) / 2
    length = float(np.linalg.norm(half)) or 1.0
    centred = np.asarray(vectors, dtype=np.float64) - middle
    along = centred @ half / length
    rest = centred - along[:, None] * half / length
    return np.stack([along, principal(rest, 1)[0][:, 0]], axis=1) / length


def _straight(part: Descriptors) -> npt.NDArray[np.float64]:
    vectors = np.where(part.valid[:, None], part.vectors, 0).astype(np.float64)
    if part.space is Space.EUCLIDEAN:
        return vectors
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12))
