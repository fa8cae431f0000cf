"""Cost against size: build time and time per query against the number of rows, the peers on it, log-log.

    python pipelines/bench/cost.py        reads results/search.json and results/build.json, writes
                                          pipelines/figures/cost-against-size.png
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl
import racing

FIGURE = Path(__file__).parents[1] / "figures" / "cost-against-size.png"
OURS = ("#00441b", "#238b45", "#66c2a4", "#08519c")
Lines = dict[str, dict[int, float]]


def lines(stage: str, part: str, scale: float) -> Lines:
    """Of each contender in the races whose title holds `part`: size -> median seconds per unit of work, times scale."""
    found: Lines = defaultdict(dict)
    for race in json.loads((racing.RESULTS / f"{stage}.json").read_text())["races"]:
        size = re.search(r"N = (\d+)", race["title"])
        if size and part in race["title"]:
            for one in race["times"]:
                found[one["name"].partition(", effort")[0]][int(size[1])] = scale * median(one["seconds"]) / one["work"]
    return found


def drawn(axes: Any, found: Lines, title: str, unit: str) -> None:
    """Ours in strong lines, peers in thin ones."""
    names = sorted(found, key=lambda name: (not name.startswith("ours"), name))
    for number, name in enumerate(names):
        mine = name.startswith("ours")
        sizes = sorted(found[name])
        axes.loglog(sizes, [found[name][n] for n in sizes], marker="o", label=name, linewidth=2.5 if mine else 1,
                    linestyle="-" if mine else "--", markersize=5 if mine else 3, zorder=3 if mine else 2,
                    color=OURS[number % len(OURS)] if mine else f"C{number % 10}")
    axes.set(title=title, xlabel="rows", ylabel=unit)
    axes.grid(which="both", alpha=0.25)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.13), ncols=2, frameon=False)


def main() -> None:
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(16, 7), layout="constrained")
    builds = lines("build", "building", 1.0)
    drawn(left, {name: {n: seconds * n for n, seconds in points.items()} for name, points in builds.items()},
          "building", "seconds")
    drawn(middle, lines("search", "single", 1e3), "one query", "milliseconds")
    drawn(right, lines("search", "batch", 1e3), "a query in a batch of 1,000", "milliseconds")
    FIGURE.parent.mkdir(exist_ok=True)
    figure.savefig(FIGURE, dpi=110)
    print(FIGURE)


if __name__ == "__main__":
    main()
