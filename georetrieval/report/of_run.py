"""The figures of a run: drawn once, at the end of its evaluation."""

from __future__ import annotations

import json

from georetrieval.geo.tileset import TileSet
from georetrieval.recipe import reliability
from georetrieval.recipe.failures import NAME, read_failures
from georetrieval.recipe.stages import Row, Run
from georetrieval.report.failures import failure_bars
from georetrieval.report.page.of_run import write_reports
from georetrieval.report.pictures import contact_sheet, training_curve
from georetrieval.report.reliability import reliability_diagram
from georetrieval.samples.tile_pictures import PHOTO, SEMANTIC, can_show, pictures_of
from georetrieval.search.matches import Matches


def draw(run: Run, matches: Matches, rows: list[Row]) -> None:
    """Draw the figures of a run into its folder.

    Always `queries.png` and the report, `report.html` in English and `rapport.html` in French; `failures.png` and
    `reliability.png` where the recipe asks for them; `training.png` where something was trained.

    Parameters
    ----------
    matches
        Of the trained descriptor (else the last baseline) on the first question of the test part: k answers or more.
    rows
        The evaluation table, whose baselines are drawn beside the training curve.
    """
    sheet, curve = run.out / "queries.png", run.out / "training.png"
    kinds = {"query": PHOTO, "its map": SEMANTIC}
    held = {head: bands for head, bands in kinds.items() if _held(run.tileset, matches, bands)}
    shown = {head: pictures_of(run.tileset, bands) for head, bands in held.items()}
    k = run.recipe.evaluate.k
    contact_sheet(
        matches.first(k), sheet, query_pictures=list(shown.values()), match_picture=next(iter(shown.values())),
        heads=list(shown), title=run.recipe.title, seed=run.recipe.seed,
    )
    write_reports(run, matches, rows)
    if run.recipe.evaluate.failures:
        failure_bars(read_failures(run.out, k), run.out / f"{NAME}.png", k=k, title=run.recipe.title)
    if run.recipe.evaluate.reliability:
        reliability_diagram(run.out / f"{reliability.NAME}.csv", run.out / f"{reliability.NAME}.png",
                            title=run.recipe.title)
    place = ("part", "query", "gallery")
    first = [row for row in rows if all(row[name] == rows[-1][name] for name in place)]
    lines = {f"{row['descriptor']} (test)": row[f"map_at_{k}"] for row in first}
    if run.recipe.learn is None:
        return
    history = json.loads((run.model / "metrics.json").read_text(encoding="utf-8"))["history"]
    training_curve(history, curve, lines=lines)


def _held(tileset: TileSet, matches: Matches, bands: tuple[str, ...]) -> bool:
    """Whether the surveys that ask and answer can be shown in these bands."""
    names = {*matches.query_names.tolist(), *matches.gallery_names.tolist()}
    rows = tileset.catalogue[tileset.catalogue["tile_id"].isin(names)]
    surveys = rows[["scope", "date"]].drop_duplicates().to_numpy()
    return all(can_show(tileset.bands_of(str(scope), str(date)), bands) for scope, date in surveys)
