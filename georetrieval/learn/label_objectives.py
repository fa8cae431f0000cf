"""What is minimised where every picture has a label: triplets, supervised contrast, classes."""

from __future__ import annotations

import torch
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import SupConLoss, TripletMarginLoss
from pytorch_metric_learning.miners import TripletMarginMiner
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss

from georetrieval.errors import UsageError
from georetrieval.learn.relations import Labels, Located
from georetrieval.learn.settings import check_temperature

BETA = 0.1
"""Errors of a region's numbers above it count in proportion, smaller ones by their square."""
WEIGHTS = (2.0, 2.0, 1.0, 1.0, 1.0, 1.0)
"""Of the numbers of a region: its place counts twice."""


class SemiHardTriplets(nn.Module):
    """max(d(a, p) - d(a, n) + margin, 0), mean over the semi-hard triplets of the batch.

    Semi-hard: the negative is farther than the positive, but by less than the margin. d is the euclidean distance of
    the descriptors as they are; the net makes them of length 1 or not. 0 where the batch has no such triplet.

    Parameters
    ----------
    margin
        Above 0.

    *Source*: Schroff et al., FaceNet, CVPR 2015, equations 3 and 4, as in pytorch-metric-learning; papers/004.
    """

    wants_negatives = False
    wants_labels = True

    def __init__(self, margin: float = 1.0) -> None:
        super().__init__()
        if margin <= 0:
            raise UsageError(f"The margin must be above 0, found {margin}.")
        distance = LpDistance(normalize_embeddings=False)
        self.miner = TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=distance)
        self.loss = TripletMarginLoss(margin=margin, distance=distance)

    def forward(self, vectors: Tensor, labels: Labels) -> Tensor:
        vectors, numbers = vectors.float(), torch.from_numpy(labels.labels).to(vectors.device)
        triplets = self.miner(vectors, numbers)
        if len(triplets[0]) == 0:
            return vectors.sum() * 0
        value: Tensor = self.loss(vectors, numbers, triplets)
        return value


class SupCon(nn.Module):
    """Supervised contrast: each picture looks for all others of its label among all others of the batch.

    Parameters
    ----------
    temperature
        The cosine is divided by it; above 0.

    *Source*: Khosla et al., NeurIPS 2020, equation 2 (L_out), as in pytorch-metric-learning.
    """

    wants_negatives = False
    wants_labels = True

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        check_temperature(temperature)
        self.loss = SupConLoss(temperature=temperature)

    def forward(self, vectors: Tensor, labels: Labels) -> Tensor:
        value: Tensor = self.loss(vectors.float(), torch.from_numpy(labels.labels).to(vectors.device))
        return value


class Classes(nn.Module):
    """Softmax cross-entropy: the descriptor has one place per class, its largest value is the answer.

    Parameters
    ----------
    smoothing
        Share of the truth that is spread over all classes, 0..1.
    """

    wants_negatives = False
    wants_labels = True

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= smoothing < 1:
            raise UsageError(f"The smoothing must be 0 or more and below 1, found {smoothing}.")
        self.smoothing = smoothing

    def forward(self, vectors: Tensor, labels: Labels) -> Tensor:
        truth = torch.from_numpy(labels.labels).to(vectors.device)
        return cross_entropy(vectors.float(), truth, label_smoothing=self.smoothing)


class RegionError(nn.Module):
    """Smooth L1 distance between the numbers of regions and the true ones, see `nets.axis.numbers_of`; mean over all.

    *Source*: Girshick, Fast R-CNN, ICCV 2015, equation 3 (for boxes; here along an axis).
    """

    wants_negatives = False
    wants_labels = True

    def forward(self, vectors: Tensor, located: Located) -> Tensor:
        true = torch.from_numpy(located.numbers).to(vectors.device)
        errors = smooth_l1_loss(vectors.float(), true, beta=BETA, reduction="none")
        return (errors * errors.new_tensor(WEIGHTS)).mean()
