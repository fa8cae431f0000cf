"""What a score is worth: an index is asked for places that it holds and for places that are taken out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import shapely

from georetrieval.errors import InputError
from georetrieval.files import digest
from georetrieval.geo.tileset import TileSet
from georetrieval.maps import BOUNDS, bounds_of, ground_table
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe.asking import require_tiles
from georetrieval.recipe.build import load_eye
from georetrieval.recipe.canaries import require_eye
from georetrieval.recipe.evaluation import Question, questions
from georetrieval.recipe.parts import date_pairs
from georetrieval.recipe.sight import look
from georetrieval.recipe.sureness import places_of
from georetrieval.search.confidence import DEPTH, Calibration, Mask, Measured, features, fit, without
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.fingerprint import plain
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.index import Doubles, Rows
from georetrieval.search.matches import NO_ROW
from georetrieval.search.store import IndexStore

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

ABSENT = 0.5
"""Share of the places that are taken out of the gallery."""
Rectangles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Trial:
    """What was asked and how it went, for the queries that got an answer.

    Attributes
    ----------
    features : (nq, 4) float64
    right : (nq,) bool, the first answer is the query's place
    absent : (nq,) bool, the query's place was not in the gallery
    """

    features: Doubles
    right: Mask
    absent: Mask

    @classmethod
    def concatenate(cls, trials: Sequence[Trial]) -> Trial:
        """Several trials as one."""
        return cls(np.concatenate([t.features for t in trials]), np.concatenate([t.right for t in trials]),
                   np.concatenate([t.absent for t in trials]))


def touching(bounds: Rectangles, table: pa.Table) -> Rows:
    """(nq, h) int: rows that share any ground with each rectangle, filled up with `NO_ROW`."""
    boxes = shapely.box(*bounds_of(table, np.arange(table.num_rows)).T)
    asked = shapely.box(*bounds.T)
    query, row = shapely.STRtree(boxes).query(asked, predicate="intersects")
    real = shapely.area(shapely.intersection(asked[query], boxes[row])) > 1e-9 * shapely.area(asked[query])
    query, row = query[real], row[real]
    counts = np.bincount(query, minlength=len(bounds))
    out = np.full((len(bounds), max(1, int(counts.max(initial=0)))), NO_ROW, np.int64)
    for i, rows in enumerate(np.split(row[np.argsort(query, kind="stable")], counts.cumsum()[:-1])):
        out[i, :len(rows)] = rows
    return out


def tried(
    queries: Descriptors, bounds: Rectangles, gallery: Gallery, *, absent: float = ABSENT, seed: int = 1
) -> Trial:
    """Ask for every query; a share of them is asked as if the index held nothing of their ground.

    Parameters
    ----------
    bounds : (n, 4) rectangle of each query
    gallery : with bounds among its attributes
    absent : share of the queries whose ground is hidden, 0..1; they are drawn by `seed`
    """
    if gallery.attributes is None:
        raise InputError("A gallery without places cannot be calibrated.")
    hidden = touching(bounds, gallery.attributes)
    chosen = np.zeros(len(queries), np.bool_)
    chosen[np.random.default_rng(seed).permutation(len(queries))[:round(absent * len(queries))]] = True
    hidden[~chosen] = NO_ROW
    matches = gallery.search(queries, DEPTH + hidden.shape[1], where=Filter(exclude_self=True))
    hidden, chosen = hidden[matches.query_rows], chosen[matches.query_rows]
    seen = features(matches, gallery, places_of(gallery.attributes), hidden=hidden)
    left = without(matches, hidden)
    answered = left.found[:, 0]
    return Trial(seen[answered], left.hits[answered, 0], (chosen | (matches.truths == 0))[answered])


def calibrate_index(
    store: IndexStore, tileset: TileSet, *, date: str, scopes: Sequence[str] | None = None, absent: float = ABSENT,
    seed: int = 1, model: str | None = None, progress: Progress = silent,
) -> Calibration:
    """Measure an index with tiles of known place.

    Raises
    ------
    InputError
        When there are too few tiles, or all answers are right, or all wrong.
    MismatchError
        When tiles or model are not the index's.
    """
    require_tiles(store, tileset)
    manifest = store.manifest
    eye = load_eye(model or manifest.model, legend_digest=manifest.legend_digest, px=manifest.px)
    require_eye(store, eye)
    queries = look(tileset, eye, date=date, scopes=scopes, progress=progress)
    trial = tried(queries, _ground(tileset, queries), store.gallery(), absent=absent, seed=seed)
    dates = sorted({str(source.get("date", "")) for source in manifest.sources})
    return _fitted(trial, ", ".join(dict.fromkeys(queries.scopes.tolist())), (date, ", ".join(dates)),
                   manifest.fingerprint_digest, manifest.counts.tiles)


def calibrate_part(run: Run, eye: Embedder) -> Calibration:
    """Measure a trained eye on the validation part of a run, never on what is trained on or tested.

    Raises
    ------
    InputError
        When there is no validation part, or it is too small, or all its answers are right, or all wrong.
    """
    part = run.recipe.split.validation
    if part is None:
        raise InputError("The recipe has no validation part to calibrate on; add split.validation.")
    pairs = date_pairs(run.tileset, run.recipe.dates)
    trials, sizes = [], []
    for number, question in enumerate(questions(run.tileset, "validation", part, pairs)):
        queries, bounds, gallery = sides_of(run.tileset, eye, question, run.progress)
        trials.append(tried(queries, bounds, gallery, seed=run.recipe.seed + number))
        sizes.append(len(gallery.descriptors))
    pair = pairs[0] if len(pairs) == 1 else ("later", "earlier")
    return _fitted(Trial.concatenate(trials), "validation", pair, digest(plain(eye.fingerprint())),
                   round(sum(sizes) / len(sizes)))


def calibrate_run(run: Run, store: IndexStore) -> dict[str, Any]:
    """Calibrate the index of a run where that is possible; the answer says how it was measured, or why it was not."""
    if run.recipe.index.overlap > 0:
        return {"calibration": None, "why": "Rows that overlap need: georetrieval index calibrate."}
    try:
        calibration = calibrate_part(run, run.eye())
    except InputError as error:
        return {"calibration": None, "why": str(error)}
    store.calibrated(calibration)
    return {"calibration": asdict(calibration), "why": ""}


def sides_of(
    tileset: TileSet, eye: Embedder, question: Question, progress: Progress = silent
) -> tuple[Descriptors, Rectangles, Gallery]:
    """What a question asks with, where that lies, and what it looks in, with its rectangles."""
    ids = sorted(question.tile_ids)
    asks, answers = (look(tileset, eye, date=date, tile_ids=ids, progress=progress) for date in question.pair)
    rows = tileset.catalogue.set_index("tile_id").loc[answers.names.tolist()]
    return asks, _ground(tileset, asks), Gallery.of(answers, attributes=ground_table(rows, tileset.grid.crs))


def _ground(tileset: TileSet, tiles: Descriptors) -> Rectangles:
    rows = tileset.catalogue.set_index("tile_id").loc[tiles.names.tolist(), list(BOUNDS)]
    return np.asarray(rows.to_numpy(np.float64))


def _fitted(trial: Trial, part: str, pair: tuple[str, str], fingerprint: str, gallery: int) -> Calibration:
    share = round(float(trial.absent.mean()), 4) if len(trial.absent) else 0.0
    return fit(trial.features, trial.right, Measured(share, part, pair, fingerprint, gallery))
