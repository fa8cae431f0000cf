"""The evaluation of a recipe of pictures: one line per descriptor, part and kind of gallery rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from georetrieval.embedding import embed
from georetrieval.files import publish, publish_json
from georetrieval.learn.region_lessons import overlaps
from georetrieval.nets.baselines import HogEmbedder
from georetrieval.nets.classifier import Classifier
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.models import WEIGHTS
from georetrieval.recipe.picture_lessons import Shown
from georetrieval.recipe.picture_pairs import PairJudge
from georetrieval.recipe.picture_parts import Question
from georetrieval.recipe.staging import draw_figures
from georetrieval.recipe.tables import as_csv, as_markdown
from georetrieval.samples.listing import Listing
from georetrieval.samples.regions import regions_of
from georetrieval.search.confusion import Confusion, first_answers
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.metrics import summary
from georetrieval.search.outliers import auroc, threshold
from georetrieval.search.prototypes import rows_of
from georetrieval.search.store import IndexStore
from georetrieval.search.verdicts import nearest_distances, own_and_other

if TYPE_CHECKING:
    from georetrieval.recipe.picture_stages import PictureRun

Row = dict[str, Any]
MEAN = "mean of scopes"
"""Part of the line that is the mean over the scopes of a part."""


def measure(run: PictureRun) -> None:
    """Measure everything that the recipe asks for; publish the table, and the wide one for people."""
    recipe = run.recipe
    measured = Measured(run)
    rows: list[Row] = []
    if recipe.kind == "pairs":
        measured.judge = PairJudge(run, measured.eyes())
        rows = measured.judge.rows()
    else:
        for name, eye in measured.eyes().items():
            for question in run.parts.test:
                rows += measured.rows(name, eye, question)
    publish(run.out / "results.csv", as_csv(rows))
    publish(run.out / "results.md", as_markdown(side_by_side(rows)))
    keys = measured.keys()
    if keys:
        publish(run.out / "keys.csv", as_csv(keys))
    artist = run.draw
    draw_figures(run.out, None if artist is None else lambda: artist(run, measured, rows))
    publish_json(run.results, {"recipe": recipe.name, "seed": recipe.seed, "k": recipe.evaluate.k, "rows": rows,
                               **({"keys": keys} if keys else {})})


def calibrate(run: PictureRun, validation: Question, rows: str) -> None:
    """Set the index's distance of the unknown on the validation part.

    Its queries are asked twice: with their key in the gallery, and without it, as strangers would.
    """
    measured, eye = Measured(run), run.eye().for_inference()
    asked = measured.descriptors("trained", eye, validation.queries)
    gallery = Gallery.of(rows_of(measured.descriptors("trained", eye, validation.gallery), rows))
    known, strange = own_and_other(asked, gallery)
    if len(known):
        store = IndexStore.open(run.index)
        made = store.manifest.pictures
        assert made is not None
        store.with_changes({"pictures": made.model_copy(update={"unknown": threshold(known, strange)})})


class Measured:
    """Answers the questions of a run with several eyes; a list is embedded once per eye.

    Attributes
    ----------
    confusions
        By descriptor, part and kind of gallery rows: who was taken for whom, where keys were asked for.
    judge
        Of pairs; None of everything else.
    """

    def __init__(self, run: PictureRun) -> None:
        self.run = run
        self.confusions: dict[tuple[str, str, str], Confusion] = {}
        self.judge: PairJudge | None = None
        self.shown = Shown.of(run.recipe)
        self._seen: dict[tuple[str, tuple[str, ...]], Descriptors] = {}

    def eyes(self) -> dict[str, Embedder]:
        """Baselines, the classifier where there is one, and the trained eye last."""
        run = self.run
        eyes: dict[str, Embedder] = {}
        for name in run.recipe.evaluate.baselines:
            eyes[str(name)] = HogEmbedder() if name == "hog" else run.untrained().for_inference()
        if run.recipe.classifier is not None:
            eyes["classifier"] = Classifier.load(run.classifier / WEIGHTS)
        eyes |= {name: Classifier.load(folder / WEIGHTS) for name, folder in run.others.items()}
        eyes["trained"] = run.eye() if run.recipe.kind == "classes" else run.eye().for_inference()
        return eyes

    def rows(self, name: str, eye: Embedder, question: Question) -> list[Row]:
        """The lines of one eye and one question."""
        if isinstance(eye, Classifier):
            return self._of_classes(name, eye, question)
        if self.run.recipe.kind == "classes":
            return []  # a plain eye has no classes to answer with
        if self.run.recipe.kind == "regions":
            return self._of_regions(name, question) if name == "trained" else []
        if self.run.recipe.kind == "masks":
            return self._of_masks(name, eye, question)
        return [self._of_keys(name, eye, question, rows) for rows in self.run.recipe.evaluate.rows]

    def _of_masks(self, name: str, eye: Embedder, question: Question) -> list[Row]:
        """The nearer of the own masks: accuracy of each scope, and their mean."""
        asked, masks = self.descriptors(name, eye, question.queries), self.descriptors(name, eye, question.gallery)
        matches = Gallery.of(masks).search(asked, 1, where=Filter(own_scope=True))
        right = np.zeros(len(asked), np.bool_)  # a descriptor that means nothing is a wrong answer
        right[matches.query_rows] = matches.hits[:, 0]
        return _by_scope(name, question, right, "masks")

    def _of_classes(self, name: str, eye: Classifier, question: Question) -> list[Row]:
        """The largest logit."""
        found = embed(self.shown.as_seen_by(tuple(eye.bands))(question.queries), eye, progress=self.run.progress)
        right = eye.judged(found.vectors).classes == question.queries.keys
        return _by_scope(name, question, right, "classes")

    def _of_regions(self, name: str, question: Question) -> list[Row]:
        """Mean overlap of the regions with the true ones."""
        regions = regions_of(question.queries, self.shown.px)
        found = overlaps(self.run.eye(), self.shown(question.queries), regions, self.shown.px)
        return [_line(name, question.part, "regions", float(found.mean()), len(found))]

    def _of_keys(self, name: str, eye: Embedder, question: Question, rows: str) -> Row:
        """map@k and rank 1 among gallery rows of a kind, and how well strangers are told from those that are known."""
        k = self.run.recipe.evaluate.k
        asked = self.descriptors(name, eye, question.queries)
        gallery = Gallery.of(rows_of(self.descriptors(name, eye, question.gallery), rows))
        matches = gallery.search(asked, k, where=Filter(own_scope=True))
        figures = summary(matches, k).as_dict()
        confusion = Confusion.of(asked.keys, first_answers(matches, len(asked)))
        self.confusions[name, question.part, rows] = confusion
        apart = None
        if question.strangers is not None:
            strange = self.descriptors(name, eye, question.strangers)
            apart = auroc(nearest_distances(asked, gallery)[0], nearest_distances(strange, gallery)[0])
        return {
            "descriptor": name, "part": question.part, "query": "images", "gallery": rows,
            "accuracy": _rounded(figures["recall_at_1"]), f"map_at_{k}": _rounded(figures[f"map_at_{k}"]),
            "f1": _rounded(float(confusion.f1.mean())),
            "auroc_unknown": _rounded(apart), "rows": len(gallery.descriptors), "queries": figures["queries"],
        }

    def keys(self) -> list[Row]:
        """Precision, recall and F1 of each key, of every descriptor, part and kind of gallery rows."""
        return [{"descriptor": name, "part": part, "gallery": rows} | line
                for (name, part, rows), confusion in self.confusions.items() for line in confusion.rows()]

    def descriptors(self, name: str, eye: Embedder, listing: Listing) -> Descriptors:
        """Of a list, embedded once per eye."""
        place = (name, tuple(listing.names))
        if place not in self._seen:
            samples = self.shown.as_seen_by(tuple(eye.bands))(listing)
            self._seen[place] = embed(samples, eye, progress=self.run.progress)
        return self._seen[place]


def _by_scope(name: str, question: Question, right: np.ndarray[Any, np.dtype[np.bool_]], gallery: str) -> list[Row]:
    """One line per scope, then their mean (one line only where there is one scope)."""
    scopes = question.queries.scopes
    lines: list[Row] = []
    for scope in np.unique(scopes):
        own = right[scopes == scope]
        part = f"{question.part}: {scope}" if scope else question.part
        lines.append(_line(name, part, gallery, float(own.mean()), len(own)))
    if len(lines) > 1:
        mean = float(np.mean([line["accuracy"] for line in lines]))
        lines.append(_line(name, f"{question.part}: {MEAN}", gallery, mean, len(right)))
    return lines


def _line(name: str, part: str, gallery: str, accuracy: float, queries: int) -> Row:
    return {"descriptor": name, "part": part, "query": "images", "gallery": gallery,
            "accuracy": round(accuracy, 4), "queries": queries}


def side_by_side(rows: list[Row]) -> list[Row]:
    """Where there are scopes, one line per part with the accuracy of every descriptor; else the rows."""
    if not any(row["part"].endswith(MEAN) for row in rows):
        return rows
    names = list(dict.fromkeys(row["descriptor"] for row in rows))
    lines: dict[str, Row] = {}
    for row in rows:
        line = lines.setdefault(row["part"], {"part": row["part"], **dict.fromkeys(names), "queries": row["queries"]})
        line[row["descriptor"]] = row["accuracy"]
    return list(lines.values())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
