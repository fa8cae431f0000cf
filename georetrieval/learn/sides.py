"""Two dates of the same places as one list of rows: what pairs point into."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from georetrieval.learn.relations import Pairs, RowArray
from georetrieval.samples.augment import Augment
from georetrieval.samples.poses import GroundSettings, Poses
from georetrieval.samples.sample import Pixels, SampleSet, Subset, aligned
from georetrieval.samples.views import turned

GROUND = 1
"""Added to a batch's seed, so that poses on the ground are not drawn with the numbers of the other changes."""


class Sides:
    """Queries and gallery, matched by key; rows 0..n-1 are the queries, n..2n-1 their gallery tiles."""

    def __init__(self, queries: SampleSet, gallery: SampleSet) -> None:
        self.queries, self.gallery = aligned(queries, gallery)
        self.bands = self.queries.bands

    def __len__(self) -> int:
        return len(self.queries)

    def read(self, rows: RowArray, poses: Poses | None = None) -> Pixels:
        """`(len(rows), C, H, W)` float32 of rows of both sides, in their poses on the ground where there are any."""
        asked = rows < len(self)
        if asked.all():
            return _read(self.queries, rows, poses)
        if not asked.any():
            return _read(self.gallery, rows - len(self), poses)
        ours = _read(self.queries, rows[asked], None if poses is None else poses.take(asked))
        theirs = _read(self.gallery, rows[~asked] - len(self), None if poses is None else poses.take(~asked))
        out = np.empty((len(rows), *ours.shape[1:]), dtype=np.float32)
        out[asked], out[~asked] = ours, theirs
        return out

    def pixels(self, pairs: Pairs, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        """`(2n, C, H, W)`: all first members, then all second ones; the same seed gives the same changes."""
        ground = None if augment is None else augment.settings.ground
        if ground is None:
            first, second = (torch.from_numpy(self.read(rows)) for rows in (pairs.first, pairs.second))
        else:
            first, second = self._on_ground(pairs, ground, np.random.default_rng([*seed, GROUND]))
        if augment is not None:
            drawn = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)
            first, second = augment(first, second, torch.Generator().manual_seed(drawn))
        return torch.cat([first, second])

    def _on_ground(self, pairs: Pairs, ground: GroundSettings, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        ours, theirs = ground.draw(len(pairs), random)
        taken, angle_deg, scale = ground.look(ours, random)
        first, second = (torch.from_numpy(self.read(rows, poses))
                         for rows, poses in ((pairs.first, taken), (pairs.second, theirs)))
        moved = (angle_deg != 0) | (scale != 1)
        if moved.any():
            first[moved] = turned(first[moved], self.bands, angle_deg[moved], scale[moved])
        return first, second


def _read(samples: Subset, rows: RowArray, poses: Poses | None) -> Pixels:
    return samples.batch(rows) if poses is None else samples.posed(rows, poses)
