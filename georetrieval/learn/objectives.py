"""What is minimised: a number from descriptors and the pairs among them."""

from __future__ import annotations

from typing import Protocol

import torch
from pytorch_metric_learning.losses import NTXentLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from georetrieval.errors import UsageError
from georetrieval.learn.relations import Pairs
from georetrieval.learn.settings import TrainSettings


class Objective(Protocol):
    """`(m, d)` descriptors and pairs of their rows -> a scalar to be minimised; its own layers are trained too."""

    wants_negatives: bool

    def __call__(self, vectors: Tensor, pairs: Pairs) -> Tensor: ...


class PairBCE(nn.Module):
    """p = sigmoid(FC(|a - b|)), binary cross-entropy against "same place", mean over the pairs.

    Parameters
    ----------
    descriptor
        Length of the descriptors.

    *Source*: papers/002, equations 1 to 3 (the sign of equation 1 is that of a loss to be minimised).
    """

    wants_negatives = True

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self.fc = nn.Linear(descriptor, 1)

    def logits(self, first: Tensor, second: Tensor) -> Tensor:
        """`(n, d)` and `(n, d)` -> `(n,)` before the sigmoid."""
        scores: Tensor = self.fc((first - second).abs())[:, 0]
        return scores

    def forward(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        first, second = _members(vectors, pairs)
        truth = torch.from_numpy(pairs.positive).to(vectors.device, torch.float32)
        return binary_cross_entropy_with_logits(self.logits(first, second).float(), truth)


class InfoNCE(nn.Module):
    """NT-Xent: each descriptor has to find its partner among all others of the batch, by cosine / temperature.

    All pairs must be positive; pairs of one place are no negatives of each other.

    *Source*: Chen et al., SimCLR, ICML 2020, equation 1, as in pytorch-metric-learning; compared with in
    papers/002, section 5 and table 7.
    """

    wants_negatives = False

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        if temperature <= 0:
            raise UsageError(f"The temperature of InfoNCE must be above 0, found {temperature}.")
        self.loss = NTXentLoss(temperature=temperature)

    def forward(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        if not pairs.positive.all():
            raise UsageError("InfoNCE takes positive pairs only; the rest of the batch is its negatives.")
        labels = torch.from_numpy(pairs.places).to(vectors.device).repeat(2)
        value: Tensor = self.loss(torch.cat(_members(vectors, pairs)).float(), labels)
        return value


def objective_of(settings: TrainSettings, descriptor: int) -> PairBCE | InfoNCE:
    """The objective that the settings name."""
    return PairBCE(descriptor) if settings.objective == "bce" else InfoNCE(settings.temperature)


def _members(vectors: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    first, second = torch.from_numpy(pairs.first), torch.from_numpy(pairs.second)
    return vectors[first.to(vectors.device)], vectors[second.to(vectors.device)]
