"""What a training is taught: batches, their pixels, and how well it is known. The loop asks nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from georetrieval.embedding import embed
from georetrieval.learn.mining import HardPairs, PairSampler, answers, hard_pairs
from georetrieval.learn.relations import Pairs, Relations
from georetrieval.learn.settings import MiningSettings
from georetrieval.learn.sides import Sides
from georetrieval.learn.validation import matches_between
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.progress import Progress
from georetrieval.samples.augment import Augment
from georetrieval.samples.sample import SampleSet
from georetrieval.search.metrics import map_at_k, recall_at_k

SidePair = tuple[SampleSet, SampleSet]


@dataclass(frozen=True)
class Scores:
    """How good an eye is on validation, each 0..1 or None where it was not measured.

    Attributes
    ----------
    map_at_5, recall_at_1
        Of queries against a gallery.
    accuracy
        Of verdicts: same or different, which class.
    """

    map_at_5: float | None = None
    recall_at_1: float | None = None
    accuracy: float | None = None

    @property
    def value(self) -> float | None:
        """What the best epoch is chosen by."""
        return self.map_at_5 if self.accuracy is None else self.accuracy


class Lessons(Protocol):
    """The data of a training. The same arguments always give the same batches and pixels."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Of the pixels."""
        ...

    @property
    def of_maps(self) -> bool:
        """Whether the pixels are maps of the eye's trunk, see `KeptMaps`."""
        ...

    @property
    def spread(self) -> float:
        """Rates are divided by it: 1, or of kept maps their mean squared distance from their mean."""
        ...

    @property
    def mining(self) -> MiningSettings | None:
        """How often `mine` is asked; None never."""
        ...

    def steps(self, hard: HardPairs | None) -> int:
        """Batches in one epoch."""
        ...

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Any]:
        """The batches of an epoch, as `Relations`."""
        ...

    def pixels(self, relations: Any, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        """`(m, C, H, W)` float32 of the rows that `relations.in_batch()` counts."""
        ...

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:
        """How good the eye is on what it is not taught."""
        ...

    def mine(self, eye: DescriptorNet, progress: Progress) -> HardPairs:
        """What the eye gets wrong of what it is taught."""
        ...

    def identity(self) -> Any:
        """Plain JSON values that are other ones when the data are."""
        ...


class SideLessons:
    """Two dates of the same places, in pairs.

    Parameters
    ----------
    pairs, validation
        (queries, gallery), matched by key; places on one side only are left out of training.
    batch
        Pairs in one batch.
    negatives
        True: half of the pairs are negative; False: positive pairs only.
    """

    of_maps, spread = False, 1.0

    def __init__(
        self, pairs: SidePair, validation: SidePair | None, *, batch: int, mining: MiningSettings | None,
        negatives: bool,
    ) -> None:
        self.sides, self.validation, self.mining = Sides(*pairs), validation, mining
        self.bands = self.sides.bands
        queries = self.sides.queries
        self.sampler = PairSampler(queries.keys, queries.scopes, batch=batch, mining=mining, negatives=negatives)

    def steps(self, hard: HardPairs | None) -> int:
        return self.sampler.steps(hard)

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Pairs]:
        return self.sampler.epoch(seed, epoch, hard)

    def pixels(self, relations: Pairs, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        return self.sides.pixels(relations, augment, seed)

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:
        return retrieval(self.validation, eye, progress)

    def mine(self, eye: DescriptorNet, progress: Progress) -> HardPairs:
        assert self.mining is not None
        asked = embed(self.sides.queries, eye, progress=progress)
        known = embed(self.sides.gallery, eye, progress=progress)
        return hard_pairs(answers(asked, known, self.mining.k), self.mining.below)

    def identity(self) -> list[list[str]]:
        return [self.sides.queries.names, self.sides.gallery.names]


def retrieval(validation: SidePair | None, eye: DescriptorNet, progress: Progress) -> Scores:
    """map@5 and recall@1 of queries against a gallery; nothing without them."""
    if validation is None:
        return Scores()
    matches = matches_between(*validation, eye, progress=progress)
    return Scores(map_at_5=map_at_k(matches, 5), recall_at_1=recall_at_k(matches, 1))


__all__ = ["Lessons", "Relations", "Scores", "SideLessons", "SidePair", "retrieval"]
