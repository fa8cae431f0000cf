"""Where a training is: all that changes besides the tensors of net, objective and optimiser."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor

from georetrieval.errors import StoreError
from georetrieval.learn.journal import Row
from georetrieval.learn.lessons import Scores
from georetrieval.learn.mining import HardPairs


@dataclass
class Position:
    """Where a training is.

    Attributes
    ----------
    epoch, step
        Epochs done, and steps done in the epoch under way.
    total_steps
        Steps done since the start.
    mined_epoch
        Epoch at whose start hard pairs were last looked for.
    seconds
        Of the sessions before this one.
    loss, steps, images, step_seconds
        Sums since the last row of the history.
    """

    epoch: int = 0
    step: int = 0
    total_steps: int = 0
    mined_epoch: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    steps: int = 0
    images: int = 0
    step_seconds: float = 0.0
    history: list[Row] = field(default_factory=list)
    best: Row | None = None
    hard: HardPairs | None = None

    def stepped(self, loss: float, images: int, seconds: float) -> None:
        """One more step is done."""
        self.step, self.total_steps, self.steps = self.step + 1, self.total_steps + 1, self.steps + 1
        self.loss, self.images, self.step_seconds = self.loss + loss, self.images + images, self.step_seconds + seconds

    def row(self, steps: int, scores: Scores, seconds: float) -> Row:
        """The next row of the history; the sums start again. `steps` is the length of the epoch under way."""
        row = Row(
            epoch=round(self.epoch + self.step / steps, 4),
            step=self.total_steps,
            loss=self.loss / max(1, self.steps),
            map_at_5=scores.map_at_5,
            recall_at_1=scores.recall_at_1,
            hard=None if self.hard is None else len(self.hard),
            train_map_at_5=None if self.hard is None else self.hard.score,
            images_per_s=self.images / max(1e-9, self.step_seconds),
            minutes=seconds / 60,
            accuracy=scores.accuracy,
        )
        self.loss, self.steps, self.images, self.step_seconds = 0.0, 0, 0, 0.0
        self.history.append(row)
        return row

    def values(self, seconds: float) -> dict[str, Any]:
        """Plain JSON values; `hard` goes apart, as tensors."""
        score = None if self.hard is None else self.hard.score
        plain = {name: value for name, value in vars(self).items() if name not in ("hard", "history", "best")}
        history = [asdict(row) for row in self.history]
        best = None if self.best is None else asdict(self.best)
        return {**plain, "seconds": seconds, "history": history, "best": best, "hard_score": score}

    def tensors(self) -> dict[str, Tensor]:
        """The hard pairs."""
        if self.hard is None:
            return {}
        return {"rows": torch.from_numpy(self.hard.rows), "wrong": torch.from_numpy(self.hard.wrong)}

    @classmethod
    def of(cls, values: dict[str, Any], tensors: dict[str, Tensor]) -> Position:
        """The inverse of `values` and `tensors`."""
        plain = {name: value for name, value in values.items() if name != "hard_score"}
        try:
            position = cls(**plain)
            position.history = [Row(**row) for row in plain["history"]]
            position.best = None if plain["best"] is None else Row(**plain["best"])
            if tensors:
                rows, wrong = tensors["rows"].numpy(), tensors["wrong"].numpy()
                position.hard = HardPairs(rows, wrong, float(values["hard_score"]))
        except (TypeError, KeyError, ValueError) as error:
            raise StoreError("The state of this training was written by another version; start again.") from error
        return position
