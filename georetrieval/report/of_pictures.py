"""The figures of a run on pictures, in its folder figures/: drawn once, at the end of its evaluation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from georetrieval.files import publish
from georetrieval.recipe.picture_lessons import Shown
from georetrieval.recipe.picture_measuring import Measured, Row
from georetrieval.recipe.picture_pairs import JudgedPairs, regions, shares
from georetrieval.recipe.picture_parts import Question
from georetrieval.recipe.picture_stages import PictureRun
from georetrieval.report.confusion import confusion_matrix, f1_bars
from georetrieval.report.page.of_list import DEPTH, Asked
from georetrieval.report.page.of_pictures import run_report
from georetrieval.report.page.of_run import NAMES
from georetrieval.report.page.words import Words
from georetrieval.report.pairs import Example, chosen_pairs, distance_histogram, example_pairs
from georetrieval.report.pictures import training_curve
from georetrieval.report.planes import mask_plane, planes_of, scope_planes, three_of
from georetrieval.report.spaces import before_and_after
from georetrieval.search.confusion import first_answers
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.prototypes import rows_of

FOLDER = "figures"
TRAINED = "trained"


def draw_pictures(run: PictureRun, measured: Measured, rows: list[Row]) -> None:
    """Draw the figures of a run on pictures.

    Always `training.png`, and in the run's folder the report, `report.html` in English and `rapport.html` in French.
    Of masks `plane-PART.png` (pictures and masks of three scopes) and `masks.png`; of keys
    `confusion-PART.png`, `f1-PART.png` and `space-PART.png`; of pairs `examples-PART.png` and `distances-PART.png`.

    Parameters
    ----------
    measured
        What was measured, with the descriptors and verdicts that were needed for it.
    rows
        The evaluation table.
    """
    folder = run.out / FOLDER
    kind = run.recipe.kind
    for question in run.parts.test:
        if kind == "masks":
            _masks(run, measured, question, folder)
        elif kind == "keys":
            _keys(run, measured, question, folder)
        elif kind == "pairs" and measured.judge is not None:
            _pairs(run, measured.judge.judged[TRAINED, question.part], question.part, folder)
    if kind == "masks":
        masks = measured.descriptors(TRAINED, run.eye(), run.parts.masks)
        known = "" if not run.parts.left_out else "; red: scopes that were left out of training"
        mask_plane(masks, folder / "masks.png", unseen=run.parts.left_out,
                   title=f"The masks of all {len(set(masks.scopes.tolist()))} scopes{known}")
    _training(run, rows, folder)
    _report(run, measured, rows)


def _report(run: PictureRun, measured: Measured, rows: list[Row]) -> None:
    """Publish the report in both languages; of masks and keys with the worst pictures of the first question."""
    answers, k = None, run.recipe.evaluate.k
    if run.recipe.kind in ("masks", "keys") and run.parts.test:
        question = run.parts.test[0]
        asked, rest = (measured.descriptors(TRAINED, run.eye(), side) for side in (question.queries, question.gallery))
        gallery = Gallery.of(rest if run.recipe.kind == "masks" else rows_of(rest, run.recipe.index.rows))
        matches = gallery.search(asked, max(k, min(DEPTH, len(rest))), where=Filter(own_scope=True))
        answers = Asked(matches, question.queries, asked, gallery, Shown.of(run.recipe).crop)
    for language, name in NAMES.items():
        publish(run.out / name, run_report(run.out, Words(language), rows, answers=answers, k=k))


def _masks(run: PictureRun, measured: Measured, question: Question, folder: Path) -> None:
    pictures, masks = (measured.descriptors(TRAINED, run.eye(), side) for side in (question.queries, question.gallery))
    matches = Gallery.of(masks).search(pictures, 1, where=Filter(own_scope=True))
    planes = planes_of(pictures, masks, first_answers(matches, len(pictures)))
    which = "the worst, the middle and the best scope" if len(planes) > 3 else "each scope"
    scope_planes(three_of(planes), folder / f"plane-{_slug(question.part)}.png",
                 title=f"Pictures and the masks of their scope, {question.part}: {which}")


def _keys(run: PictureRun, measured: Measured, question: Question, folder: Path) -> None:
    wanted, kinds = run.recipe.index.rows, run.recipe.evaluate.rows
    rows = wanted if wanted in kinds else kinds[-1]
    part = question.part
    mine = {name: confusion for (name, where, kind), confusion in measured.confusions.items()
            if (where, kind) == (part, rows)}
    confusion = mine[TRAINED]
    right, asked = int(np.trace(confusion.counts)), int(confusion.counts.sum())
    told = f"{part}: {right} of {asked} pictures get the right key\n(per cent of a row; gallery rows: {rows})"
    confusion_matrix(confusion, folder / f"confusion-{_slug(part)}.png", title=told)
    f1_bars(mine, folder / f"f1-{_slug(part)}.png", title=f"F1 of each key, {part} (gallery rows: {rows})")
    pictures = measured.descriptors(TRAINED, run.eye(), question.gallery)
    order = confusion.asked[np.argsort(-confusion.f1, kind="stable")]
    spread = order[np.unique(np.linspace(0, len(order) - 1, 8).round().astype(int))].tolist()
    before_and_after(pictures, rows_of(pictures, "mean"), folder / f"space-{_slug(part)}.png", shown=spread,
                     how=run.recipe.evaluate.projection, seed=run.recipe.seed,
                     title=f"The gallery of {part}; eight keys from the best (left) to the worst recognised")


def _pairs(run: PictureRun, judged: JudgedPairs, part: str, folder: Path) -> None:
    same = judged.pairs.positive
    right = float(((judged.distances <= judged.limit) == same).mean())
    distance_histogram(judged.distances, same, judged.limit, folder / f"distances-{_slug(part)}.png",
                       title=f"{part}: {right:.1%} of {len(same)} pairs are judged rightly")
    rows = chosen_pairs(judged.distances, same, judged.limit, seed=run.recipe.seed)
    net = run.eye()
    looked = "blue and red: where it looked" if net.transformer is not None else "no regions"
    example_pairs(_examples(run, judged, rows), folder / f"examples-{_slug(part)}.png",
                  title=f"{part}: pairs judged rightly and wrongly, drawn by chance ({looked}; dashed: the true box)")


def _examples(run: PictureRun, judged: JudgedPairs, rows: list[int]) -> list[Example]:
    shown, net = Shown.of(run.recipe), run.eye()
    sides = np.stack([judged.pairs.first[rows], judged.pairs.second[rows]], axis=1)
    each, places = np.unique(sides, return_inverse=True)  # a picture may come in several pairs
    listing = judged.listing.take(each)
    pixels = shown.as_seen_by(("r", "g", "b"))(listing).batch(range(len(listing)))
    pictures = np.rint(255 * np.clip(pixels, 0, 1)).astype(np.uint8).transpose(0, 2, 3, 1)
    found = regions(net, listing, shown) if net.transformer is not None else None
    boxes = None if shown.crop else shares(listing)
    return [
        Example((pictures[two[0]], pictures[two[1]]), bool(judged.pairs.positive[row]), float(judged.distances[row]),
                judged.limit, None if found is None else found[two], None if boxes is None else boxes[two])
        for row, two in zip(rows, places.reshape(-1, 2), strict=True)
    ]


def _training(run: PictureRun, rows: list[Row], folder: Path) -> None:
    history = json.loads((run.model / "metrics.json").read_text(encoding="utf-8"))["history"]
    figure = "accuracy" if any(row.get("accuracy") is not None for row in history) else "map_at_5"
    last = {row["part"]: row for row in rows if row["descriptor"] == TRAINED}
    lines = {f"{row['part']}": row[figure] for row in list(last.values())[-1:] if row.get(figure) is not None}
    training_curve(history, folder / "training.png", lines=lines, figure=figure)


def _slug(part: str) -> str:
    """A part's name as a file's."""
    return re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-")

