"""Tables 3 and 4: untrained descriptors under every fusion, normalisation, distance and pooling."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from georetrieval.errors import InputError
from georetrieval.files import publish
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.evaluation import Evaluator, Question, questions
from georetrieval.recipe.grid import combinations_of
from georetrieval.recipe.parts import date_pairs, tiles_of
from georetrieval.recipe.schema import Part, Recipe
from georetrieval.recipe.tables import as_csv, as_markdown
from georetrieval.recipe.untrained import Sight, Untrained

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

Row = dict[str, Any]

NAME = "combinations"
CHOICE = ("block", "bands", "fusion", "normalisation", "distance", "pooling")
LEARNT_ON = "*"
"""Put behind the parts that whitening was learnt on."""


def section(run: Run) -> None:
    """Publish `combinations.csv`, a line per combination, part and pair of dates, and `combinations.md`, the best.

    Every part of the split is asked, département by département. Each picture goes through the trunk once per input.
    Whitening is learnt on the train part, without labels; where there is none, on the gallery that is asked.

    Raises
    ------
    InputError
        When the tiles hold nothing that the recipe asks for.
    """
    recipe, tileset = run.recipe, run.tileset
    asked = recipe.evaluate.combinations
    if asked is None:
        return
    parts = [every for every in _parts(recipe, tileset) if every]
    photo, plan = _held(tileset, [question for every in parts for question in every])
    grid = combinations_of(asked, photo=photo, plan=plan)
    if not grid:
        raise InputError(f"evaluate.combinations asks for what the tiles do not hold: they have "
                         f"{'no photo' if plan else 'no map'}; ask for other bands.")
    untrained = Untrained(recipe, tileset)
    rows: list[Row] = []
    for number, every in enumerate(parts):
        evaluator = Evaluator(tileset, every, recipe.evaluate.k, run.progress)
        if number == 0 and recipe.split.train is not None:
            untrained.learn(evaluator, every, grid)
        for question in every:
            sight = Sight(untrained, evaluator, question)
            rows += [sight.row(combination) for combination in grid]
            run.progress(len(rows), len(grid) * sum(map(len, parts)), "comparing")
    publish(run.out / f"{NAME}.csv", as_csv(rows))
    publish(run.out / f"{NAME}.md", _page(recipe, rows, photo=photo, plan=plan))


def best_per_block(rows: Sequence[Row], k: int) -> list[Row]:
    """The best combination of each block and fusion, by the mean of map@k over the parts; the first of equal ones.

    Parameters
    ----------
    rows
        As in `combinations.csv`.

    Returns
    -------
    One row per block and fusion: what was chosen, map@k of each part (several pairs of dates of one part count by their
    queries) and their plain mean, as in tables 3 and 4. A part that whitening was learnt on has a star at its name.
    """
    whitened = any(row["pooling"] == "gem-pca" for row in rows)
    heads = {part: f"{part}{LEARNT_ON if whitened and part.startswith('train ') else ''}"
             for part in dict.fromkeys(row["part"] for row in rows)}
    lines: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        lines.setdefault(tuple(row[name] for name in CHOICE), []).append(row)
    best: dict[tuple[str, str], Row] = {}
    for choice, some in lines.items():
        means = {head: _mean([row for row in some if row["part"] == part], k) for part, head in heads.items()}
        figures = [value for value in means.values() if value is not None]
        mean = sum(figures) / len(figures) if figures else 0.0
        line = {**dict(zip(CHOICE, choice, strict=True)), "R": some[0]["R"], **means, "mean": mean}
        known = best.get((line["block"], line["fusion"]))
        if known is None or mean > known["mean"]:
            best[line["block"], line["fusion"]] = line
    return [{name: round(v, 4) if isinstance(v, float) else v for name, v in line.items()} for line in best.values()]


def read_rows(folder: Path) -> list[Row]:
    """The rows of a run folder's `combinations.csv`."""
    kinds = {"R": int, "queries": int}
    with (folder / f"{NAME}.csv").open(encoding="utf-8", newline="") as file:
        return [
            {name: kinds[name](value) if name in kinds else _figure(value) if "_at_" in name else value
             for name, value in row.items()}
            for row in csv.DictReader(file)
        ]


def _parts(recipe: Recipe, tileset: TileSet) -> list[list[Question]]:
    """The questions of train, validation and test, as far as there are such parts; the scope is always named."""
    pairs = date_pairs(tileset, recipe.dates)
    parts: dict[str, Part | None] = {
        "train": recipe.split.train, "validation": recipe.split.validation, "test": recipe.split.test}
    return [_questions(tileset, name, part, pairs) for name, part in parts.items() if part is not None]


def _questions(tileset: TileSet, name: str, part: Part, pairs: list[tuple[str, str]]) -> list[Question]:
    scopes = sorted(set(tiles_of(tileset, part)["scope"]))
    return questions(tileset, f"{name} {scopes[0]}" if len(scopes) == 1 else name, part, pairs)


def _held(tileset: TileSet, asked: Sequence[Question]) -> tuple[bool, bool]:
    """Whether all surveys that ask or answer hold a photo, and whether they hold a map."""
    names = frozenset[str]().union(*(question.tile_ids for question in asked))
    rows = tileset.catalogue[tileset.catalogue["tile_id"].isin(names)]
    stored = [set(tileset.bands_of(str(s), str(d))) for s, d in rows[["scope", "date"]].drop_duplicates().to_numpy()]
    return all({"r", "grey"} & have for have in stored), all("classes" in have for have in stored)


def _mean(some: Sequence[Row], k: int) -> float | None:
    """map@k over all queries of some rows."""
    counted = [row for row in some if row[f"map_at_{k}"] is not None]
    queries = sum(row["queries"] for row in counted)
    return sum(row["queries"] * row[f"map_at_{k}"] for row in counted) / queries if queries else None


def _page(recipe: Recipe, rows: Sequence[Row], *, photo: bool, plan: bool) -> bytes:
    """The best rows as a page, with what has to be known to read them."""
    k = recipe.evaluate.k
    best = best_per_block(rows, k)
    count = len({tuple(row[name] for name in CHOICE) for row in rows})
    weights = f"random weights, seed {recipe.seed}" if recipe.eye.weights is None else f"weights: {recipe.eye.weights}"
    said = [f"# {recipe.title or recipe.name}", "", f"map@{k} of the best of {count} untrained combinations in each "
            f"block, chosen by the mean; {recipe.eye.trunk}, {weights}. All rows: {NAME}.csv.", ""]
    notes = [] if photo else ["The tiles hold no photo: rows that need one are left out."]
    notes += [] if plan else ["The tiles hold no map: rows that need one are left out."]
    if any(name.endswith(LEARNT_ON) for name in best[0]):
        notes.append("Columns with a star: the whitening of gem-pca was learnt on these tiles, without labels.")
    elif any(row["pooling"] == "gem-pca" for row in rows):
        notes.append("The whitening of gem-pca was learnt on the gallery, without labels: there is no train part.")
    return "\n".join([*said, as_markdown(best).decode(), *notes]).encode() + b"\n"


def _figure(value: str) -> float | None:
    return float(value) if value else None
