"""The figures of a run: drawn once, at the end of its evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pandas as pd

from georetrieval.geo.tileset import TileSet
from georetrieval.recipe import reliability
from georetrieval.recipe.failures import NAME, read_failures
from georetrieval.recipe.stages import Row, Run
from georetrieval.report.failures import failure_bars
from georetrieval.report.pictures import Picture, contact_sheet, training_curve
from georetrieval.report.reliability import reliability_diagram
from georetrieval.samples.bands import derive
from georetrieval.search.matches import Matches

PHOTO = ("r", "g", "b")
SEMANTIC = ("sr", "sg", "sb")


def draw(run: Run, matches: Matches, rows: list[Row]) -> None:
    """Draw the figures of a run into its folder.

    Always `queries.png`; `failures.png` and `reliability.png` where the recipe asks for them; `training.png` where
    something was trained.

    Parameters
    ----------
    matches
        Of the trained descriptor (else the last baseline) on the first question of the test part.
    rows
        The evaluation table, whose baselines are drawn beside the training curve.
    """
    sheet, curve = run.out / "queries.png", run.out / "training.png"
    kinds = {"query": PHOTO, "its map": SEMANTIC}
    held = {head: bands for head, bands in kinds.items() if _held(run.tileset, matches, bands)}
    shown = {head: pictures_of(run.tileset, bands) for head, bands in held.items()}
    contact_sheet(
        matches, sheet, query_pictures=list(shown.values()), match_picture=next(iter(shown.values())),
        heads=list(shown), title=run.recipe.title, seed=run.recipe.seed,
    )
    k = run.recipe.evaluate.k
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
    stored = [set(tileset.bands_of(str(s), str(d))) for s, d in rows[["scope", "date"]].drop_duplicates().to_numpy()]
    wanted = {"classes"} if bands == SEMANTIC else {"r", "grey"}
    return all(wanted & have for have in stored)


def pictures_of(tileset: TileSet, bands: tuple[str, ...]) -> Callable[[str], Picture]:
    """A function from a tile id to its picture `(px, px, 3)` uint8 in these three bands."""
    catalogue: pd.DataFrame = tileset.catalogue
    places = catalogue.groupby(["scope", "date"]).cumcount()
    where = {str(t): (str(s), str(d), int(p)) for t, s, d, p in
             zip(catalogue["tile_id"], catalogue["scope"], catalogue["date"], places, strict=True)}
    palette = tileset.legend.palette()

    def picture(name: str) -> Picture:
        scope, date, row = where[name]
        stored = np.asarray(tileset.pixels(scope, date)[row : row + 1])
        pixels = derive(stored, tileset.bands_of(scope, date), bands, palette)[0]
        return np.asarray((pixels * 255).round().astype(np.uint8).transpose(1, 2, 0))

    return picture
