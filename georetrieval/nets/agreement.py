"""Whether a fast engine sees what float32 sees: the same neighbours among the pictures at hand."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

NEIGHBOURS = 5
TIED = 0.01
"""Two neighbours are as near as each other when float32 itself holds them apart by less than this share of the spread
(standard deviation) of all scores of the sample. *Source*: ours; bfloat16 moves the scores of trained nets by that much
(standard deviation; real photographs, 64 pictures)."""
LEAST_FIVE, LEAST_ALIKE = 0.98, 0.999
"""*Source*: ours, one fifth neighbour in fifty; RELIABILITY.md, section 4, asks canaries for the second."""


@dataclass(frozen=True)
class Agreement:
    """What an engine and float32 have in common, over some pictures.

    Attributes
    ----------
    pictures
        How many were looked at.
    first, five
        Shares, 0..1, of the nearest neighbours, and of the members of the five nearest, that are right.
    alike
        Of the picture whose two descriptors differ most: their cosine; in a euclidean space 1 - d**2 / 2 for the
        distance d in lengths of the longest descriptor.
    """

    pictures: int
    first: float
    five: float
    alike: float

    @property
    def whole(self) -> bool:
        """Whether the engine may be used."""
        return self.first == 1 and self.five >= LEAST_FIVE and self.alike >= LEAST_ALIKE

    def __str__(self) -> str:
        return (f"on {self.pictures} pictures {self.first:.1%} of the nearest neighbours and {self.five:.1%} of the "
                f"nearest {NEIGHBOURS} agree with float32, smallest cosine {self.alike:.5f}")


def agreement(exact: Tensor, fast: Tensor, space: str) -> Agreement:
    """Compare two sets of descriptors of the same pictures.

    Parameters
    ----------
    exact, fast
        `(n, d)` float32, n >= 2: what float32 and what the engine makes of picture after picture.
    space
        "cosine" or "euclidean".

    Notes
    -----
    Each picture looks for its neighbours among the others, once with the descriptors of float32 and once with those
    of the engine. A neighbour is right when float32 holds it for as near as its own, or less than `TIED` farther.
    """
    count = len(exact)
    if not bool(torch.isfinite(fast).all()):
        return Agreement(count, 0.0, 0.0, 0.0)
    right, seen = _scores(exact, space), _scores(fast, space)
    others = ~torch.eye(count, dtype=torch.bool)
    tied = TIED * float(right[others].std()) if count > 2 else 0.0
    right, seen = (scores.masked_fill(~others, -torch.inf) for scores in (right, seen))
    shares = []
    for k in (1, min(NEIGHBOURS, count - 1)):
        limit = right.topk(k, dim=1).values[:, -1:]
        chosen = right.gather(1, seen.topk(k, dim=1).indices)
        shares.append(float((chosen >= limit - tied).double().mean()))
    return Agreement(count, shares[0], shares[1], _alike(exact, fast, space))


def _scores(vectors: Tensor, space: str) -> Tensor:
    """`(n, n)` float64: higher is nearer."""
    wide = vectors.double()
    if space == "cosine":
        unit = normalize(wide, dim=1)
        return unit @ unit.T
    return -torch.cdist(wide, wide)


def _alike(exact: Tensor, fast: Tensor, space: str) -> float:
    one, other = exact.double(), fast.double()
    if space == "cosine":
        one, other = normalize(one, dim=1), normalize(other, dim=1)
        blank = (exact == 0).all(dim=1) & (fast == 0).all(dim=1)
        return float(torch.where(blank, 1.0, (one * other).sum(dim=1)).min())
    longest = max(float(one.norm(dim=1).max()), 1e-30)
    return 1 - float(((one - other).norm(dim=1).max() / longest).square()) / 2
