"""The report of a run on pictures: its tables, its figures, and where they come from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from georetrieval import __version__
from georetrieval.errors import InputError, UsageError
from georetrieval.foreign import read_bytes, read_json
from georetrieval.geo.legend import read_yaml
from georetrieval.report.page.album import address
from georetrieval.report.page.of_list import Asked, pictures_context
from georetrieval.report.page.render import WORST, Row, rendered
from georetrieval.report.page.sources import MOST_BYTES
from georetrieval.report.page.words import Words

FIGURES = "figures"
KINDS = ("confusion", "f1", "plane", "masks", "space", "examples", "distances", "training")
"""Figures in the order in which they are shown; `report.of_pictures` draws them."""
BUDGET = 6_000_000
"""Bytes of figures in one report, at most; further ones stay in the folder."""


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a finished run."""
    return (folder / "results.json").is_file() and (folder / "recipe.yaml").is_file()


def run_report(
    folder: Path, words: Words, rows: Sequence[Row] | None = None, *, title: str | None = None,
    answers: Asked | None = None, k: int = 5, worst: int = WORST,
) -> bytes:
    """The report of a run on pictures as HTML.

    Parameters
    ----------
    folder
        Of the run, with recipe.yaml and figures/.
    rows
        The evaluation table; by default the one that the run published.
    answers
        To the first question of the run, where they are at hand: the worst pictures are then shown.

    Raises
    ------
    UsageError
        When it is a run on tiles.
    InputError
        When it is no run, or damaged.
    """
    recipe = read_yaml(folder / "recipe.yaml", "recipe")
    if not isinstance(recipe, dict) or "name" not in recipe:
        raise InputError(f"{folder / 'recipe.yaml'} is not a recipe.")
    if "pictures" not in recipe:
        raise UsageError(f"{folder} is a run on tiles: its own report is {folder / 'report.html'}; for another one ask "
                         "its index: georetrieval report INDEX --tiles TILES --date DATE -o OUT.")
    table, plots = _table(_published(folder) if rows is None else rows), _plots(folder / FIGURES, words)
    context: Row = {"figures": [], "damaged": [], "keys": [], "matrix": None, "chart": "", "sheets": None,
                    "key_name": str, "missed": 0, "chart_counts": [], "tables": []}
    if answers is not None:
        context = pictures_context(answers, words, k=k, worst=worst)
    there = {"summary": True, "keys": plots or context["keys"], "scores": context["chart"],
             "worst": context["sheets"] is not None, "sources": True}
    facts = [("recipe", recipe["name"]), ("seed", recipe.get("seed")), ("software", f"georetrieval {__version__}")]
    return rendered(
        "pictures.html", words, **context | {"tables": [table, *context["tables"]], "lead": words("lead_run")}, k=k,
        title=title or str(recipe.get("title") or recipe["name"]), plots=plots,
        contents=[(id_, words(f"section_{id_}")) for id_, shown in there.items() if shown],
        facts=[(words(f"fact_{name}"), value) for name, value in facts if value is not None],
        licences=[words("licence_made_up" if _made_up(recipe) else "licence_unknown")])


def _published(folder: Path) -> list[Row]:
    value = read_json(folder / "results.json", MOST_BYTES, "the results of a run")
    rows = value.get("rows") if isinstance(value, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{folder / 'results.json'} holds no table of results; run the recipe again.")
    return rows


def _table(rows: Sequence[Row]) -> Row:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    numbers = {name for name in columns if all(isinstance(row.get(name), (int, float, type(None))) for row in rows)}
    return {"title": "", "columns": columns, "numbers": numbers,
            "rows": [{name: row.get(name) for name in columns} for row in rows]}


def _plots(folder: Path, words: Words) -> list[dict[str, Any]]:
    """The figures of a folder as data addresses, with what they show."""
    found, room = [], BUDGET
    for kind in KINDS:
        for path in sorted(folder.glob(f"{kind}*.png")):
            match = re.fullmatch(rf"{kind}(?:-(.+))?", path.stem)
            data = read_bytes(path, MOST_BYTES, "a figure")
            if match and len(data) <= room:
                room -= len(data)
                text = words(f"plot_{kind}", **({"part": match[1]} if match[1] else {}))
                found.append({"picture": address(data, "image/png"), "text": text.removesuffix(", {part}")})
    return found


def _made_up(recipe: dict[str, Any]) -> bool:
    pictures = recipe.get("pictures")
    return isinstance(pictures, dict) and bool(pictures.get("world"))
