"""Pairs that were judged: examples with the regions that were looked at, and how far apart same and different are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from georetrieval.errors import UsageError
from georetrieval.report.colours import DIFFERENT, RIGHT, SAME, WRONG
from georetrieval.report.pictures import Picture, publish_figure

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
GAP = 0.06
"""Between the two pictures of a pair, as a share of a side."""


@dataclass(frozen=True, eq=False)
class Example:
    """One judged pair.

    Attributes
    ----------
    pictures
        Two `(H, W, 3)` uint8 of one size.
    same
        Whether both show the same.
    distance, limit
        It is called the same when `distance` is within `limit`.
    regions
        `(2, 4, 2)` corners of what was looked at, as shares of the picture; None for an eye without regions.
    boxes
        `(2, 4)` true boxes as shares, NaN where there is none; None without any.
    """

    pictures: tuple[Picture, Picture]
    same: bool
    distance: float
    limit: float
    regions: Doubles | None = None
    boxes: Doubles | None = None

    @property
    def right(self) -> bool:
        """Whether it was judged rightly."""
        return (self.distance <= self.limit) == self.same


def chosen_pairs(distances: Doubles, same: Flags, limit: float, *, each: int = 4, seed: int = 1) -> list[int]:
    """Rows of pairs to show, drawn by chance: `each` that were judged rightly, as many wrongly, half of each the same.

    Fewer where there are not so many.
    """
    random = np.random.default_rng(seed)
    right = (distances <= limit) == same
    rows: list[int] = []
    for good in (True, False):
        for alike in (True, False):
            there = np.flatnonzero((right == good) & (same == alike))
            count = min(len(there), each // 2 if alike else each - each // 2)
            rows += sorted(random.choice(there, size=count, replace=False).tolist())
    return rows


def example_pairs(examples: Sequence[Example], path: Path, *, title: str = "", columns: int = 4) -> None:
    """Draw pairs beside each other: regions in blue where the verdict is right and red where it is wrong, true boxes
    dashed in white.

    Raises
    ------
    UsageError
        When there is none.
    """
    if not examples:
        raise UsageError("There is no pair to draw.")
    lines = [[one for one in examples if one.right == right] for right in (True, False)]
    wide = [line[start : start + columns] for line in lines for start in range(0, len(line), columns)]
    count = max(map(len, wide))
    figure = Figure(figsize=(max(5.0, 2.9 * count), 1.68 * len(wide) + 0.35), layout="constrained", dpi=110)
    axes: Any = figure.subplots(len(wide), count, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for line, shown in zip(axes, wide, strict=True):
        for axis, example in zip(line, shown, strict=False):
            _example(axis, example)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)


def _example(axis: Axes, example: Example) -> None:
    colour = RIGHT if example.right else WRONG
    high, wide = example.pictures[0].shape[:2]
    for place, picture in enumerate(example.pictures):
        left = place * wide * (1 + GAP)
        axis.imshow(picture, extent=(left, left + wide, high, 0), interpolation="nearest")
        patches = []
        if example.boxes is not None and np.isfinite(example.boxes[place]).all():
            x0, y0, x1, y1 = example.boxes[place] * (wide, high, wide, high)
            corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
            corners = np.add(corners, (left, 0))
            patches.append(Polygon(corners, fill=False, edgecolor="white", linestyle="--", linewidth=1.1))
        if example.regions is not None:
            corners = example.regions[place] * (wide, high) + (left, 0)
            patches.append(Polygon(corners, fill=False, edgecolor=colour, linewidth=2))
        for patch in patches:
            axis.add_patch(patch)
            patch.set_clip_path(Rectangle((left, 0), wide, high, transform=axis.transData))
    axis.set(xlim=(0, wide * (2 + GAP)), ylim=(high, 0))
    said = "same" if example.distance <= example.limit else "different"
    true = "same" if example.same else "different"
    told = f"{true}, rightly" if example.right else f"{true}, but called {said}"
    axis.set_title(f"{told}: {example.distance:.2f}", fontsize=9, color=colour, pad=3)


def distance_histogram(distances: Doubles, same: Flags, limit: float, path: Path, *, title: str = "") -> None:
    """Draw how many pairs are how far apart, the same and the different ones, and the distance that divides them.

    Raises
    ------
    UsageError
        When there is no pair.
    """
    if not len(distances):
        raise UsageError("There is no pair to draw.")
    far = float(np.percentile(distances, 99.8)) or 1.0
    edges = np.linspace(0, max(far, limit * 1.05), 61)
    clipped = np.clip(distances, 0, edges[-1])
    figure = Figure(figsize=(6.4, 3.5), layout="constrained", dpi=110)
    axis = figure.subplots()
    for within, colour, hatch in ((True, SAME, ""), (False, DIFFERENT, "///")):
        which, name = same == within, "same" if within else "different"
        found = distances[which]
        good = float(((found <= limit) == within).mean()) if len(found) else 0.0
        axis.hist(clipped[which], edges.tolist(), color=colour, alpha=0.55, hatch=hatch, edgecolor=colour,
                  histtype="stepfilled", linewidth=1.2, label=f"{name}: {len(found)} pairs, {good:.1%} right")
    axis.axvline(limit, color="black", linestyle="--", linewidth=1.3, label=f"limit {limit:.3g}, from validation")
    axis.set(xlabel="distance of the two pictures", ylabel="pairs", xlim=(0, edges[-1]))
    axis.legend(fontsize=8, loc="upper center")
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)
