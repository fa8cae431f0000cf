"""Figures of what was found: queries with their matches, and how training went."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from georetrieval.errors import UsageError
from georetrieval.files import publish
from georetrieval.search.matches import Matches

Picture = npt.NDArray[np.uint8]
TRUE, FALSE, QUERY = "#1a9641", "#d7191c", "#2c7bb6"
"""Colour-blind safe green, red and blue. *Source*: ColorBrewer, diverging RdYlGn and RdYlBu."""


def chosen_queries(matches: Matches, rows: int, seed: int = 1) -> list[int]:
    """Which queries a sheet shows: drawn at random, then put in order of how well they were answered.

    Nothing is picked by hand: what fails with probability p shows as p of the lines.
    """
    count = min(rows, len(matches))
    drawn = np.random.default_rng(seed).choice(len(matches), size=count, replace=False)
    ranks = np.where(matches.hits.any(axis=1), matches.hits.argmax(axis=1), matches.k)
    return [int(q) for q in sorted(drawn, key=lambda q: (ranks[q], q))]


def contact_sheet(
    matches: Matches,
    path: Path,
    *,
    query_pictures: Sequence[Callable[[str], Picture]],
    match_picture: Callable[[str], Picture],
    rows: int = 6,
    seed: int = 1,
    title: str = "",
    heads: Sequence[str] = (),
) -> None:
    """Draw queries (one line each) with their matches, nearest first; true ones green, wrong ones red.

    Parameters
    ----------
    query_pictures
        One function per picture of the query (photo, map): from a query's name to `(H, W, 3)` uint8.
    match_picture
        From a gallery name to `(H, W, 3)` uint8.
    path
        A .png file.

    Raises
    ------
    UsageError
        When there is no answered query to draw.
    """
    queries = chosen_queries(matches, rows, seed)
    if not queries:
        raise UsageError("There is no answered query to draw.")
    columns = len(query_pictures) + matches.k
    figure = Figure(figsize=(1.55 * columns, 1.72 * len(queries) + 0.5), layout="constrained", dpi=110)
    axes = figure.subplots(len(queries), columns, squeeze=False)
    for line, query in zip(axes, queries, strict=True):
        name = str(matches.query_names[query])
        for place, picture in enumerate(query_pictures):
            head = heads[place] if place < len(heads) else "query"
            _frame(line[place], picture(name), QUERY, head)
        _answers(line[len(query_pictures):], matches, query, match_picture)
    figure.suptitle(title, fontsize=10)
    publish_figure(figure, path)


def _answers(axes: Sequence[Axes], matches: Matches, query: int, picture: Callable[[str], Picture]) -> None:
    for rank, axis in enumerate(axes):
        if not matches.found[query, rank]:
            axis.set_axis_off()
            continue
        hit = bool(matches.hits[query, rank])
        name = str(matches.gallery_names[matches.rows[query, rank]])
        _frame(axis, picture(name), TRUE if hit else FALSE, f"{rank + 1}: {matches.scores[query, rank]:.3f}")


def _frame(axis: Axes, picture: Picture, colour: str, text: str) -> None:
    axis.imshow(picture)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title(text, fontsize=8, color=colour, pad=2)
    for side in axis.spines.values():
        side.set(color=colour, linewidth=2.5)


def training_curve(
    history: Sequence[Mapping[str, Any]], path: Path, *, lines: Mapping[str, float] | None = None,
    figure: str = "map_at_5",
) -> None:
    """Draw loss and validation over the epochs; `lines` adds named levels (of the test part) to the second.

    Parameters
    ----------
    history
        Rows with `epoch`, `loss` and, where validated, the column `figure`.
    """
    name = figure.replace("_at_", "@")
    drawn = Figure(figsize=(7, 2.6), layout="constrained", dpi=110)
    left, right = drawn.subplots(1, 2)
    left.plot([r["epoch"] for r in history], [r["loss"] for r in history], color=QUERY, marker=".")
    left.set(xlabel="epoch", ylabel="training loss")
    validated = [r for r in history if r.get(figure) is not None]
    right.plot([r["epoch"] for r in validated], [r[figure] for r in validated], color=TRUE, marker=".")
    for label, level in (lines or {}).items():
        right.axhline(level, linestyle="--", linewidth=1, color="grey")
        right.text(0.99, level, label, fontsize=7, va="top" if level > 0.9 else "bottom", ha="right",
                   transform=right.get_yaxis_transform())
    right.set(xlabel="epoch", ylabel=f"validation {name}", ylim=(0, 1))
    publish_figure(drawn, path)


def publish_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png")
    publish(path, memory.getvalue())
