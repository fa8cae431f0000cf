"""A figure of where descriptors fail: map@k by landscape and by change, a bar per descriptor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from georetrieval.errors import UsageError
from georetrieval.recipe.failures import TOGETHER, Row
from georetrieval.report.pictures import publish_figure

COLOURS = ("#d7191c", "#abd9e9", "#bdbdbd", "#fdae61", "#2c7bb6")
"""Colour-blind safe; the last descriptor, the trained one, has the last. *Source*: ColorBrewer, RdYlBu and Greys."""
PANELS = {"landscape": "by landscape", "change": "by change between the dates"}


def failure_bars(rows: Sequence[Row], path: Path, *, k: int, title: str = "") -> None:
    """Draw the lines of `recipe.failures` (of all questions together where there are several).

    Parameters
    ----------
    path
        A .png file.

    Raises
    ------
    UsageError
        When there is nothing to draw.
    """
    parts = {str(row["part"]) for row in rows}
    rows = [row for row in rows if row["part"] == TOGETHER] if TOGETHER in parts else list(rows)
    shown = [by for by in ("all", *PANELS) if any(row["by"] == by and row["queries"] for row in rows)]
    if not shown:
        raise UsageError("There is no question to draw failures of.")
    names = list(dict.fromkeys(str(row["descriptor"]) for row in rows))
    counts = [len({row["value"] for row in rows if row["by"] == by}) for by in shown]
    figure = Figure(figsize=(2.2 + 1.25 * sum(counts), 3.4), layout="constrained", dpi=110)
    axes = figure.subplots(1, len(shown), squeeze=False, sharey=True, width_ratios=[n + 0.4 for n in counts])[0]
    for axis, by in zip(axes, shown, strict=True):
        _panel(axis, [row for row in rows if row["by"] == by], names, k)
        axis.set_title(PANELS.get(by, "all queries"), fontsize=9)
    axes[0].set(ylabel=f"map@{k}", ylim=(0, 1))
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(names), fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)


def _panel(axis: Axes, rows: Sequence[Row], names: Sequence[str], k: int) -> None:
    values = list(dict.fromkeys(row["value"] for row in rows))
    width = 0.8 / len(names)
    for place, name in enumerate(names):
        mine: dict[Any, Row] = {row["value"]: row for row in rows if row["descriptor"] == name}
        heights = [mine[value][f"map_at_{k}"] or 0.0 if value in mine else 0.0 for value in values]
        at = [i + (place - (len(names) - 1) / 2) * width for i in range(len(values))]
        axis.bar(at, heights, width, color=COLOURS[(place - len(names)) % len(COLOURS)], label=name)
    queries = {row["value"]: row["queries"] for row in rows}
    axis.set_xticks(range(len(values)), [f"{value}\n{queries[value]}" for value in values], fontsize=8)
    axis.grid(axis="y", linewidth=0.4)
    axis.set_axisbelow(True)
