"""Lessons of single pictures: in pairs, by key, by class."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from georetrieval.embedding import embed
from georetrieval.errors import InputError
from georetrieval.learn.kept_maps import KeptMaps, Pictures, Seen
from georetrieval.learn.lessons import Scores, SidePair, retrieval
from georetrieval.learn.mining import HardPairs
from georetrieval.learn.relations import Among, Labels, Pairs, RowArray
from georetrieval.learn.verdicts import Partners, best_threshold, fixed_pairs, pair_distances
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.progress import Progress, silent
from georetrieval.samples.augment import Augment
from georetrieval.samples.sample import SampleSet

VALIDATED = 2000
"""Pairs that an eye is validated on, at most."""


class RowLessons:
    """What all lessons of pictures share: batches of rows, drawn anew in each epoch, and their changed pixels."""

    mining = None
    of_maps, spread = False, 1.0

    def __init__(self, images: SampleSet, batch: int) -> None:
        if len(images) == 0:
            raise InputError("There is no picture to train on; look at the parts of the list and at the split.")
        self.images, self.bands = images, images.bands
        self.batch = min(batch, len(images))
        self.seen: Seen = Pictures(images)

    def steps(self, hard: HardPairs | None) -> int:  # noqa: ARG002
        return -(-len(self.images) // self.batch)

    def mine(self, eye: DescriptorNet, progress: Progress) -> HardPairs:  # noqa: ARG002
        raise AssertionError("nothing is mined among pictures")

    def identity(self) -> Any:
        return [self.images.names, self.images.keys, self.images.scopes, type(self).__name__, self.batch]

    def changed(self, rows: RowArray, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        """The pixels of some rows, each changed by itself."""
        pixels = self.seen.batch(rows)
        return pixels if augment is None else augment.one(pixels, generator_of(seed))

    def keep_maps(self, eye: DescriptorNet, progress: Progress = silent) -> None:
        """Go on with the maps of the eye's trunk in place of pixels; nothing of them can be changed."""
        kept = KeptMaps(self.images, eye, progress=progress)
        self.seen, self.of_maps, self.spread = kept, True, kept.spread()

    def drawn(self, random: np.random.Generator) -> list[RowArray]:
        """All rows in batches; the last one is filled up with rows of the first."""
        order = random.permutation(len(self.images)).astype(np.int64)
        order = np.concatenate([order, order[:-len(order) % self.batch]])
        return np.split(order, len(order) // self.batch)


class PairLessons(RowLessons):
    """Each picture with a partner: half of the pairs are of one key, half of two keys of a scope.

    Parameters
    ----------
    validation
        Pictures that are put into fixed pairs and judged by the best distance; None: no validation.
    batch
        Pairs of one batch.
    seed
        Of the validation's pairs.
    every
        The pictures of a batch are compared all with all: every pair of one key in it and every pair of two keys of
        a scope, weighed alike. The pictures are the same, and are embedded once each.

    *Source*: papers/003, section IV; none for `every`.
    """

    def __init__(
        self, images: SampleSet, validation: SampleSet | None, *, batch: int, seed: int, every: bool = False
    ) -> None:
        super().__init__(images, batch)
        self.every = every
        self.validation = validation
        self._partners = Partners(images.keys, images.scopes)
        self._judged = None if validation is None else fixed_pairs(
            validation.keys, validation.scopes, min(VALIDATED, 2 * len(validation)), seed)

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Pairs | Among]:  # noqa: ARG002
        random = np.random.default_rng([seed, epoch])
        for rows in self.drawn(random):
            pairs = self._partners.pairs(rows, random)
            yield self._partners.among(np.concatenate([pairs.first, pairs.second])) if self.every else pairs

    def pixels(self, relations: Pairs | Among, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        if isinstance(relations, Among):
            return self.changed(relations.rows, augment, seed)
        return self.changed(np.concatenate([relations.first, relations.second]), augment, seed)

    def identity(self) -> Any:
        return [super().identity(), "every"] if self.every else super().identity()

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:
        if self.validation is None or self._judged is None:
            return Scores()
        apart = pair_distances(embed(self.validation, eye, progress=progress), self._judged)
        return Scores(accuracy=best_threshold(apart, self._judged.positive)[1])


class KeyLessons(RowLessons):
    """Batches of some keys with some pictures of each (P x K), labelled by key.

    Parameters
    ----------
    groups
        Of each picture: pictures of one group are near copies, so that those of different groups are drawn first.
    validation
        Queries and gallery; None: no validation.
    batch, each
        Pictures of a batch, and of each key in it (2 or more).
    besides
        From which row on the images are trained on besides, and the share of a batch's keys that they have, however
        many keys they are; None: all keys are the same.

    *Source*: papers/004 (64 pictures with at least 2 of each of 16 individuals).
    """

    def __init__(
        self, images: SampleSet, groups: Sequence[str], validation: SidePair | None, *, batch: int, each: int,
        besides: tuple[int, float] | None = None,
    ) -> None:
        super().__init__(images, batch)
        self.validation, self.each, self.besides = validation, each, besides
        names = [f"{scope}\n{key}" for scope, key in zip(images.scopes, images.keys, strict=True)]
        self._labels = np.unique(np.asarray(names, np.str_), return_inverse=True)[1].astype(np.int64)
        rows = np.arange(len(images))
        self._groups = [_by_group(rows[self._labels == label], groups) for label in np.unique(self._labels)]
        self.keys_of_batch = max(2, batch // each)
        self._pools = self._pooled()
        if len(self._groups) < 2:
            raise InputError("Pictures of one key only were found to train on; keys are learnt against each other.")

    def steps(self, hard: HardPairs | None) -> int:  # noqa: ARG002
        return -(-len(self.images) // (min(self.keys_of_batch, len(self._groups)) * self.each))

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Labels]:
        random = np.random.default_rng([seed, epoch])
        waiting: list[list[int]] = [[] for _ in self._pools]
        for _ in range(self.steps(hard)):
            keys = [key for place in range(len(waiting)) for key in self._next(waiting, place, random)]
            rows = np.concatenate([self._some(label, random) for label in keys])
            yield Labels(rows, self._labels[rows])

    def _next(self, waiting: list[list[int]], place: int, random: np.random.Generator) -> list[int]:
        """Keys of a pool: all of them come once before one comes twice."""
        pool, size = self._pools[place]
        left = [pool[n] for n in random.permutation(len(pool)) if pool[n] not in waiting[place]]
        keys, waiting[place] = (waiting[place] + left)[:size], (waiting[place] + left)[size:]
        return keys

    def _pooled(self) -> list[tuple[list[int], int]]:
        """Keys that are drawn from by themselves, and how many of them a batch has."""
        labels = list(range(len(self._groups)))
        if self.besides is None:
            return [(labels, min(self.keys_of_batch, len(labels)))]
        first, share = self.besides
        own = sorted(set(self._labels[:first].tolist()))
        others = sorted(set(labels) - set(own))
        size = min(round(share * self.keys_of_batch), len(others))
        return [(own, min(self.keys_of_batch - size, len(own))), (others, size)]

    def _some(self, label: int, random: np.random.Generator) -> RowArray:
        """Pictures of one key: one of each group in turn, none twice before all have been taken."""
        piles = [random.permutation(group).tolist() for group in self._groups[label]]
        random.shuffle(piles)
        dealt = [pile[turn] for turn in range(max(map(len, piles))) for pile in piles if turn < len(pile)]
        return np.resize(np.asarray(dealt, dtype=np.int64), self.each)

    def pixels(self, relations: Labels, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        return self.changed(relations.rows, augment, seed)

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:
        return retrieval(self.validation, eye, progress)

    def identity(self) -> Any:
        own = [super().identity(), self.each, [len(piles) for piles in self._groups]]
        return [*own, list(self.besides)] if self.besides else own


class ClassLessons(RowLessons):
    """Pictures with the number of their class; the eye's vectors are the classes' logits.

    Parameters
    ----------
    classes
        Keys in the order of the vector's places.
    validation
        Pictures whose largest logit is compared with their key; None: no validation.
    """

    def __init__(
        self, images: SampleSet, classes: Sequence[str], validation: SampleSet | None, *, batch: int
    ) -> None:
        super().__init__(images, batch)
        self.classes, self.validation = tuple(classes), validation
        number = {key: place for place, key in enumerate(self.classes)}
        self._labels = np.asarray([number[key] for key in images.keys], dtype=np.int64)

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Labels]:  # noqa: ARG002
        for rows in self.drawn(np.random.default_rng([seed, epoch])):
            yield Labels(rows, self._labels[rows])

    def pixels(self, relations: Labels, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        return self.changed(relations.rows, augment, seed)

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:
        if self.validation is None:
            return Scores()
        vectors = embed(self.validation, eye, progress=progress).vectors
        answers = np.asarray(self.classes, np.str_)[vectors.argmax(axis=1)]
        return Scores(accuracy=float((answers == np.asarray(self.validation.keys, np.str_)).mean()))


def _by_group(rows: RowArray, groups: Sequence[str]) -> list[RowArray]:
    """The rows of each group; a picture without a group is one by itself."""
    piles: dict[str, list[int]] = {}
    for row in rows.tolist():
        piles.setdefault(groups[row] or f"\n{row}", []).append(row)
    return [np.asarray(pile, dtype=np.int64) for pile in piles.values()]


def generator_of(seed: tuple[int, ...]) -> torch.Generator:
    """Of a step's numbers."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))
