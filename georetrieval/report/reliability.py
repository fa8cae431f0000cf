"""The reliability diagram: how often answers are right, by how sure they are said to be."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from matplotlib.figure import Figure

from georetrieval.files import publish
from georetrieval.report.pictures import FALSE, QUERY, TRUE


def reliability_diagram(table: Path, path: Path, *, title: str = "") -> None:
    """Draw `reliability.csv`: share right by confidence beside the diagonal, and what each limit lets through.

    Parameters
    ----------
    table
        As `recipe.reliability` publishes it.
    path
        A .png file.

    *Source*: DeGroot and Fienberg, The comparison and evaluation of forecasters, 1983.
    """
    with table.open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    bins = [row for row in rows if row["kind"] == "bin" and int(row["queries"])]
    limits = [row for row in rows if row["kind"] == "at least"]
    error = next(row["calibration_error"] for row in rows if row["kind"] == "all")
    figure = Figure(figsize=(8.4, 3.9), layout="constrained", dpi=110)
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    left.plot([float(r["mean_confidence"]) for r in bins], [float(r["share_right"]) for r in bins], color=QUERY,
              marker="o")
    for row in bins:
        place = float(row["mean_confidence"]), float(row["share_right"])
        left.annotate(row["queries"], place, xytext=(5, -9), textcoords="offset points", fontsize=7)
    left.set(xlabel="confidence", ylabel="share of right answers", xlim=(-0.02, 1.05), ylim=(-0.05, 1.05))
    left.set_title(f"queries per bin; expected calibration error {float(error):.3f}", fontsize=9)
    curves = (("share_right", TRUE, "right, of the answered"), ("share_answered", QUERY, "answered, of all"),
              ("absent_answered", FALSE, "answered, of the places not there"))
    where = range(len(limits))
    for name, colour, label in curves:
        seen = [float(row[name]) if row[name] else float("nan") for row in limits]
        right.plot(where, seen, color=colour, marker="o", label=label)
    right.set(xlabel="--min-confidence", ylim=(-0.05, 1.05))
    right.set_xticks(list(where), [row["from"] for row in limits])
    right.legend(fontsize=8, loc="upper left", bbox_to_anchor=(0, 0.92))
    figure.suptitle(title, fontsize=10)
    memory = io.BytesIO()
    figure.savefig(memory, format="png")
    publish(path, memory.getvalue())
