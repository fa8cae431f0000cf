"""Lessons of where things lie: pictures with their regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
import torch
from torch import Tensor

from georetrieval.errors import InputError
from georetrieval.learn.lessons import Scores
from georetrieval.learn.mining import HardPairs
from georetrieval.learn.picture_lessons import RowLessons
from georetrieval.learn.relations import Located
from georetrieval.nets.axis import numbers_of
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.transformer import corners
from georetrieval.progress import Progress
from georetrieval.samples.augment import Augment
from georetrieval.samples.regions import Regions
from georetrieval.samples.sample import SampleSet

AT_ONCE = 64


class RegionLessons(RowLessons):
    """Pictures with the rectangle along the axis of what they show.

    Parameters
    ----------
    regions
        `(n, 5)` of the images, in pixels of these samples.
    validation
        Pictures and regions that choose the best epoch; None: no validation.
    """

    def __init__(
        self, images: SampleSet, regions: Regions, validation: tuple[SampleSet, Regions] | None, *, batch: int, px: int
    ) -> None:
        super().__init__(images, batch)
        if len(regions) != len(images):
            raise InputError(f"{len(images)} pictures have {len(regions)} regions; give one for each.")
        self.px, self.validation = px, validation
        self._numbers = numbers_of(torch.from_numpy(regions).float(), px).numpy()

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Located]:  # noqa: ARG002
        for rows in self.drawn(np.random.default_rng([seed, epoch])):
            yield Located(rows, self._numbers[rows])

    def pixels(self, relations: Located, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        return self.changed(relations.rows, augment, seed)

    def validate(self, eye: DescriptorNet, progress: Progress) -> Scores:  # noqa: ARG002
        if self.validation is None:
            return Scores()
        return Scores(accuracy=float(overlaps(eye, *self.validation, self.px).mean()))

    def identity(self) -> Any:
        return [super().identity(), [round(float(total), 3) for total in self._numbers.astype(np.float64).sum(axis=0)]]


def overlaps(eye: DescriptorNet, images: SampleSet, regions: Regions, px: int) -> Any:
    """`(n,)` intersection over union of the regions that a net with an axis sees with the true ones."""
    was = eye.training
    eye.eval()
    found = []
    assert eye.transformer is not None
    with torch.inference_mode():
        for start in range(0, len(images), AT_ONCE):
            pixels = torch.from_numpy(images.batch(range(start, min(start + AT_ONCE, len(images)))))
            found.append(eye.transformer.numbers(pixels.to(next(eye.parameters()).device)).cpu())
    eye.train(was)
    theirs, own = (shapely.polygons(corners(eye.transformer.theta_of(numbers)).double().numpy()) for numbers in (
        torch.cat(found), numbers_of(torch.from_numpy(regions).float(), px)))
    return shapely.area(shapely.intersection(theirs, own)) / shapely.area(shapely.union(theirs, own))
