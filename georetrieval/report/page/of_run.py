"""The report of a run's evaluation, in both languages, beside its figures."""

from __future__ import annotations

from typing import Any

from georetrieval.files import publish
from georetrieval.maps import BOUNDS
from georetrieval.recipe.stages import Row, Run
from georetrieval.report.page.evaluation import Evaluation
from georetrieval.report.page.render import report_of
from georetrieval.report.page.sources import about_index
from georetrieval.report.page.words import Words
from georetrieval.search.matches import Matches
from georetrieval.search.store import IndexStore

NAMES = {"en": "report.html", "fr": "rapport.html"}
"""Name of the report in each language."""
PLACE = ("part", "query", "gallery")


def write_reports(run: Run, matches: Matches, rows: list[Row]) -> None:
    """Publish the reports of a run into its folder.

    Parameters
    ----------
    matches
        Of the last descriptor on the first question of the test part.
    rows
        The evaluation table: the other descriptors on that question stand beside.
    """
    evaluation = evaluation_of(run, matches, rows)
    for language, name in NAMES.items():
        publish(run.out / name, report_of(evaluation, Words(language)))


def evaluation_of(run: Run, matches: Matches, rows: list[Row]) -> Evaluation:
    """The first question of the test part as a report reads it."""
    tileset, k = run.tileset, run.recipe.evaluate.k
    places = tileset.catalogue.set_index("tile_id")
    gallery = places.loc[matches.gallery_names.tolist(), ["scope", "date", *BOUNDS]].reset_index(drop=True)
    date = str(places.loc[str(matches.query_names[0]), "date"])
    own = "trained" if run.recipe.learn is not None else str(run.recipe.evaluate.baselines[-1])
    mine = next(row for row in rows if row["descriptor"] == own and row["part"].split()[0] == "test"
                and row["query"] == date)
    beside = [{"descriptor": row["descriptor"], "queries": row["queries"], "map_at_k": row[f"map_at_{k}"],
               "recall_at_1": row["recall_at_1"], "recall_at_k": row[f"recall_at_{k}"]}
              for row in rows if row is not mine and all(row[name] == mine[name] for name in PLACE)]
    scopes = tuple(sorted({*matches.query_scopes.tolist(), *matches.unanswered_scopes.tolist()}))
    return Evaluation(matches, k, gallery, tileset, date, scopes, run.recipe.title, beside, _about(run, own),
                      int(mine["blank_left_out"]))


def _about(run: Run, own: str) -> Row:
    told: dict[str, Any] = {"index": own, "model": own}
    if run.recipe.learn is not None:
        told = about_index(IndexStore.open(run.index).manifest, run.index.name, str(run.model))
    return told | {"recipe": run.recipe.name, "recipe_title": run.recipe.title, "seed": run.recipe.seed}
