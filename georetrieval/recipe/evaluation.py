"""The evaluation table: every descriptor on the same queries and the same gallery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe.parts import DatePair, tiles_of
from georetrieval.recipe.schema import Part
from georetrieval.recipe.sight import look
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.late_fusion import DEPTH, fuse
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import summary
from georetrieval.search.rerank import CANDIDATES, RERANKERS

Row = dict[str, Any]


@dataclass(frozen=True)
class Question:
    """One comparison: the tiles of a part at one date looked for among those of another date.

    Attributes
    ----------
    part
        Name in the table ("test").
    tile_ids
        Tiles of the part, all dates.
    pair
        (query date, gallery date).
    blank
        Cells of the part that were left out because they are blank, or missing, at one of the two dates.
    """

    part: str
    tile_ids: frozenset[str]
    pair: DatePair
    blank: int


def questions(
    tileset: TileSet, name: str, part: Part, pairs: list[DatePair], frame: TileSet | None = None
) -> list[Question]:
    """One question per scope and pair of dates: the cells of the part that are valid at both dates.

    Cells that are blank at either date are neither asked nor indexed; `blank` counts them. A pair of dates without a
    common valid cell gives no question. Scopes never mix; where there are several, their name follows the part's.
    """
    rows = tiles_of(tileset, part, frame)
    asked = []
    scopes = sorted(set(rows["scope"]))
    for scope, (query, gallery) in product(scopes, pairs):
        here = rows[rows["date"].isin([query, gallery]) & (rows["scope"] == scope)]
        valid = here.groupby("key")["valid"].sum() == 2
        good = here[here["key"].map(valid).astype(bool)]
        if len(good):
            blank = int((~valid).sum())
            part_name = name if len(scopes) == 1 else f"{name} {scope}"
            asked.append(Question(part_name, frozenset(good["tile_id"]), (query, gallery), blank))
    return asked


class Evaluator:
    """Answers questions with eyes; a tile is embedded once per eye, however many questions it is in."""

    def __init__(self, tileset: TileSet, asked: Sequence[Question], k: int, progress: Progress = silent) -> None:
        self._tileset = tileset
        self._k = k
        self._progress = progress
        self._seen: dict[tuple[str, str], Descriptors] = {}
        self._wanted: dict[str, set[str]] = {}
        for question in asked:
            for date in question.pair:
                self._wanted.setdefault(date, set()).update(question.tile_ids)

    def answer(
        self, name: str, eye: Embedder, question: Question, rerank: str | None = None, depth: int = 0
    ) -> Matches:
        """The matches of one eye to one question, re-ranked by the method of that name; k answers, or `depth` if more.
        """
        query, gallery = (self.descriptors(name, eye, question, date) for date in question.pair)
        rows = Gallery.of(gallery)
        k = max(self._k, depth)
        if rerank is None:
            return rows.search(query, k)
        return RERANKERS[rerank](query, rows, rows.search(query, max(k, CANDIDATES))).first(k)

    def row(self, name: str, eye: Embedder, question: Question, rerank: str | None = None) -> Row:
        """The table line of one eye and one question; a re-ranked one is called "trained + k-reciprocal"."""
        told = f"{name} + {rerank}" if rerank else name
        return self._line(told, question, self.answer(name, eye, question, rerank))

    def fused(self, eyes: Mapping[str, Embedder], question: Question) -> Row:
        """The table line of the lists of several eyes put together, "trained + hog" (`search.late_fusion`)."""
        lists = []
        for name, eye in eyes.items():
            query, gallery = (self.descriptors(name, eye, question, date) for date in question.pair)
            lists.append(Gallery.of(gallery).search(query, max(self._k, DEPTH)))
        return self._line(" + ".join(eyes), question, fuse(lists, self._k))

    def _line(self, told: str, question: Question, matches: Matches) -> Row:
        figures = summary(matches, self._k).as_dict()
        query, gallery = question.pair
        return {
            "descriptor": told,
            "part": question.part, "query": query, "gallery": gallery,
            f"map_at_{self._k}": _rounded(figures[f"map_at_{self._k}"]),
            "recall_at_1": _rounded(figures["recall_at_1"]),
            f"recall_at_{self._k}": _rounded(figures[f"recall_at_{self._k}"]),
            "queries": figures["queries"], "blank_left_out": question.blank,
        }

    def descriptors(self, name: str, eye: Embedder, question: Question, date: str) -> Descriptors:
        """The descriptors of a question's tiles at one date, in the order of the catalogue."""
        if (name, date) not in self._seen:
            ids = sorted(self._wanted[date])
            self._seen[name, date] = look(self._tileset, eye, date=date, tile_ids=ids, progress=self._progress)
        known = self._seen[name, date]
        rows = [row for row, tile in enumerate(known.names) if str(tile) in question.tile_ids]
        if not rows:
            raise InputError(f"No tile of {date} is left to compare in the {question.part} part.")
        return known.take(rows)


def side_by_side(rows: Sequence[Row], k: int) -> list[Row]:
    """One line per question with the map@k of every descriptor: the table for people when there are many questions."""
    lines: dict[tuple[str, str, str], Row] = {}
    names = list(dict.fromkeys(row["descriptor"] for row in rows))
    for row in rows:
        place = (row["part"], row["query"], row["gallery"])
        about = {name: row[name] for name in ("part", "query", "gallery", "queries", "blank_left_out")}
        line = lines.setdefault(place, {**about, **dict.fromkeys(names)})
        line[row["descriptor"]] = row[f"map_at_{k}"]
    return list(lines.values())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
