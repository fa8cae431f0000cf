"""The worst queries as contact sheets: the query, its true place, the first five answers, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from georetrieval.report.page.album import Album
from georetrieval.report.page.evaluation import Evaluation
from georetrieval.report.page.reasons import Reasons
from georetrieval.report.page.words import Words

ANSWERS = 5
"""Answers on a sheet."""


@dataclass(frozen=True)
class Card:
    """One tile of a sheet: its pictures as data addresses ("" where there is none) and what stands below them."""

    name: str
    scope: str
    date: str
    photo: str
    semantic: str
    score: float | None = None
    rank: int = 0
    true: bool = False


@dataclass(frozen=True)
class Sheet:
    """One query.

    Attributes
    ----------
    rank
        Of the true place, 0 when it is not among the answers that were looked at.
    """

    number: int
    query: Card
    truth: Card | None
    answers: tuple[Card, ...]
    rank: int
    depth: int
    true_score: float | None
    landscape: str
    reasons: tuple[str, ...]


def worst_sheets(evaluation: Evaluation, lines: list[int], words: Words, album: Album) -> list[Sheet]:
    """A sheet for each of these queries, numbered from 1."""
    reasons = Reasons(evaluation, lines, words)
    return [_sheet(evaluation, line, number, reasons, album) for number, line in enumerate(lines, 1)]


def _sheet(evaluation: Evaluation, line: int, number: int, reasons: Reasons, album: Album) -> Sheet:
    matches, name = evaluation.matches, str(evaluation.matches.query_names[line])
    answers = [_answer(evaluation, line, place, album) for place in range(min(ANSWERS, matches.k))
               if matches.found[line, place]]
    true = evaluation.truth.get(name, "")
    score = float(evaluation.true_scores[line])
    landscape = evaluation.landscape([name])[0] if evaluation.has_classes else ""
    return Sheet(
        number, _card(evaluation, name, album), _card(evaluation, true, album, true=True) if true else None,
        tuple(answers), int(evaluation.ranks[line]), int(matches.found[line].sum()),
        None if np.isnan(score) else score, landscape, tuple(reasons.of(line)))


def _answer(evaluation: Evaluation, line: int, place: int, album: Album) -> Card:
    row = int(evaluation.matches.rows[line, place])
    tile, about = evaluation.tile_of(row), evaluation.rows.iloc[row]
    return Card(str(evaluation.matches.gallery_names[row]), str(about["scope"]), str(about["date"]), album.photo(tile),
                album.semantic(tile), float(evaluation.matches.scores[line, place]), place + 1,
                bool(evaluation.matches.hits[line, place]))


def _card(evaluation: Evaluation, tile: str, album: Album, **more: Any) -> Card:
    row = evaluation.catalogue.loc[tile]
    return Card(tile, str(row["scope"]), str(row["date"]), album.photo(tile), album.semantic(tile), **more)
