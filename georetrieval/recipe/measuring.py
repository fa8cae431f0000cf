"""The evaluation stage: the main table, the matches, the figures, and what else the recipe asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from georetrieval.files import publish, publish_json
from georetrieval.maps import write_geopackage
from georetrieval.recipe import combinations, failures, modalities, off_grid, reliability
from georetrieval.recipe.build import baseline_of
from georetrieval.recipe.evaluation import Evaluator, questions
from georetrieval.recipe.parts import date_pairs
from georetrieval.recipe.schema import Part
from georetrieval.recipe.staging import draw_figures
from georetrieval.recipe.tables import as_csv, as_markdown

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

DEPTH = 100
"""Answers per query that the artist is shown: how far down a true place stands is told up to here."""


def measure(run: Run) -> None:
    """Compare all descriptors on the test part; publish the table, the matches and the figures."""
    recipe, tileset = run.recipe, run.tileset
    pairs = date_pairs(tileset, recipe.dates)
    test = questions(tileset, "test", recipe.split.test, pairs)
    whole = questions(tileset, "all", Part(), pairs) if recipe.dates.every_pair else []
    k = recipe.evaluate.k
    evaluator = Evaluator(tileset, [*test, *whole], k, run.progress)
    eyes = {str(name): baseline_of(name, recipe, tileset) for name in recipe.evaluate.baselines}
    rows = [evaluator.row(name, eye, question) for name, eye in eyes.items() for question in [*whole, *test]]
    if recipe.learn is not None:
        eyes["trained"] = run.eye()
        rows += [evaluator.row("trained", eyes["trained"], question) for question in test]
    last = list(eyes)[-1]
    rows += [evaluator.row(last, eyes[last], question, method)
             for method in recipe.evaluate.rerank for question in test]
    both = [{last: eyes[last], str(name): eyes.get(str(name)) or baseline_of(name, recipe, tileset)}
            for name in recipe.evaluate.late_fusion]
    rows += [evaluator.fused(pair, question) for pair in both for question in test]
    matches = evaluator.answer(last, eyes[last], test[0], depth=DEPTH)
    publish(run.out / "results.csv", as_csv(rows))
    publish(run.out / "results.md", as_markdown(rows))
    write_geopackage(run.out / "matches.gpkg", matches.first(k), tileset.catalogue, tileset.grid.crs)
    failures.section(run, evaluator, eyes, test)
    reliability.section(run, eyes[last], test)
    artist = run.draw
    draw_figures(run.out, None if artist is None else lambda: artist(run, matches, rows))
    combinations.section(run)
    modalities.section(run)
    off_grid.section(run, eyes, test)
    publish_json(run.results, {"recipe": recipe.name, "seed": recipe.seed, "k": k, "rows": rows})
