"""Two dates of the same places as one list of rows: what pairs point into."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from georetrieval.learn.relations import Pairs, RowArray
from georetrieval.samples.augment import Augment
from georetrieval.samples.sample import Pixels, SampleSet, aligned


class Sides:
    """Queries and gallery, matched by key; rows 0..n-1 are the queries, n..2n-1 their gallery tiles."""

    def __init__(self, queries: SampleSet, gallery: SampleSet) -> None:
        self.queries, self.gallery = aligned(queries, gallery)
        self.bands = self.queries.bands

    def __len__(self) -> int:
        return len(self.queries)

    def read(self, rows: RowArray) -> Pixels:
        """`(len(rows), C, H, W)` float32 of rows of both sides."""
        asked = rows < len(self)
        if asked.all():
            return self.queries.batch(rows)
        if not asked.any():
            return self.gallery.batch(rows - len(self))
        ours, theirs = self.queries.batch(rows[asked]), self.gallery.batch(rows[~asked] - len(self))
        out = np.empty((len(rows), *ours.shape[1:]), dtype=np.float32)
        out[asked], out[~asked] = ours, theirs
        return out

    def pixels(self, pairs: Pairs, augment: Augment | None, seed: tuple[int, ...]) -> Tensor:
        """`(2n, C, H, W)`: all first members, then all second ones; the same seed gives the same changes."""
        first, second = torch.from_numpy(self.read(pairs.first)), torch.from_numpy(self.read(pairs.second))
        if augment is not None:
            drawn = int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)
            first, second = augment(first, second, torch.Generator().manual_seed(drawn))
        return torch.cat([first, second])
