"""Lessons of pictures with masks of their scope."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from georetrieval.errors import InputError
from georetrieval.learn.kept_maps import KeptMaps, Pictures, Seen
from georetrieval.learn.lessons import Scores, SidePair, retrieval
from georetrieval.learn.mining import HardPairs
from georetrieval.learn.picture_lessons import RowLessons, generator_of
from georetrieval.learn.relations import Among, Pairs, RowArray
from georetrieval.learn.surroundings import near_masks, resized, swapped
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.progress import Progress, silent
from georetrieval.samples.augment import Augment
from georetrieval.samples.sample import SampleSet


class MaskLessons(RowLessons):
    """Each picture with a mask of its key and with one of another key, both of its scope.

    Half of the pairs are positive. A picture and a mask are read and embedded once per batch, however many pairs they
    are in; masks are never changed.

    Parameters
    ----------
    images, masks
        With keys and scopes.
    validation
        Pictures that ask and masks that answer; None: no validation.
    batch
        Pictures of one batch; the masks come on top.
    scopes
        Draw each batch from so many scopes, so that few masks come on top; None draws from all.
    masks_too
        Masks of different scopes are pairs as well: of one key, or of two.
    swap
        Share of the pictures, 0..1, of which only the parts near the scope's masks are their own; the rest is that of
        another picture of the scope in the batch: what is far from all masks says nothing about the key.

    Raises
    ------
    InputError
        When a picture's scope has no mask of its key, or of no other one.

    *Source*: papers/000, section 4 (image and mask of one place, half of the pairs positive).
    """

    def __init__(
        self, images: SampleSet, masks: SampleSet, validation: SidePair | None, *, batch: int,
        scopes: int | None = None, masks_too: bool = False, swap: float = 0.0,
    ) -> None:
        super().__init__(images, batch)
        self.masks, self.validation = masks, validation
        self.scopes, self.masks_too, self.swap = scopes, masks_too, swap
        self.seen_masks: Seen = Pictures(masks)
        place: dict[tuple[str, str], list[int]] = {}
        for row, about in enumerate(zip(masks.scopes, masks.keys, strict=True)):
            place.setdefault(about, []).append(row)
        self._own, self._other = [], []
        for key, scope, name in zip(images.keys, images.scopes, images.names, strict=True):
            other = [row for (where, what), rows in sorted(place.items()) for row in rows
                     if where == scope and what != key]
            if (scope, key) not in place or not other:
                raise InputError(f"The scope {scope!r} of {name} has no mask of {key!r} and of another key; list at "
                                 "least two masks (role mask) of each scope.")
            self._own.append(place[scope, key])
            self._other.append(other)
        self._near = near_masks(masks) if swap else {}

    def keep_maps(self, eye: DescriptorNet, progress: Progress = silent) -> None:
        super().keep_maps(eye, progress)
        kept = KeptMaps(self.masks, eye)
        self.seen_masks = kept
        self._near = {scope: resized(near, kept.maps.shape[2:]) for scope, near in self._near.items()}

    def drawn(self, random: np.random.Generator) -> list[RowArray]:
        """All rows in batches, each of a few scopes when that is wanted."""
        if self.scopes is None:
            return super().drawn(random)
        share, names = max(1, self.batch // self.scopes), np.asarray(self.images.scopes, np.str_)
        piles = []
        for scope in np.unique(names):
            rows = random.permutation(np.flatnonzero(names == scope)).astype(np.int64)
            piles += np.array_split(rows, -(-len(rows) // share))
        order = random.permutation(len(piles))
        return [np.concatenate([piles[place] for place in order[at:at + self.scopes]])
                for at in range(0, len(order), self.scopes)]

    def steps(self, hard: HardPairs | None) -> int:
        if self.scopes is None:
            return super().steps(hard)
        share = max(1, self.batch // self.scopes)
        piles = sum(-(-count // share) for count in Counter(self.images.scopes).values())
        return -(-piles // self.scopes)

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Among]:  # noqa: ARG002
        random = np.random.default_rng([seed, epoch])
        for rows in self.drawn(random):
            yield self._pairs(rows, random)

    def _pairs(self, rows: RowArray, random: np.random.Generator) -> Among:
        own = [int(random.choice(self._own[row])) for row in rows]
        other = [int(random.choice(self._other[row])) for row in rows]
        masks, place = np.unique(np.asarray([own, other], dtype=np.int64), return_inverse=True)
        first, second = np.tile(np.arange(len(rows)), 2), len(rows) + place.reshape(-1)
        positive = np.repeat([True, False], len(rows))
        pairs = Pairs(first.astype(np.int64), second.astype(np.int64), positive, np.tile(rows, 2))
        if self.masks_too:
            pairs += self._among_masks(masks, len(rows))
        return Among(np.concatenate([rows, len(self.images) + masks]), pairs)

    def _among_masks(self, masks: RowArray, start: int) -> Pairs:
        """All pairs of masks of two scopes, and of the two keys of one; their rows begin at `start` in the batch."""
        first, second = (side.astype(np.int64) for side in np.triu_indices(len(masks), 1))
        keys = np.asarray(self.masks.keys, np.str_)[masks]
        return Pairs(start + first, start + second, keys[first] == keys[second], -1 - first)

    def pixels(self, relations: Among, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        photos = relations.rows < len(self.images)
        masks = self.seen_masks.batch(relations.rows[~photos] - len(self.images))
        return torch.cat([self.changed(relations.rows[photos], augment, seed), masks])

    def changed(self, rows: RowArray, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        """The pixels of some rows, some with other surroundings, each changed by itself."""
        pixels = self.seen.batch(rows)
        if self.swap:
            scopes = [self.images.scopes[row] for row in rows]
            pixels = swapped(pixels, scopes, self._near, self.swap, np.random.default_rng([*seed, 1]))
        return pixels if augment is None else augment.one(pixels, generator_of(seed))

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:
        found = retrieval(self.validation, eye, progress)
        return Scores(found.map_at_5, found.recall_at_1, accuracy=found.recall_at_1)

    def identity(self) -> Any:
        more = [] if self.scopes is None and not self.masks_too and not self.swap else [
            [self.scopes, self.masks_too, self.swap]]
        return [super().identity(), self.masks.names, self.masks.keys, self.masks.scopes, *more]
