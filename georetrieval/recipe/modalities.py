"""One eye, any modality: how well photo, map and both find photo, map and both."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from georetrieval.files import publish
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.evaluation import Question, questions
from georetrieval.recipe.parts import date_pairs
from georetrieval.recipe.sight import PARTS, Part, bands_for, look, part_of
from georetrieval.recipe.tables import as_csv, as_markdown
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.metrics import summary

if TYPE_CHECKING:
    from georetrieval.geo.tileset import TileSet
    from georetrieval.recipe.stages import Run

Row = dict[str, Any]


def section(run: Run) -> None:
    """Publish `modalities.csv` and `modalities.md`: the trained eye on the test part, each part asking for each.

    Parts that a survey does not have are left out.
    """
    recipe, tileset = run.recipe, run.tileset
    if not recipe.evaluate.modalities or recipe.learn is None:
        return
    test = questions(tileset, "test", recipe.split.test, date_pairs(tileset, recipe.dates))
    eye = run.eye()
    rows = [row for question in test for row in _rows(run, eye, question)]
    publish(run.out / "modalities.csv", as_csv(rows))
    publish(run.out / "modalities.md", as_markdown(rows))


def _rows(run: Run, eye: Embedder, question: Question) -> list[Row]:
    """One row for each part that asks and each that is looked for."""
    query, gallery = (_seen(run, eye, question, date) for date in question.pair)
    k = run.recipe.evaluate.k
    rows = []
    for asking, asked in product(query, gallery):
        figures = summary(Gallery.of(gallery[asked]).search(query[asking], k), k).as_dict()
        rows.append({
            "query_bands": asking, "gallery_bands": asked, "part": question.part, "query": question.pair[0],
            "gallery": question.pair[1],
            **{name: _rounded(figures[name]) for name in (f"map_at_{k}", "recall_at_1", f"recall_at_{k}")},
            "queries": figures["queries"],
        })
    return rows


def _seen(run: Run, eye: Embedder, question: Question, date: str) -> dict[Part, Descriptors]:
    """The tiles of a question at one date, by what is looked at."""
    ids = sorted(question.tile_ids)
    return {part: look(run.tileset, eye, date=date, tile_ids=ids, part=part, progress=run.progress)
            for part in PARTS if _has(run.tileset, eye, question, date, part)}


def _has(tileset: TileSet, eye: Embedder, question: Question, date: str, part: Part) -> bool:
    """Whether the tiles of a question at one date hold all that is to be looked at."""
    rows = tileset.catalogue
    scopes = rows[rows["tile_id"].isin(question.tile_ids) & (rows["date"] == date)]["scope"].unique()
    stored = [tileset.bands_of(str(scope), date) for scope in scopes]
    return all(set(part_of(eye, part)) <= set(bands_for(eye, bands)) for bands in stored)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
