"""What a training says about itself: one row per validated epoch, as CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from georetrieval.files import publish, publish_json

KINDS = (".csv", ".json", ".safetensors")
"""Files of a training."""


@dataclass(frozen=True)
class Row:
    """One line of the history.

    Attributes
    ----------
    epoch
        Epochs done; not whole when the time was spent in the middle of one.
    loss
        Mean over the steps since the last line.
    map_at_5, recall_at_1
        On validation, 0..1; None without validation.
    accuracy
        On validation, where verdicts are judged in place of answers.
    hard, train_map_at_5
        Of the last mining round; None before the first.
    images_per_s
        Pictures trained on per second since the last line, validation and mining left out.
    minutes
        Since the start, all sessions.
    """

    epoch: float
    step: int
    loss: float
    map_at_5: float | None
    recall_at_1: float | None
    hard: int | None
    train_map_at_5: float | None
    images_per_s: float
    minutes: float
    accuracy: float | None = None

    @property
    def score(self) -> float | None:
        """What the best epoch is chosen by; None without validation."""
        return self.map_at_5 if self.accuracy is None else self.accuracy


@dataclass(frozen=True)
class TrainResult:
    """How a training ended.

    Attributes
    ----------
    weights
        The published weights: of the best epoch by validation map@5, or the last without validation.
    history
        One row per validated epoch.
    best_epoch, best_map_at_5, best_accuracy
        None without validation.
    steps, epochs
        Done in all sessions.
    minutes
        Of all sessions.
    finished
        False when the time was spent before the last epoch (or before the patience was).
    """

    weights: Path
    history: tuple[Row, ...]
    best_epoch: float | None
    best_map_at_5: float | None
    steps: int
    epochs: float
    minutes: float
    finished: bool
    best_accuracy: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**asdict(self), "weights": str(self.weights.name), "history": [asdict(row) for row in self.history]}


def publish_metrics(run: Path, result: TrainResult, about: dict[str, Any]) -> None:
    """Write `metrics.csv` (the history) and `metrics.json` (history, result and settings)."""
    publish(run / "metrics.csv", as_csv(result.history))
    publish_json(run / "metrics.json", {**result.as_dict(), **about})


def as_csv(history: Sequence[Row]) -> bytes:
    """The history with a header line; empty cells where a figure does not exist."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(Row.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(row) for row in history)
    return text.getvalue().encode()
