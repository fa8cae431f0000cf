"""Tables of several runs as one: means and spreads over the seeds."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from georetrieval.recipe.runs import AnyRun

Row = dict[str, Any]
MAIN = "results.csv"
"""The main table, which `summarised` reads."""


def summarised(runs: Sequence[tuple[AnyRun, list[Row]]], figure: str) -> list[Row]:
    """One line per recipe, descriptor and question: mean, spread (largest minus smallest) and each seed's figure.

    The figure is a column of the runs' tables: "map_at_5", "accuracy".

    `minutes` is the mean time of training, of the trained descriptor only. A seed that a line has no figure for is
    None and is not in the mean; `queries` is None when the seeds asked different numbers of them.
    """
    seeds = sorted({run.recipe.seed for run, _ in runs})
    groups: dict[tuple[str, ...], dict[int, tuple[AnyRun, Row]]] = {}
    for run, rows in runs:
        for row in rows:
            about: tuple[str, ...] = (run.recipe.name, row["descriptor"], row["part"], row["query"], row["gallery"])
            groups.setdefault(about, {})[run.recipe.seed] = (run, row)
    lines = []
    for about, found in groups.items():
        scores = {seed: row[figure] for seed, (_, row) in found.items()}
        known = [score for score in scores.values() if score is not None]
        minutes = [spent for run, _ in found.values() if (spent := _minutes(run)) is not None]
        queries = {row["queries"] for _, row in found.values()}
        lines.append({
            **dict(zip(("recipe", "descriptor", "part", "query", "gallery"), about, strict=True)),
            figure: round(fmean(known), 4) if known else None,
            "spread": round(max(known) - min(known), 4) if known else None,
            **{f"seed_{seed}": scores.get(seed) for seed in seeds},
            "queries": queries.pop() if len(queries) == 1 else None,
            "minutes": round(fmean(minutes), 1) if minutes and about[1] == "trained" else None,
        })
    return lines


def over_seeds(folders: Sequence[Path]) -> dict[str, list[Row]]:
    """The further tables that runs of one recipe wrote (`FOLDER/NAME.csv`), each as one table over the runs.

    A column that is the same in all runs stays as it is; a column of numbers that differ becomes their mean, with
    `NAME_spread` (largest minus smallest) after it; any other column that differs is None. A table that is not in
    every run, or has not the same lines and columns in all, is left out.
    """
    names = sorted({path.stem for folder in folders for path in folder.glob("*.csv") if path.name != MAIN})
    found = {name: [_read(folder / f"{name}.csv") for folder in folders] for name in names}
    return {name: _together(tables) for name, tables in found.items() if len({_shape(rows) for rows in tables}) == 1}


def _together(tables: Sequence[list[Row]]) -> list[Row]:
    columns = list(tables[0][0])
    same = {name for name in columns if all(len({row[name] for row in rows}) == 1
                                            for rows in zip(*tables, strict=True))}
    lines = []
    for rows in zip(*tables, strict=True):
        line: Row = {}
        for name in columns:
            if name in same:
                line[name] = rows[0][name]
                continue
            values = [value for row in rows if (value := _number(row[name])) is not None]
            line[name] = round(fmean(values), 4) if values else None
            line[f"{name}_spread"] = round(max(values) - min(values), 4) if values else None
        lines.append(line)
    return lines


def _shape(rows: list[Row]) -> tuple[int, tuple[str, ...]]:
    return len(rows), tuple(rows[0]) if rows else ()


def _read(path: Path) -> list[Row]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _minutes(run: AnyRun) -> float | None:
    if run.recipe.learn is None:
        return None
    spent: float = json.loads((run.model / "metrics.json").read_text(encoding="utf-8"))["minutes"]
    return spent
