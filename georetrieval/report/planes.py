"""Pictures and masks in one plane: those of some scopes, and the masks of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from georetrieval.errors import UsageError
from georetrieval.report.colours import MARKS, PALE, SETS, WRONG
from georetrieval.report.pictures import publish_figure
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.projection import Points, across, projected

MOST = 600
"""Pictures that are drawn of a scope; more are thinned out evenly."""


@dataclass(frozen=True, eq=False)
class Plane:
    """One scope: its pictures, its masks, and the share of its pictures that were answered rightly, 0..1."""

    name: str
    pictures: Descriptors
    masks: Descriptors
    right: float


def planes_of(pictures: Descriptors, masks: Descriptors, answers: npt.NDArray[np.str_]) -> list[Plane]:
    """One plane per scope that has masks, the worst answered first; `answers` are `(n,)` keys."""
    planes = []
    for scope in np.unique(pictures.scopes):
        own, marks = pictures.scopes == scope, masks.scopes == scope
        if marks.any():
            right = float((answers[own] == pictures.keys[own]).mean())
            planes.append(Plane(str(scope), pictures.take(own), masks.take(marks), right))
    return sorted(planes, key=lambda plane: (plane.right, plane.name))


def three_of(planes: Sequence[Plane]) -> list[Plane]:
    """The worst, the one in the middle and the best; all of them where there are no more than three."""
    if len(planes) <= 3:
        return list(planes)
    return [planes[0], planes[len(planes) // 2], planes[-1]]


def scope_planes(planes: Sequence[Plane], path: Path, *, title: str = "") -> None:
    """Draw pictures and masks of some scopes, a panel each: which mask is nearer is the answer.

    Where a scope has two masks the boundary between their answers is drawn. In a space of two dimensions that is the
    space itself; in a larger one x leads from one mask to the other, so that the boundary stays true.

    Raises
    ------
    UsageError
        When there is nothing to draw.
    """
    if not planes:
        raise UsageError("There is no scope with pictures and masks to draw.")
    figure = Figure(figsize=(4.1 * len(planes), 4.3), layout="constrained", dpi=110)
    keys = sorted({key for plane in planes for key in plane.masks.keys.tolist()})
    for axis, plane in zip(figure.subplots(1, len(planes), squeeze=False)[0], planes, strict=True):
        _plane(axis, plane, keys)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=9, frameon=False)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)


def _plane(axis: Axes, plane: Plane, keys: Sequence[str]) -> None:
    pictures, masks = plane.pictures, plane.masks
    if len(pictures) > MOST:
        pictures = pictures.take(np.linspace(0, len(pictures) - 1, MOST).astype(np.int64))
    dots, marks = _places(pictures, masks)
    for key in keys:
        colour, mark = SETS[keys.index(key) % len(SETS)], MARKS[keys.index(key) % len(MARKS)]
        own = pictures.keys == key
        axis.scatter(dots[own, 0], dots[own, 1], s=14, c=colour, marker=mark, alpha=0.55, linewidths=0, label=key)
    for place, key in zip(marks, masks.keys.tolist(), strict=True):
        colour, mark = SETS[keys.index(key) % len(SETS)], MARKS[keys.index(key) % len(MARKS)]
        axis.scatter(place[0], place[1], s=230, c=colour, marker=mark, edgecolors="black", linewidths=1.8, zorder=3)
    _frame(axis, np.concatenate([dots, marks]))
    if len(marks) == 2:
        middle, along = marks.mean(axis=0), marks[1] - marks[0]
        axis.axline(middle, middle + np.array([-along[1], along[0]]), color="black", linestyle="--", linewidth=1,
                    label="as far from both")
    axis.scatter([], [], s=150, c="white", edgecolors="black", linewidths=1.8, label="large: its mask")
    axis.set_title(f"{plane.name}: {plane.right:.1%} of {len(plane.pictures)} right", fontsize=9)
    axis.tick_params(labelsize=7)


def _places(pictures: Descriptors, masks: Descriptors) -> tuple[Points, Points]:
    if pictures.dim == 2:
        return pictures.vectors.astype(np.float64), masks.vectors.astype(np.float64)
    if len(masks) != 2:
        (dots, marks), _ = projected([pictures, masks], 2)
        return dots, marks
    points = across(np.concatenate([pictures.vectors, masks.vectors]), *masks.vectors)
    return points[: len(pictures)], points[len(pictures):]


def _frame(axis: Axes, points: Points) -> None:
    """Equal units; a few points far away do not shrink the others to nothing."""
    low, high = np.percentile(points[:-2], 0.5, axis=0), np.percentile(points[:-2], 99.5, axis=0)
    low, high = np.minimum(low, points[-2:].min(axis=0)), np.maximum(high, points[-2:].max(axis=0))
    side = float((high - low).max()) * 1.12 or 1.0
    middle = (low + high) / 2
    axis.set(xlim=(middle[0] - side / 2, middle[0] + side / 2), ylim=(middle[1] - side / 2, middle[1] + side / 2))
    axis.set_aspect("equal")


def mask_plane(masks: Descriptors, path: Path, *, title: str = "", unseen: Sequence[str] = ()) -> None:
    """Draw the masks of all scopes in one plane, those of one scope tied together.

    Names of scopes are shortened by what they all begin with.

    Parameters
    ----------
    unseen
        Scopes that were left out of training; their names are set in red.

    Raises
    ------
    UsageError
        When there is no mask.
    """
    if not len(masks):
        raise UsageError("There is no mask to draw.")
    if masks.dim == 2:
        points, told = masks.vectors.astype(np.float64), ""
    else:
        (points,), kept = projected([masks], 2)
        told = f"two principal components, {kept:.0%} of the variance"
    figure = Figure(figsize=(6.2, 5.6), layout="constrained", dpi=110)
    axis = figure.subplots()
    scopes = np.unique(masks.scopes).tolist()
    common = next((n for n, letters in enumerate(zip(*scopes, strict=False)) if len(set(letters)) > 1), 0)
    for scope in scopes:
        own = points[masks.scopes == scope]
        axis.plot(*own.T, color=PALE, linewidth=0.8, zorder=1)
        for place in own:
            axis.annotate(scope[common:], place, xytext=(6, 3), textcoords="offset points", fontsize=7, zorder=4,
                          color=WRONG if scope in unseen else "black")
    for place, key in enumerate(np.unique(masks.keys)):
        own = points[masks.keys == key]
        axis.scatter(own[:, 0], own[:, 1], s=70, c=SETS[place % len(SETS)], marker=MARKS[place % len(MARKS)],
                     edgecolors="black", linewidths=0.8, label=f"{key}: {len(own)} masks", zorder=3)
    axis.set_aspect("equal", adjustable="datalim")
    axis.tick_params(labelsize=7)
    axis.set_xlabel(told, fontsize=8)
    figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)
