"""What a training is told, in plain values; `recipe` maps onto these."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from georetrieval.errors import UsageError

ObjectiveName = Literal["bce", "contrastive", "infonce", "nt-xent-dot", "clip", "multi-similarity", "triplet", "supcon",
                        "cross-entropy", "regions", "prototypical"]


def check_temperature(temperature: float) -> None:
    """UsageError unless it is above 0."""
    if temperature <= 0:
        raise UsageError(f"The temperature must be above 0, found {temperature}.")


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


PARTS = ("fusion", "transformer", "trunk", "new")
"""Parts of a net; "new" is the head and the objective's own layer."""


@dataclass(frozen=True)
class Phase:
    """Some epochs in which some parts learn.

    Attributes
    ----------
    epochs
        How many, >= 1; after the last phase the first one that is not `once` comes again.
    train
        Names of `PARTS`; empty is all of them.
    whole
        The transformer rests and the others learn from whole pictures: what is to judge regions has to know things
        first. Only in training, and only with a head that takes any size: pool or convs.
    once
        The phase comes at the start and never again. Such phases are the first ones.
    """

    epochs: int = 1
    train: tuple[str, ...] = ()
    whole: bool = False
    once: bool = False

    def __post_init__(self) -> None:
        strange = sorted(set(self.train) - set(PARTS))
        if strange or self.epochs < 1:
            raise UsageError(f"A phase has 1 epoch or more and trains some of {', '.join(PARTS)}, found {self.epochs} "
                             f"and {', '.join(self.train) or 'all'}.")


def ordered_phases(phases: tuple[Phase, ...]) -> tuple[tuple[Phase, ...], tuple[Phase, ...]]:
    """Those that come once, and those that come again and again; `UsageError` when one of the former comes late."""
    number = sum(phase.once for phase in phases)
    if not all(phase.once for phase in phases[:number]):
        raise UsageError("A phase that comes once comes before all others; put it first.")
    return phases[:number], phases[number:]


@dataclass(frozen=True)
class TrainSettings:
    """The loop; the defaults are the paper's.

    Attributes
    ----------
    objective
        "bce": on `|a - b|`, half positive and half negative pairs. The others take positive pairs only, all else in the
        batch is negative: "infonce", "nt-xent-dot" (without normalisation), "clip" (across the dates alone),
        "multi-similarity". "contrastive": on the distance of half positive and half negative pairs; "prototypical": on
        which of them is nearer. "triplet" (semi-hard), "supcon" and "cross-entropy" take labelled pictures, which
        "infonce", "nt-xent-dot" and "multi-similarity" can do too. "regions": how far a `Localiser`'s numbers are off.
    temperature
        Of "infonce", "nt-xent-dot", "clip", "supcon" and "prototypical".
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
        "adam", "adamw", or "sgd" with Nesterov momentum 0.9.
    rate_fusion, rate_trunk, rate_new, rate_transformer
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
    margin
        Of "contrastive" and "triplet".
    second_share
        Of "contrastive": the share of a pair's pull that its second member feels, see `Contrastive`.
    smoothing
        Of the labels of "cross-entropy".
    rate_decay
        Learning rates are divided by 1 + rate_decay * steps done (inverse-time decay); 0 is none.
    patience
        The training ends after so many epochs in which validation has not become better; None goes on to the end.
    phases
        Which parts learn in which epochs, again and again, see `Phase`; empty is all of them always.

    *Source*: papers/002, section 5 (12 pairs, 100 epochs, Adam, rates by layer).
    """

    objective: ObjectiveName = "bce"
    temperature: float = 0.07
    alpha: float = 2.0
    beta: float = 50.0
    base: float = 0.5
    bce_start: Literal["distance", "random"] = "distance"
    pairs_per_batch: int = 12
    epochs: int = 100
    minutes: float | None = None
    precision: Literal["bf16", "fp32"] = "bf16"
    optimiser: Literal["adam", "adamw", "sgd"] = "adam"
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
    margin: float = 1.0
    smoothing: float = 0.0
    rate_transformer: float = 1e-3
    rate_decay: float = 0.0
    patience: int | None = None
    phases: tuple[Phase, ...] = ()
    second_share: float = 1.0

    def __post_init__(self) -> None:
        ordered_phases(self.phases)
        if self.epochs < 1 or self.pairs_per_batch < 2 or self.validate_every < 1:
            raise UsageError(
                f"A training needs epochs >= 1, pairs_per_batch >= 2 and validate_every >= 1, found {self.epochs}, "
                f"{self.pairs_per_batch}, {self.validate_every}."
            )
        if not 0 <= self.ema < 1:
            raise UsageError(f"The decay ema must be 0 or more and below 1, found {self.ema}.")
        if self.patience is not None and self.patience < 1:
            raise UsageError(f"The patience must be 1 epoch or more, found {self.patience}.")

    def identity(self) -> dict[str, Any]:
        """What must not change when a training is resumed: all but its length and how often it is saved.

        Settings that came later are left out while they have their default, so that older states stay what they are.
        """
        free = {"epochs", "minutes", "save_minutes", "patience"}
        plain = {name: value for name, value in asdict(self).items()
                 if name not in free and not (name in _LATER and getattr(self, name) == _LATER[name])}
        if self.phases:
            plain["phases"] = [{name: value for name, value in phase.items() if value or name not in ("whole", "once")}
                               for phase in plain["phases"]]
        return plain


_LATER: dict[str, Any] = {"margin": 1.0, "smoothing": 0.0, "rate_transformer": 1e-3, "rate_decay": 0.0, "phases": (),
                          "second_share": 1.0}
