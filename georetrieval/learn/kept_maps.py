"""Where the trunk does not learn, its maps are computed once and every step begins at the head."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from georetrieval.learn.relations import RowArray
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.inference import bf16_is_fast
from georetrieval.nets.memory import keep_memory
from georetrieval.progress import Progress, silent
from georetrieval.samples.sample import SampleSet

AT_ONCE = 32


class Seen(Protocol):
    """Pictures, or what a trunk makes of them."""

    def batch(self, rows: RowArray) -> Tensor:
        """`(n, C, H, W)` float of some rows."""
        ...


class Pictures:
    """Pictures as they are."""

    def __init__(self, samples: SampleSet) -> None:
        self.samples = samples

    def batch(self, rows: RowArray) -> Tensor:
        return torch.from_numpy(self.samples.batch(rows))


class KeptMaps:
    """What the trunk of an eye makes of each picture, in bfloat16: two bytes a value, all in memory.

    Parameters
    ----------
    samples, eye
        The eye's trunk, and all before it, must not learn afterwards.
    """

    def __init__(self, samples: SampleSet, eye: DescriptorNet, *, progress: Progress = silent) -> None:
        keep_memory()
        training, device = eye.training, next(eye.parameters()).device
        eye.eval()
        channels, height, width = eye.trunk.shape(eye.settings.seen_px)
        self.maps = torch.empty(len(samples), channels, height, width, dtype=torch.bfloat16)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16_is_fast(device)):
            for start in range(0, len(samples), AT_ONCE):
                rows = np.arange(start, min(start + AT_ONCE, len(samples)))
                pixels = torch.from_numpy(samples.batch(rows)).to(device, memory_format=torch.channels_last)
                self.maps[start:start + len(rows)] = eye.maps(pixels, samples.bands).to("cpu", torch.bfloat16)
                progress(len(rows) + start, len(samples), "maps of the trunk")
        eye.train(training)

    def spread(self) -> float:
        """Mean squared distance of a map from the mean map."""
        mean, squared = torch.zeros(self.maps.shape[1:]), 0.0
        for some in torch.split(self.maps, AT_ONCE):
            mean += some.float().sum(dim=0)
            squared += float(some.float().square().sum())
        mean /= len(self.maps)
        return max(squared / len(self.maps) - float(mean.square().sum()), 1e-12)

    def batch(self, rows: RowArray) -> Tensor:
        return self.maps[torch.from_numpy(np.asarray(rows, dtype=np.int64))]
