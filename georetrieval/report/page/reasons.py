"""Why a query was answered wrongly, as far as it shows: a hub, the same landscape, change, a neighbour, a near tie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.recipe.circumstances import class_change, photo_change
from georetrieval.report.page.evaluation import Evaluation
from georetrieval.report.page.hubs import is_hub
from georetrieval.report.page.places import steps_away
from georetrieval.report.page.words import Words

MUCH, MUCH_PHOTO = 0.2, 0.9
"""From here on a place changed much: the last bound of `recipe.circumstances`, of maps and of photographs."""
TIE = 0.01
"""Scores closer than this are a near tie, as a share of the spread of the first answers' scores."""
WEAK = 0.1
"""A true place whose score is among this lowest share of all true places resembles the query but weakly."""
EMPTY = 0.02
"""A tile of whose ground less than this has a class shows next to nothing on its map."""
Doubles = npt.NDArray[np.float64]


class Reasons:
    """Says why some queries were answered wrongly."""

    def __init__(self, evaluation: Evaluation, lines: list[int], words: Words) -> None:
        self._e, self._words = evaluation, words
        self._hubs = is_hub(evaluation)
        first = evaluation.matches.scores[evaluation.matches.found[:, 0], 0]
        self._spread = float(first.max() - first.min()) if len(first) else 0.0
        pairs = {name: evaluation.truth[name] for name in (self._name(line) for line in lines)
                 if evaluation.truth.get(name)}
        self._map, self._photo = self._changes(pairs)

    def of(self, line: int) -> list[str]:
        """Sentences, the surest first."""
        row = int(self._e.matches.rows[line, 0])
        tile, name = self._e.tile_of(row), self._name(line)
        told = [*self._hub(row), *self._nearby(line), *self._tie(line), *self._changed(name), *self._weak(line),
                *self._alike(name, tile)]
        return told or [self._words("why_unknown")]

    def _name(self, line: int) -> str:
        return str(self._e.matches.query_names[line])

    def _hub(self, row: int) -> list[str]:
        if not self._hubs[row]:
            return []
        return [self._words("why_hub", times=int(self._e.counts[row]), k=self._e.k)]

    def _nearby(self, line: int) -> list[str]:
        away = float(steps_away(self._e, np.array([line]))[0])
        return [self._words("why_neighbour")] if away <= 1.01 else []

    def _tie(self, line: int) -> list[str]:
        gap = float(self._e.matches.scores[line, 0]) - float(self._e.true_scores[line])
        return [self._words("why_tie", gap=self._words.decimal(gap, 4))] if gap < TIE * self._spread else []

    def _weak(self, line: int) -> list[str]:
        known = self._e.true_scores[self._e.counted & ~np.isnan(self._e.true_scores)]
        mine = float(self._e.true_scores[line])
        higher = float((known > mine).mean()) if len(known) else 0.0
        return [self._words("why_weak", share=self._words.per_cent(higher, 0))] if higher >= 1 - WEAK else []

    def _changed(self, name: str) -> list[str]:
        told = []
        if self._map.get(name, 0) >= MUCH:
            told.append(self._words("why_change_map", share=self._words.per_cent(self._map[name], 0)))
        if self._photo.get(name, 0) >= MUCH_PHOTO:
            told.append(self._words("why_change_photo", value=self._words.decimal(1 - self._photo[name], 2)))
        return told

    def _alike(self, name: str, tile: str) -> list[str]:
        """What the maps say: next to nothing on it, the answer more alike than the true place, the same landscape."""
        if not self._e.has_classes:
            return []
        shares, told = self._shares(name), []
        if shares.sum() < EMPTY:
            told.append(self._words("why_empty", share=self._words.per_cent(float(shares.sum()))))
        true = self._e.truth.get(name, "")
        if tile and true:
            here, there = (0.5 * np.abs(shares - self._shares(other)).sum() for other in (tile, true))
            if here < there:
                told.append(self._words("why_shares", answer=self._words.per_cent(float(here), 0),
                                        true=self._words.per_cent(float(there), 0)))
        return told + (self._landscapes(name, tile) if tile else [])

    def _landscapes(self, name: str, tile: str) -> list[str]:
        """Two of one kind are easily confused; two of different kinds say that the descriptor is blind to it."""
        here, there = (self._words.known("landscape", value) for value in self._e.landscape([name, tile]))
        if not here or not there:
            return []
        return [self._words("why_landscape", landscape=here) if here == there else
                self._words("why_other_landscape", asked=here, answered=there)]

    def _shares(self, tile: str) -> Doubles:
        columns = [f"share_{key}" for key in self._e.tileset.legend.by_key]
        return np.asarray(self._e.catalogue.loc[tile, columns].to_numpy(np.float64))

    def _changes(self, pairs: dict[str, str]) -> tuple[dict[str, float], dict[str, float]]:
        """How much each place changed, on the map and on the photographs, where both dates have them."""
        tileset = self._e.tileset
        surveys = self._e.catalogue.loc[[*pairs, *pairs.values()], ["scope", "date"]].drop_duplicates().to_numpy()
        bands = [set(tileset.bands_of(str(scope), str(date))) for scope, date in surveys]
        found: list[dict[str, float]] = []
        for wanted, measure in (({"classes"}, class_change), ({"r", "grey"}, photo_change)):
            held: Any = pairs and all(wanted & have for have in bands)
            found.append(dict(zip(pairs, measure(tileset, pairs).tolist(), strict=True)) if held else {})
        return found[0], found[1]
