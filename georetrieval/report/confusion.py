"""Figures of who is taken for whom: the confusion matrix, and the F1 of each key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from georetrieval.errors import UsageError
from georetrieval.report.colours import PALE, RIGHT, SETS, WRONG
from georetrieval.report.pictures import publish_figure
from georetrieval.search.confusion import Confusion

CELL_IN = 0.27
LEGIBLE = 80
"""With more keys than this the cells are too small for their numbers."""
Doubles = npt.NDArray[np.float64]


def best_first(confusion: Confusion) -> npt.NDArray[np.int64]:
    """Rows of the keys that ask, the best recognised first; those alike in the order of their names."""
    return np.lexsort((np.arange(len(confusion.asked)), -confusion.recall)).astype(np.int64)


def confusion_matrix(confusion: Confusion, path: Path, *, title: str = "") -> None:
    """Draw which key is answered with which: per cent of a row, right ones blue, wrong ones red.

    Keys that ask are sorted, the best recognised first; keys that only answer follow on the right.

    Parameters
    ----------
    path
        A .png file.

    Raises
    ------
    UsageError
        When nothing was asked.
    """
    order = best_first(confusion)
    if not len(order):
        raise UsageError("There is no answer to draw a confusion matrix of.")
    asked, counts = len(order), confusion.counts[order]
    columns = np.concatenate([order, np.arange(asked, len(confusion.answered))])
    shares = counts[:, columns] / counts.sum(axis=1, keepdims=True)
    size = CELL_IN if asked <= LEGIBLE else 12 / asked
    figure = Figure(figsize=(max(4.6, size * len(columns) + 1.6), max(3.6, size * asked + 1.7)), layout="constrained",
                    dpi=110)
    axis = figure.subplots()
    axis.imshow(_coloured(shares), aspect="equal", interpolation="nearest")
    if asked <= LEGIBLE:
        _numbers(axis, shares)
    names = confusion.answered[columns]
    axis.set_xticks(range(len(columns)), [str(name) or "(none)" for name in names], fontsize=7, rotation=90)
    axis.set_yticks(range(asked), [f"{name} ({count})" for name, count in
                                   zip(names[:asked], counts.sum(axis=1), strict=True)], fontsize=7)
    axis.set(xlabel="answered with", ylabel="pictures of (how many)")
    axis.tick_params(length=0)
    axis.set_xticks(np.arange(len(columns) + 1) - 0.5, minor=True)
    axis.set_yticks(np.arange(asked + 1) - 0.5, minor=True)
    axis.grid(which="minor", color="#e6e6e6", linewidth=0.4)
    axis.tick_params(which="minor", length=0)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)


def _coloured(shares: Doubles) -> Doubles:
    """`(a, b, 3)`: white to blue on the diagonal, white to red beside it."""
    right = np.eye(*shares.shape, dtype=np.bool_)[..., None]
    ink = np.where(right, to_rgb(RIGHT), to_rgb(WRONG))
    depth = np.sqrt(shares)[..., None]  # one picture in fifty is still seen
    return np.asarray(1 - depth * (1 - ink))


def _numbers(axis: Axes, shares: Doubles) -> None:
    for row, column in zip(*np.nonzero(shares), strict=True):
        share = shares[row, column]
        dark = share > 0.35
        axis.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6.5,
                  color="white" if dark else "black")


def f1_bars(confusions: Mapping[str, Confusion], path: Path, *, title: str = "") -> None:
    """Draw the F1 of each key: a bar for the last descriptor, the best first, a mark for each other one.

    Parameters
    ----------
    confusions
        By the name of their descriptor, all of the same keys.

    Raises
    ------
    UsageError
        When there is nothing to draw.
    """
    if not confusions or not len(next(iter(confusions.values())).asked):
        raise UsageError("There is no key to draw the F1 of.")
    *others, last = confusions.items()
    order = np.lexsort((np.arange(len(last[1].asked)), -last[1].f1))
    where = np.arange(len(order))
    figure = Figure(figsize=(max(4.6, 1.6 + 0.24 * len(order)), 3.2), layout="constrained", dpi=110)
    axis = figure.subplots()
    axis.bar(where, last[1].f1[order], 0.75, color=RIGHT, label=f"{last[0]}: mean {last[1].f1.mean():.2f}")
    for place, (name, confusion) in enumerate(others):
        axis.plot(where, confusion.f1[order], linestyle="none", marker="_v^sD"[place % 5], markersize=7,
                  markeredgewidth=1.8, color=SETS[1 + place % 2] if name != "untrained" else PALE,
                  label=f"{name}: mean {confusion.f1.mean():.2f}")
    axis.set_xticks(where, last[1].asked[order].tolist(), fontsize=7, rotation=90 if len(order) > 12 else 0)
    axis.set(ylabel="F1", ylim=(0, 1.02), xlim=(-0.6, len(order) - 0.4))
    axis.grid(axis="y", linewidth=0.4)
    axis.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)
