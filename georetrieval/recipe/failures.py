"""Where a descriptor fails: by landscape, by what changed between the dates, and by hubs in the gallery."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from georetrieval.files import publish, remove_file
from georetrieval.geo.tileset import TileSet
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.circumstances import Groups, groups_of
from georetrieval.recipe.evaluation import Evaluator, Question
from georetrieval.recipe.tables import as_csv, as_markdown
from georetrieval.search.hubness import hubness
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import average_precisions

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

Row = dict[str, Any]
NAME = "failures"
TOGETHER = "together"
"""Part of the lines that hold all questions of a descriptor."""


def section(run: Run, evaluator: Evaluator, eyes: Mapping[str, Embedder], asked: Sequence[Question]) -> None:
    """Publish `failures.csv`, one line per descriptor, question and group, and `failures.md`, descriptors side by side.

    Columns: descriptor, part, query, gallery, by (all, landscape, change, hubness), value (the group, or the name of
    the figure), queries, map_at_k, figure (of hubness; `search.hubness` says what they are). Groups without a query
    have a line too. With several questions the lines of the part "together" hold the mean over all their queries.
    """
    if not run.recipe.evaluate.failures:
        for suffix in ("csv", "md", "png"):
            remove_file(run.out / f"{NAME}.{suffix}")  # of an evaluation that asked for them
        return
    k = run.recipe.evaluate.k
    groups = [groups_of(run.tileset, true_tiles(run.tileset, question)) for question in asked]
    rows: list[Row] = []
    for name, eye in eyes.items():
        mine = [
            {"descriptor": name, "part": question.part, "query": question.pair[0], "gallery": question.pair[1], **line}
            for question, sorted_ in zip(asked, groups, strict=True)
            for line in failure_lines(evaluator.answer(name, eye, question), sorted_, k)
        ]
        rows += mine + (together(mine, k) if len(asked) > 1 else [])
    publish(run.out / f"{NAME}.csv", as_csv(rows))
    publish(run.out / f"{NAME}.md", as_markdown(abreast(rows, k)))


def read_failures(folder: Path, k: int) -> list[Row]:
    """The lines that `section` published in a run's folder."""
    with (folder / f"{NAME}.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "queries": int(row["queries"]),
                 **{name: float(row[name]) if row[name] else None for name in (f"map_at_{k}", "figure")}}
                for row in csv.DictReader(file)]


def true_tiles(tileset: TileSet, question: Question) -> dict[str, str]:
    """Tile id of each query of a question -> tile id of the same place at the date of its gallery."""
    rows = tileset.catalogue[tileset.catalogue["tile_id"].isin(question.tile_ids)]
    query, gallery = (rows[rows["date"] == date].set_index("key")["tile_id"].to_dict() for date in question.pair)
    return {str(tile): str(gallery[key]) for key, tile in query.items()}


def true_tiles_in(matches: Matches, tileset: TileSet) -> dict[str, str]:
    """Tile id of each query that counts -> tile id of another gallery row of its place; "" when the tiles lack it."""
    known = set(tileset.catalogue["tile_id"])
    held: dict[str, list[str]] = {}
    for name, key in zip(matches.gallery_names.tolist(), matches.gallery_keys.tolist(), strict=True):
        held.setdefault(key, []).append(name)
    counted = np.flatnonzero(matches.truths > 0)
    asked = [(str(matches.query_names[row]), str(matches.query_keys[row])) for row in counted]
    return {query: next((name for name in held.get(key, ()) if name != query and name in known), "")
            for query, key in asked}


def failure_lines(matches: Matches, groups: Sequence[Groups], k: int) -> list[Row]:
    """map@k of all queries and of each group, then the figures of hubness: by, value, queries, map_at_k, figure.

    Only queries that count are counted: with a descriptor that means something and a true answer in the gallery.
    """
    scores, counts = average_precisions(matches, k), matches.truths > 0
    names = [str(name) for name in matches.query_names]

    def line(by: str, value: str, which: Any) -> Row:
        mine = scores[which & counts]
        score = round(float(mine.mean()), 4) if len(mine) else None
        return {"by": by, "value": value, "queries": len(mine), f"map_at_{k}": score, "figure": None}

    lines = [line("all", "all", np.ones(len(matches), bool))]
    for group in groups:
        mine = np.array([group.of.get(name, "") for name in names], np.str_)
        lines += [line(group.by, value, mine == value) for value in group.values]
    found = hubness(matches, k)
    figures = {"skewness": found.skewness, "never answered": found.never_answered, "largest count": found.largest}
    for value, figure in figures.items():
        known = None if figure != figure else round(figure, 4)
        lines.append({"by": "hubness", "value": value, "queries": len(matches), f"map_at_{k}": None, "figure": known})
    return lines


def together(rows: Sequence[Row], k: int) -> list[Row]:
    """The lines of several questions of one descriptor as one: means over all queries; hubness is of one gallery."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["by"] != "hubness":
            groups.setdefault((row["by"], row["value"]), []).append(row)
    lines = []
    for (by, value), some in groups.items():
        queries = sum(row["queries"] for row in some)
        total = sum(row["queries"] * row[f"map_at_{k}"] for row in some if row["queries"])
        lines.append({"descriptor": some[0]["descriptor"], "part": TOGETHER, "query": "", "gallery": "", "by": by,
                      "value": value, "queries": queries, f"map_at_{k}": round(total / queries, 4) if queries else None,
                      "figure": None})
    return lines


def abreast(rows: Sequence[Row], k: int) -> list[Row]:
    """One line per question and group with a column per descriptor: its map@k, or its figure."""
    names = list(dict.fromkeys(row["descriptor"] for row in rows))
    about = ("part", "query", "gallery", "by", "value")
    lines: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        place = {name: row[name] for name in about}
        line = lines.setdefault(tuple(place.values()), {**place, "queries": row["queries"], **dict.fromkeys(names)})
        line[row["descriptor"]] = row["figure"] if row["by"] == "hubness" else row[f"map_at_{k}"]
    return list(lines.values())
