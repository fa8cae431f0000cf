"""Untrained descriptors of one question: what each combination of inputs, poolings and distances answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from georetrieval.geo.tileset import TileSet
from georetrieval.nets.baselines import POOLED, PooledFeatures, pooled_features
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.build import SEMANTIC, baseline_of
from georetrieval.recipe.evaluation import Evaluator, Question
from georetrieval.recipe.grid import INPUTS, MODALITIES, Combination
from georetrieval.recipe.schema import Recipe
from georetrieval.search.descriptors import Descriptors, Space, Vectors
from georetrieval.search.gallery import Gallery
from georetrieval.search.late_fusion import DEPTH, fuse
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import summary
from georetrieval.search.normalise import normalised
from georetrieval.search.whitening import Whitening

Row = dict[str, Any]
Pair = tuple[Descriptors, Descriptors]
"""Of the queries and of the gallery."""


@dataclass
class Untrained:
    """What all questions share: one eye per input, and one whitening per input where there is a train part."""

    recipe: Recipe
    tileset: TileSet
    whitenings: dict[str, Whitening] = field(default_factory=dict)
    eyes: dict[str, PooledFeatures] = field(default_factory=dict)

    def eye(self, bands: str) -> PooledFeatures:
        """The trunk behind these bands."""
        if bands not in self.eyes:
            legend = self.tileset.legend.digest if SEMANTIC & set(INPUTS[bands]) else ""
            self.eyes[bands] = pooled_features(
                self.recipe.eye.trunk, INPUTS[bands], self.tileset.px, weights=self.recipe.eye.weights,
                seed=self.recipe.seed, legend=legend,
            )
        return self.eyes[bands]

    def learn(self, evaluator: Evaluator, every: Sequence[Question], grid: Sequence[Combination]) -> None:
        """Learn the whitenings on all tiles of the train part, at both dates."""
        for bands in dict.fromkeys(name for row in grid if row.pooling == "gem-pca" for name in _seen(row)):
            eye = self.eye(bands)
            known: dict[str, Vectors] = {}
            for question in every:
                for date in question.pair:
                    some = evaluator.descriptors(bands, eye, question, date)
                    known.update(zip(some.names.tolist(), _part_of(some.vectors, eye, "gem"), strict=True))
            self.whitenings[bands] = self._learnt(np.stack(list(known.values())))

    def whitening(self, bands: str, gallery: Vectors) -> Whitening:
        """That of the train part, or one learnt on the gallery."""
        return self.whitenings.get(bands) or self._learnt(gallery)

    def _learnt(self, vectors: Vectors) -> Whitening:
        asked = self.recipe.evaluate.combinations
        return Whitening.learn(vectors, asked.whitened if asked else vectors.shape[1])


class Sight:
    """One question under every combination; features, lists and matches that several rows need are made once."""

    def __init__(self, untrained: Untrained, evaluator: Evaluator, question: Question) -> None:
        self._untrained = untrained
        self._evaluator = evaluator
        self._question = question
        self._k = untrained.recipe.evaluate.k
        self._pooled: dict[tuple[str, str], Pair] = {}
        self._lists: dict[tuple[str, str, str, str], Matches] = {}

    def row(self, combination: Combination) -> Row:
        """The line of the table."""
        matches, dim = self._matches(combination)
        figures = summary(matches, self._k).as_dict()
        query, gallery = self._question.pair
        names = (f"map_at_{self._k}", "recall_at_1")
        return {
            **asdict(combination), "R": dim, "part": self._question.part, "query": query, "gallery": gallery,
            **{name: None if figures[name] is None else round(figures[name], 4) for name in names},
            "queries": figures["queries"],
        }

    def _matches(self, row: Combination) -> tuple[Matches, int]:
        """The answers, and the length of what was compared (of both descriptors together where there are two)."""
        if row.pooling == "none":
            pair = self._netless(row.block)
            return _compared(pair, row.distance, self._k), pair[0].dim
        if row.fusion == "concatenation":
            pairs = [self._normal(bands, row.pooling, row.normalisation) for bands in _seen(row)]
            pair = _joined([p[0] for p in pairs]), _joined([p[1] for p in pairs])
            return _compared(pair, row.distance, self._k), pair[0].dim
        lists = [self._list(bands, row.pooling, row.normalisation, row.distance) for bands in _seen(row)]
        dim = sum(self._descriptors(bands, row.pooling)[0].dim for bands in _seen(row))
        return fuse(lists, self._k) if row.fusion == "late" else lists[0], dim

    def _list(self, bands: str, pooling: str, how: str, distance: str) -> Matches:
        if distance == "cosine" and how in ("l1", "l2"):
            how = "none"  # the cosine does not see the length of a row
        place = (bands, pooling, how, distance)
        if place not in self._lists:
            self._lists[place] = _compared(self._normal(bands, pooling, how), distance, max(DEPTH, self._k))
        return self._lists[place]

    def _normal(self, bands: str, pooling: str, how: str) -> Pair:
        query, gallery = self._descriptors(bands, pooling)
        one, other = (normalised(some.vectors, how, gallery.vectors) for some in (query, gallery))
        return replace(query, vectors=one), replace(gallery, vectors=other)

    def _descriptors(self, bands: str, pooling: str) -> Pair:
        if (bands, pooling) not in self._pooled:
            eye = self._untrained.eye(bands)
            query, gallery = self._embedded(bands, eye)
            part = pooling.partition("-")[0]
            one, other = (_part_of(some.vectors, eye, part) for some in (query, gallery))
            if pooling == "gem-pca":
                white = self._untrained.whitening(bands, other)
                one, other = white(one), white(other)
            self._pooled[bands, pooling] = replace(query, vectors=one), replace(gallery, vectors=other)
        return self._pooled[bands, pooling]

    def _netless(self, name: str) -> Pair:
        return self._embedded(name, baseline_of(name, self._untrained.recipe, self._untrained.tileset))

    def _embedded(self, name: str, eye: Embedder) -> Pair:
        """Of the same places in the same order, whatever the input: `Evaluator` reads them from the catalogue."""
        query, gallery = (self._evaluator.descriptors(name, eye, self._question, d) for d in self._question.pair)
        return query, gallery


def _seen(row: Combination) -> tuple[str, ...]:
    """The inputs whose features a row needs: the modalities where they are fused after the net."""
    return MODALITIES[row.bands] if row.fusion in ("concatenation", "late") else (row.bands,)


def _part_of(vectors: Vectors, eye: PooledFeatures, pooling: str) -> Vectors:
    start = POOLED.index(pooling) * eye.channels
    return vectors[:, start:start + eye.channels]


def _joined(parts: Sequence[Descriptors]) -> Descriptors:
    return replace(parts[0], vectors=np.concatenate([part.vectors for part in parts], axis=1))


def _compared(pair: Pair, distance: str, k: int) -> Matches:
    query, gallery = (replace(some, space=Space(distance)) for some in pair)
    return Gallery.of(gallery, index="dense").search(query, k)
