"""The evaluation of an index for a report: asked once, as `georetrieval evaluate` asks it, only deeper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from georetrieval.errors import InputError
from georetrieval.foreign import read_json
from georetrieval.geo.tileset import TileSet
from georetrieval.maps import BOUNDS
from georetrieval.progress import Progress, silent
from georetrieval.recipe.answering import answered
from georetrieval.recipe.asking import Asker
from georetrieval.recipe.sight import Part, look
from georetrieval.report.page.evaluation import DEPTH, Evaluation
from georetrieval.report.page.sources import MOST_BYTES, about_index, baselines_of
from georetrieval.search.gallery import Filter
from georetrieval.search.metrics import summary
from georetrieval.search.row_source import Store

Row = dict[str, Any]
SHALLOW = 10
"""Answers that are asked for where more would change the first ones (re-ranking) or cost much (rows that overlap)."""


def evaluated(
    store: Store, tileset: TileSet, date: str, *, scopes: Sequence[str] = (), k: int = 5, model: str | None = None,
    part: Part = "both", where: Filter, rerank: str = "none", name: str, title: str, beside: Sequence[Path] = (),
    options: str = "", progress: Progress = silent,
) -> Evaluation:
    """Ask an index with the tiles of a date.

    Parameters
    ----------
    scopes
        Only tiles of these ask; () is all.
    where
        Which rows may answer.
    beside
        JSON files of `georetrieval evaluate`, or results of runs, whose figures stand beside those of the index.

    Raises
    ------
    InputError
        When no tile of the date is left to ask, none shows a place of the index, or a file of `beside` is something
        else.
    MismatchError
        When tiles, model and index do not belong together.
    """
    own = [row for path in beside for row in beside_of(path, k)]
    asker = Asker(store, model=model, tileset=tileset, date=date)
    queries = look(tileset, asker.eye, date=date, scopes=list(scopes) or None, part=part, progress=progress)
    depth = max(k, DEPTH if store.manifest.overlap == 0 and rerank == "none" else SHALLOW)
    answers = answered(asker.store, asker.source, [queries], depth, where=where, rerank=rerank, whole=True)
    matches, manifest = answers.matches, asker.store.manifest
    counted = summary(matches, k)
    if counted.queries == 0:
        raise InputError(f"None of the {len(queries)} tiles of {date} shows a place that another tile of the index "
                         f"{store.path} shows; index another date or département.")
    rows = answers.table.select(["scope", "date", *BOUNDS]).to_pandas()
    about = about_index(manifest, name, asker.model) | {"options": options, "sources": manifest.sources}
    if "run" in about and not options:
        dates = sorted(set(rows["date"].astype(str)))
        own += baselines_of(about["run"], query=date, gallery=", ".join(dates), queries=counted.queries,
                            own=counted.map_at_k, k=k)
    asked = tileset.catalogue[tileset.catalogue["date"] == date]
    asked = asked[asked["scope"].isin(list(scopes))] if scopes else asked
    return Evaluation(matches, k, rows, tileset, date, tuple(sorted(set(asked["scope"].astype(str)))), title, own,
                      about, int((~asked["valid"]).sum()))


def beside_of(path: Path, k: int) -> list[Row]:
    """The figures of another evaluation: what `evaluate --format json` printed, or the results.json of a run.

    Raises
    ------
    InputError
        When the file holds neither, or figures of another k.
    """
    value = read_json(path, MOST_BYTES, "an evaluation")
    lines: Any = value["rows"] if isinstance(value, Mapping) and "rows" in value else [value]
    try:
        return [{"descriptor": str(line.get("descriptor") or Path(str(line["index"])).name),
                 **{name: _share(line[column]) for name, column in (
                     ("map_at_k", f"map_at_{k}"), ("recall_at_1", "recall_at_1"), ("recall_at_k", f"recall_at_{k}"))},
                 "queries": int(line["queries"])} for line in lines]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} holds no evaluation with map@{k}, recall@1 and recall@{k}; make one with: "
                         "georetrieval evaluate INDEX --tiles TILES --date DATE --format json.") from error


def _share(value: Any) -> float:
    number = float(value)
    if not np.isfinite(number) or not 0 <= number <= 1:
        raise ValueError("a share lies between 0 and 1")
    return number
