"""What a training is told, in plain values; `recipe` maps onto these."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from georetrieval.errors import UsageError


@dataclass(frozen=True)
class MiningSettings:
    """Hard pairs; the defaults are the paper's.

    Attributes
    ----------
    every
        Epochs between two rounds; the first comes after that many epochs.
    k
        Neighbours looked at.
    below
        A query is hard when its precision (1 / rank of the truth, 0 beyond k) is below this.
    hard_share
        Share of hard pairs in a batch.
    negatives
        "same_date": two cells of the query's date (the paper); "other_date": a query and another cell's gallery tile.

    *Source*: papers/002, sections 4 and 5.
    """

    every: int = 5
    k: int = 5
    below: float = 0.5
    hard_share: float = 0.5
    negatives: Literal["same_date", "other_date"] = "same_date"


@dataclass(frozen=True)
class TrainSettings:
    """The loop; the defaults are the paper's.

    Attributes
    ----------
    objective
        "bce": on |a - b|, half positive and half negative pairs. The others take positive pairs only, all else in the
        batch is negative: "infonce", "nt-xent-dot" (without normalisation), "clip" (across the dates alone),
        "multi-similarity".
    temperature
        Of "infonce", "nt-xent-dot" and "clip".
    alpha, beta, base
        Of "multi-similarity".
    bce_start
        First weights of the layer of "bce": "distance" or "random", see `PairBCE`.
    pairs_per_batch
        Pairs in one batch; both members of all pairs go through the net as one batch.
    epochs, minutes
        Whichever ends first; `minutes` counts all sessions of a resumed training.
    precision
        "bf16" (autocast, where the processor has instructions for it) or "fp32".
    optimiser
        "adam" or "adamw".
    rate_fusion, rate_trunk, rate_new
        Learning rates by layer; "new" is the head and the objective's own layer.
    schedule, warmup
        "constant", or "cosine" down to 0; `warmup` is the share of the training with a rising rate.
    ema
        Decay of an exponential moving average of the weights, which is validated and kept in place of the last ones;
        0 is none.
    validate_every
        Epochs between two validations; the last epoch is always validated.
    save_minutes
        A state is published at least this often, besides each epoch's end.
    seed
        Of everything that is drawn.

    *Source*: papers/002, section 5 (12 pairs, 100 epochs, Adam, rates by layer).
    """

    objective: Literal["bce", "infonce", "nt-xent-dot", "clip", "multi-similarity"] = "bce"
    temperature: float = 0.07
    alpha: float = 2.0
    beta: float = 50.0
    base: float = 0.5
    bce_start: Literal["distance", "random"] = "distance"
    pairs_per_batch: int = 12
    epochs: int = 100
    minutes: float | None = None
    precision: Literal["bf16", "fp32"] = "bf16"
    optimiser: Literal["adam", "adamw"] = "adam"
    rate_fusion: float = 1e-4
    rate_trunk: float = 5e-5
    rate_new: float = 1e-3
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: float = 0.0
    ema: float = 0.0
    validate_every: int = 1
    save_minutes: float = 5.0
    seed: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.pairs_per_batch < 2 or self.validate_every < 1:
            raise UsageError(
                f"A training needs epochs >= 1, pairs_per_batch >= 2 and validate_every >= 1, found {self.epochs}, "
                f"{self.pairs_per_batch}, {self.validate_every}."
            )
        if not 0 <= self.ema < 1:
            raise UsageError(f"The decay ema must be 0 or more and below 1, found {self.ema}.")

    def identity(self) -> dict[str, Any]:
        """What must not change when a training is resumed: all but its length and how often it is saved."""
        free = {"epochs", "minutes", "save_minutes"}
        return {name: value for name, value in asdict(self).items() if name not in free}
