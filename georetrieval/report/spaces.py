"""The space of descriptors in three dimensions: every picture, and one mean per key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from georetrieval.errors import UsageError
from georetrieval.report.colours import MARKS, PALE, SETS
from georetrieval.report.pictures import publish_figure
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.projection import Points, Projection, projected

MOST = 4000
"""Pictures that are drawn; more are thinned out evenly."""


def before_and_after(
    pictures: Descriptors, means: Descriptors, path: Path, *, shown: Sequence[str] = (), how: Projection = "pca",
    title: str = "", seed: int = 1,
) -> None:
    """Draw the descriptors of all pictures, and beside them those of their means, in the same three dimensions.

    Parameters
    ----------
    pictures, means
        Of one space.
    shown
        Keys that get a colour and a mark, eight at most; the others are grey. By default the first eight.
    path
        A .png file.

    Raises
    ------
    UsageError
        When there are fewer than two pictures.
    MissingExtraError
        When UMAP is asked for and not installed.
    """
    if len(pictures) < 2:
        raise UsageError(f"A space is drawn of two or more pictures, found {len(pictures)}.")
    if len(pictures) > MOST:
        pictures = pictures.take(np.linspace(0, len(pictures) - 1, MOST).astype(np.int64))
    (dots, middles), kept = projected([pictures, means], 3, how, seed=seed)
    coloured = list(shown or np.unique(pictures.keys))[: len(SETS)]
    figure = Figure(figsize=(9.6, 4.9), layout="constrained", dpi=110)
    axes: Any = figure.subplots(1, 2, subplot_kw={"projection": "3d"})
    _cloud(axes[0], dots, pictures.keys, coloured, size=9)
    _cloud(axes[1], middles, means.keys, coloured, size=60, named=True)
    limits = [(low, high) for low, high in zip(dots.min(axis=0), dots.max(axis=0), strict=True)]
    for axis, what in zip(axes, (f"before: {len(pictures)} pictures", f"after: {len(means)} means"), strict=True):
        axis.set(xlim=limits[0], ylim=limits[1], zlim=limits[2], xticklabels=[], yticklabels=[], zticklabels=[])
        axis.set_box_aspect(None, zoom=1.12)
        axis.view_init(elev=22, azim=-60)
        axis.set_title(what, fontsize=10, y=0.98)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(9, len(labels)), fontsize=8, frameon=False,
                  markerscale=2)
    told = f"three principal components, {kept:.0%} of the variance" if kept is not None else "UMAP"
    figure.suptitle(f"{title}\n{told}" if title else told, fontsize=10)
    publish_figure(figure, path)


def _cloud(
    axis: Any, points: Points, keys: npt.NDArray[np.str_], coloured: Sequence[str], *, size: float, named: bool = False
) -> None:
    others = ~np.isin(keys, list(coloured))
    if others.any():
        axis.scatter(*points[others].T, s=size * 0.5, c=PALE, marker=".", label="others", depthshade=False, alpha=0.5)
    for place, key in enumerate(coloured):
        own = keys == key
        axis.scatter(*points[own].T, s=size, c=SETS[place % len(SETS)], marker=MARKS[place % len(MARKS)],
                     label=str(key), depthshade=False, edgecolors="black" if named else "none", linewidths=0.6)
        if named:
            for point in points[own]:
                axis.text(*point, f"  {key}", fontsize=8)
