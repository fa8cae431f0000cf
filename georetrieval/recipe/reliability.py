"""Whether a confidence keeps its word: the test part is asked while half of its places are not in the gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from georetrieval.errors import InputError
from georetrieval.files import publish
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.calibrating import ABSENT, Trial, sides_of, tried
from georetrieval.recipe.evaluation import Question
from georetrieval.recipe.tables import as_csv, as_markdown
from georetrieval.search.confidence import BINS, Mask, calibration_error
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.index import Doubles
from georetrieval.search.store import IndexStore

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

NAME = "reliability"
LIMITS = (0.5, 0.8, 0.9, 0.95)
"""Values of --min-confidence that the table is about."""
Row = dict[str, Any]


def section(run: Run, eye: Embedder, asked: list[Question]) -> None:
    """Publish `reliability.csv` and `reliability.md`: the index's calibration, held against the test part.

    Raises
    ------
    InputError
        When the index of the run is not calibrated; its `calibration.json` says why.
    """
    if not run.recipe.evaluate.reliability:
        return
    calibration = IndexStore.open(run.index).manifest.calibration
    if calibration is None:
        raise InputError(f"The index {run.index} is not calibrated, {run.out / 'calibration.json'} says why; leave "
                         "out evaluate.reliability, or give the recipe a larger validation part.")
    trial = Trial.concatenate([
        _half_there(run, eye, question, run.recipe.seed + number) for number, question in enumerate(asked)])
    rows = lines_of(calibration.of(trial.features), trial.right, trial.absent)
    publish(run.out / f"{NAME}.csv", as_csv(rows))
    publish(run.out / f"{NAME}.md", as_markdown(rows))


def lines_of(confidence: Doubles, right: Mask, absent: Mask) -> list[Row]:
    """The table: ten lines of equal steps of confidence, one of all queries, and one per limit.

    In a line "at least", share_right is of the queries that are answered, share_answered of all of them, and
    absent_answered the share of the queries without a true answer that were answered all the same. The figure of the
    line "all" is the expected calibration error.
    """
    which = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    rows = [_line("bin", i / BINS, (i + 1) / BINS, confidence, right, absent, which == i) for i in range(BINS)]
    everything = _line("all", 0.0, 1.0, confidence, right, absent, np.ones(len(right), np.bool_))
    rows.append(everything | {"calibration_error": round(calibration_error(confidence, right), 4)})
    return rows + [_line("at least", limit, 1.0, confidence, right, absent, confidence >= limit) for limit in LIMITS]


def _line(kind: str, low: float, high: float, confidence: Doubles, right: Mask, absent: Mask, some: Mask) -> Row:
    return {
        "kind": kind, "from": low, "to": high, "queries": int(some.sum()), "mean_confidence": _share(confidence[some]),
        "share_right": _share(right[some]), "share_answered": _share(some), "absent_answered": _share(some[absent]),
        "calibration_error": None,
    }


def _share(values: Doubles | Mask) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _half_there(run: Run, eye: Embedder, question: Question, seed: int) -> Trial:
    """The trial of one question with half of its places really out of the gallery, drawn by the seed."""
    queries, bounds, gallery = sides_of(run.tileset, eye, question, run.progress)
    return tried(queries, bounds, half_of(gallery, seed), absent=0.0)


def half_of(gallery: Gallery, seed: int) -> Gallery:
    """A gallery without the rows of half of its keys."""
    rows: Descriptors = gallery.descriptors
    keys = np.unique(rows.keys)
    gone = np.random.default_rng(seed).permutation(keys)[:round(ABSENT * len(keys))]
    kept = ~np.isin(rows.keys, gone)
    table = None if gallery.attributes is None else gallery.attributes.filter(pa.array(kept))
    return Gallery.of(rows.take(kept), attributes=table)
