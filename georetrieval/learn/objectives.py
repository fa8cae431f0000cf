"""What is minimised: a number from descriptors and the relations among them."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from pytorch_metric_learning.distances import CosineSimilarity, DotProductSimilarity
from pytorch_metric_learning.losses import MultiSimilarityLoss, NTXentLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, normalize

from georetrieval.errors import UsageError
from georetrieval.learn.label_objectives import Classes, RegionError, SemiHardTriplets, SupCon
from georetrieval.learn.relations import Labels, Pairs
from georetrieval.learn.settings import TrainSettings, check_temperature

START_SLOPE, START_BIAS = 25.6, 3.0
"""First weights of the layer of `PairBCE`: p = 1/2 where two descriptors differ by 0.12 on average, found by trial on
a made-up département."""

TINY = 1e-12
"""Added under a square root, whose slope at 0 is not finite."""


class Objective(Protocol):
    """`(m, d)` descriptors and relations of their rows -> a scalar to be minimised; its own layers are trained too."""

    wants_negatives: bool
    wants_labels: bool

    def __call__(self, vectors: Tensor, relations: Pairs | Labels) -> Tensor: ...


class PairBCE(nn.Module):
    """p = sigmoid(FC(`|a - b|`)), binary cross-entropy against "same place", mean over the pairs.

    Parameters
    ----------
    descriptor
        Length of the descriptors.
    start
        First weights of FC. "distance": all alike and negative, so that the further apart two descriptors are the less
        they look like one place, which is what the search will take them for; "random": of either sign, and then
        nothing ties the order of p to that of the cosines. The paper does not say. From scratch it decides: see
        pipelines/README.md.

    *Source*: papers/002, equations 1 to 3 (the sign of equation 1 is that of a loss to be minimised).
    """

    wants_negatives = True
    wants_labels = False

    def __init__(self, descriptor: int, *, start: str = "distance") -> None:
        super().__init__()
        self.fc = nn.Linear(descriptor, 1)
        if start == "distance":
            nn.init.constant_(self.fc.weight, -START_SLOPE / descriptor)
            nn.init.constant_(self.fc.bias, START_BIAS)

    def logits(self, first: Tensor, second: Tensor) -> Tensor:
        """`(n, d)` and `(n, d)` -> `(n,)` before the sigmoid."""
        scores: Tensor = self.fc((first - second).abs())[:, 0]
        return scores

    def forward(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        first, second = _members(vectors, pairs)
        truth = torch.from_numpy(pairs.positive).to(vectors.device, torch.float32)
        return binary_cross_entropy_with_logits(self.logits(first, second).float(), truth)


class Contrastive(nn.Module):
    """Positive pairs: d^2; negative pairs: max(margin - d, 0)^2; d is the euclidean distance. Mean over the pairs.

    Parameters
    ----------
    margin
        Distance from which a negative pair costs nothing; above 0.
    second_share
        Rows that are the second member of a pair feel so much of the pull of all their pairs, 0..1; below 1 a few of
        them that are in many pairs (masks) do not run after the others. The loss is the same number.

    *Source*: papers/000 and 001, equation 1 (margin 1, no factor 1/2); Hadsell, Chopra, LeCun, CVPR 2006.
    """

    wants_negatives = True
    wants_labels = False

    def __init__(self, margin: float = 1.0, *, second_share: float = 1.0) -> None:
        super().__init__()
        if margin <= 0 or not 0 <= second_share <= 1:
            raise UsageError("The margin must be above 0 and the second member's share 0 to 1, found "
                             f"{margin} and {second_share}.")
        self.margin, self.second_share = margin, second_share

    def forward(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        first, second = _members(self._calmed(vectors.float(), pairs), pairs)
        squared = (first - second).square().sum(dim=1)
        truth = torch.from_numpy(pairs.positive).to(vectors.device)
        lacking = (self.margin - (squared + TINY).sqrt()).clamp(min=0).square()
        return torch.where(truth, squared, lacking).mean()

    def _calmed(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        """The same numbers; what is the second member of any pair passes on its share of the gradient only."""
        if self.second_share == 1:
            return vectors
        calm = torch.zeros(len(vectors), 1, dtype=torch.bool, device=vectors.device)
        calm[torch.from_numpy(pairs.second).to(vectors.device)] = True
        return torch.where(calm, vectors.detach().lerp(vectors, self.second_share), vectors)


class Prototypical(nn.Module):
    """Softmax over the squared distances from a first member to the second ones of its pairs; the positive is right.

    What counts is which one is nearer, not how near it is. Mean over the first members that have pairs of both kinds;
    several positive ones of one member share its truth.

    Parameters
    ----------
    temperature
        Squared distances are divided by it; above 0.

    *Source*: Snell, Swersky, Zemel, Prototypical networks, NeurIPS 2017, equation 2 (there without a temperature).
    """

    wants_negatives = True
    wants_labels = False

    def __init__(self, temperature: float = 0.2) -> None:
        super().__init__()
        check_temperature(temperature)
        self.temperature = temperature

    def forward(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        first, second = _members(vectors.float(), pairs)
        logits = -(first - second).square().sum(dim=1) / self.temperature
        truth = torch.from_numpy(pairs.positive).to(vectors.device)
        members = torch.from_numpy(pairs.first).to(vectors.device)
        own = members == torch.from_numpy(np.unique(pairs.first)).to(vectors.device)[:, None]
        both = (own & truth).any(dim=1) & (own & ~truth).any(dim=1)
        if not bool(both.any()):
            return vectors.sum() * 0
        every, right = ((torch.where(some, logits, -torch.inf)[both]).logsumexp(dim=1) for some in (own, own & truth))
        return (every - right).mean()


class InfoNCE(nn.Module):
    """NT-Xent: each descriptor has to find its partner among all others of the batch, by likeness / temperature.

    All pairs must be positive; pairs of one place are no negatives of each other. Labels are taken too.

    Parameters
    ----------
    temperature
        Above 0.
    normalise
        True: likeness is the cosine; False: the dot product of the descriptors as they are.

    *Source*: Chen et al., SimCLR, ICML 2020, equation 1, as in pytorch-metric-learning; compared with in
    papers/002, section 5 and table 7 (temperature 100, not normalised).
    """

    wants_negatives = False
    wants_labels = False

    def __init__(self, temperature: float = 0.07, *, normalise: bool = True) -> None:
        super().__init__()
        check_temperature(temperature)
        likeness = CosineSimilarity() if normalise else DotProductSimilarity(normalize_embeddings=False)
        self.loss = NTXentLoss(temperature=temperature, distance=likeness)

    def forward(self, vectors: Tensor, pairs: Pairs | Labels) -> Tensor:
        value: Tensor = self.loss(*_labelled(vectors, pairs))
        return value


class MultiSimilarity(nn.Module):
    """All pairs of a batch, those weighted most that are most wrong: alike and not the same, the same and not alike.

    Likeness is the cosine; rows of one place are positive, all others negative.

    Parameters
    ----------
    alpha, beta
        How sharply unlike positive pairs, and alike negative ones, are weighted; above 0.
    base
        The cosine from which a pair is wrong, -1..1.

    *Source*: Wang et al., Multi-Similarity Loss, CVPR 2019, the loss L_MS, as in pytorch-metric-learning: alpha 2,
    beta 50, base 0.5 as in the code that its authors published (the paper's text has base 1).
    """

    wants_negatives = False
    wants_labels = False

    def __init__(self, *, alpha: float = 2.0, beta: float = 50.0, base: float = 0.5) -> None:
        super().__init__()
        if alpha <= 0 or beta <= 0 or not -1 <= base <= 1:
            raise UsageError(f"Multi-similarity needs alpha and beta above 0 and base in -1..1, found {alpha}, {beta}, "
                             f"{base}.")
        self.loss = MultiSimilarityLoss(alpha=alpha, beta=beta, base=base)

    def forward(self, vectors: Tensor, pairs: Pairs | Labels) -> Tensor:
        value: Tensor = self.loss(*_labelled(vectors, pairs))
        return value


class CrossDates(nn.Module):
    """InfoNCE across the dates alone: each first member looks for its second one among all second ones, and back.

    Members of one side are not compared, as in search, where queries and gallery are of two dates. Other pairs of the
    same place are no negatives.

    Parameters
    ----------
    temperature
        The cosine is divided by it; above 0.

    *Source*: Radford et al., CLIP, ICML 2021, section 2.3 and figure 3, with a fixed temperature.
    """

    wants_negatives = False
    wants_labels = False

    def __init__(self, temperature: float = 0.07) -> None:
        super().__init__()
        check_temperature(temperature)
        self.temperature = temperature

    def forward(self, vectors: Tensor, pairs: Pairs) -> Tensor:
        _check_positive(pairs)
        first, second = (normalize(member.float(), dim=1) for member in _members(vectors, pairs))
        logits = first @ second.T / self.temperature
        places = torch.from_numpy(pairs.places).to(vectors.device)
        truth = torch.arange(len(places), device=vectors.device)
        again = (places[:, None] == places) & (truth[:, None] != truth)
        logits = logits.masked_fill(again, -torch.inf)
        return (cross_entropy(logits, truth) + cross_entropy(logits.T, truth)) / 2


AnyObjective = (PairBCE | Contrastive | Prototypical | InfoNCE | MultiSimilarity | CrossDates | SemiHardTriplets
                | SupCon | Classes | RegionError)
"""What the loop can train."""


def objective_of(settings: TrainSettings, descriptor: int) -> AnyObjective:
    """The objective that the settings name."""
    if settings.objective == "bce":
        return PairBCE(descriptor, start=settings.bce_start)
    if settings.objective == "contrastive":
        return Contrastive(settings.margin, second_share=settings.second_share)
    if settings.objective == "prototypical":
        return Prototypical(settings.temperature)
    if settings.objective == "triplet":
        return SemiHardTriplets(settings.margin)
    if settings.objective == "supcon":
        return SupCon(settings.temperature)
    if settings.objective == "cross-entropy":
        return Classes(settings.smoothing)
    if settings.objective == "regions":
        return RegionError()
    if settings.objective == "multi-similarity":
        return MultiSimilarity(alpha=settings.alpha, beta=settings.beta, base=settings.base)
    if settings.objective == "clip":
        return CrossDates(settings.temperature)
    return InfoNCE(settings.temperature, normalise=settings.objective == "infonce")


def _check_positive(pairs: Pairs) -> None:
    if not pairs.positive.all():
        raise UsageError("This objective takes positive pairs only; the rest of the batch is its negatives.")


def _labelled(vectors: Tensor, pairs: Pairs | Labels) -> tuple[Tensor, Tensor]:
    """All members, first ones first, and the place of each; labelled rows as they are."""
    if isinstance(pairs, Labels):
        return vectors.float(), torch.from_numpy(pairs.labels).to(vectors.device)
    _check_positive(pairs)
    labels = torch.from_numpy(pairs.places).to(vectors.device).repeat(2)
    return torch.cat(_members(vectors, pairs)).float(), labels


def _members(vectors: Tensor, pairs: Pairs) -> tuple[Tensor, Tensor]:
    first, second = torch.from_numpy(pairs.first), torch.from_numpy(pairs.second)
    return vectors[first.to(vectors.device)], vectors[second.to(vectors.device)]
