"""Confusion between places: where the wrong first answers lie, and which places are taken for each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from georetrieval.report.page.evaluation import Evaluation
from georetrieval.search.confusion import Confusion, first_answers

Row = dict[str, Any]
NEAR, FAR = 4.0, 20.0
"""Bounds of "near by" and "further", in sides of a tile."""
MOST = 12


def between_scopes(evaluation: Evaluation) -> Confusion | None:
    """Counts of first answers by scope; None where all is one scope."""
    matches, counted = evaluation.matches, np.flatnonzero(evaluation.counted & evaluation.matches.found[:, 0])
    said = evaluation.rows["scope"].to_numpy(np.str_)[matches.rows[counted, 0]]
    asked = matches.query_scopes[counted]
    return Confusion.of(asked, said) if len({*asked.tolist(), *said.tolist()}) > 1 else None


def between_landscapes(evaluation: Evaluation) -> Confusion | None:
    """Counts of wrong first answers by landscape, asked and answered; None without maps or misses."""
    lines = evaluation.missed
    tiles = [evaluation.tile_of(int(evaluation.matches.rows[line, 0])) for line in lines]
    if not evaluation.has_classes or not len(lines) or not all(tiles):
        return None
    asked = evaluation.landscape([str(name) for name in evaluation.matches.query_names[lines]])
    said = evaluation.landscape(tiles)
    return Confusion.of(np.asarray(asked), np.asarray(said)) if all([*asked, *said]) else None


def steps_away(evaluation: Evaluation, lines: Any) -> Any:
    """(n,) how far the first answers of some queries lie from the asked tile, in sides of a tile; inf in other scopes.

    The larger of the two distances along the axes: 1 is a neighbour that touches.
    """
    rows = evaluation.matches.rows[lines, 0]
    here, there = evaluation.bounds[lines], evaluation.row_bounds[rows]
    middles = (here[:, :2] + here[:, 2:] - there[:, :2] - there[:, 2:]) / 2
    away = np.abs(middles).max(axis=1) / evaluation.tileset.grid.cell_m
    same = evaluation.rows["scope"].to_numpy(np.str_)[rows] == evaluation.matches.query_scopes[lines]
    return np.where(same, away, np.inf)


def how_far(evaluation: Evaluation) -> list[Row]:
    """Wrong first answers by their distance: kind, limit_m, queries, share."""
    away = steps_away(evaluation, evaluation.missed)
    kinds = ("touching", "near", "further", "far", "elsewhere")
    limits = (1.01, NEAR, FAR, np.finfo(np.float64).max)
    places = np.searchsorted(limits, away, side="left")
    cell = float(evaluation.tileset.grid.cell_m)
    bounds = (None, NEAR * cell, FAR * cell, FAR * cell, None)
    return [{"kind": kind, "limit_m": bound, "queries": int((places == n).sum()),
             "share": float((places == n).mean()) if len(away) else 0.0}
            for n, (kind, bound) in enumerate(zip(kinds, bounds, strict=True))]


def swapped(evaluation: Evaluation) -> tuple[int, list[Row]]:
    """Pairs of places that are each other's first answer: how many, and those with the highest scores."""
    matches = evaluation.matches
    said = first_answers(matches, len(matches) + len(matches.unanswered_names))[matches.query_rows]
    asked = {str(matches.query_keys[line]): int(line) for line in evaluation.missed}
    pairs = list[Row]()
    for key, line in asked.items():
        other = asked.get(str(said[line]))
        if other is not None and str(said[other]) == key and line < other:
            scores = (float(matches.scores[line, 0]), float(matches.scores[other, 0]))
            pairs.append({"one": str(matches.query_names[line]), "other": str(matches.query_names[other]),
                          "scores": scores, "steps": float(steps_away(evaluation, np.array([line]))[0])})
    return len(pairs), sorted(pairs, key=lambda pair: -sum(pair["scores"]))[:MOST]
