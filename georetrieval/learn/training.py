"""The loop: mine, step, validate, keep the best; it stops anywhere and goes on exactly where it stopped."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from georetrieval.embedding import embed
from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.files import digest, locked
from georetrieval.learn.checkpoint import load_state, optimiser_tensors, restore_optimiser, save_state
from georetrieval.learn.interruption import Interruption
from georetrieval.learn.journal import Row, TrainResult, publish_metrics
from georetrieval.learn.mining import HardPairs, PairSampler, answers, hard_pairs
from georetrieval.learn.objectives import InfoNCE, PairBCE
from georetrieval.learn.relations import Pairs
from georetrieval.learn.settings import MiningSettings, TrainSettings
from georetrieval.learn.validation import matches_between
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.progress import Progress, silent
from georetrieval.samples.augment import Augment, AugmentSettings
from georetrieval.samples.sample import SampleSet, aligned
from georetrieval.search.metrics import map_at_k, recall_at_k

SidePair = tuple[SampleSet, SampleSet]
WEIGHTS, STATE = "weights.safetensors", "state.safetensors"


def train(
    eye: DescriptorNet,
    objective: PairBCE | InfoNCE,
    pairs: SidePair,
    *,
    validation: SidePair | None,
    settings: TrainSettings,
    run: Path,
    mining: MiningSettings | None = None,
    augment: AugmentSettings | None = None,
    resume: bool = False,
    progress: Progress = silent,
) -> TrainResult:
    """Train `eye` on two dates of the same places.

    Parameters
    ----------
    eye, objective
        Both are changed in place; at the end `eye` holds the last weights, the best are in the run folder.
    pairs, validation
        (queries, gallery), matched by key; places on one side only are left out of training.
    run
        Folder for `weights.safetensors` (best), `state.safetensors`, `metrics.csv`, `metrics.json`.
    mining
        None trains on random pairs only.
    resume
        Go on from the state in `run`; the result is that of an uninterrupted training, bit for bit on a CPU.

    Raises
    ------
    UsageError
        When `run` holds a training and `resume` is False.
    InputError
        When there is nothing to resume, or no place is on both sides.
    MismatchError
        When the state belongs to other settings, another net or other data.
    KeyboardInterrupt
        After a resumable state was written.
    """
    with locked(run / ".lock"), torch.random.fork_rng(devices=[]), Interruption() as interruption:
        loop = _Loop(eye, objective, pairs, validation, settings, mining, augment, run)
        loop.begin(resume=resume)
        return loop.go(interruption, progress)


class _Loop:
    """Everything that changes during a training; `epoch`, `step`, `hard` and the tensors are the whole state."""

    def __init__(
        self,
        eye: DescriptorNet,
        objective: PairBCE | InfoNCE,
        pairs: SidePair,
        validation: SidePair | None,
        settings: TrainSettings,
        mining: MiningSettings | None,
        augment: AugmentSettings | None,
        run: Path,
    ) -> None:
        self.accelerator = Accelerator()
        self.device = self.accelerator.device
        self.eye = eye.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = objective.to(self.device)
        self.queries, self.gallery = aligned(*pairs)
        self.validation = validation
        self.settings, self.mining, self.run = settings, mining, run
        self.augment = None if augment is None else Augment(augment, self.queries.bands)
        self.sampler = PairSampler(
            self.queries.keys,
            self.queries.scopes,
            batch=settings.pairs_per_batch,
            mining=mining,
            negatives=objective.wants_negatives,
        )
        self.optimiser = _optimiser(eye, objective, settings)
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        self.about = _about(eye, settings, mining, augment)
        self.identity = digest([_identity(eye, settings, mining, augment), self.queries.names, self.gallery.names])
        self.epoch, self.step, self.total_steps, self.mined_epoch = 0, 0, 0, 0
        self.hard: HardPairs | None = None
        self.history: list[Row] = []
        self.best: Row | None = None
        self.sums = {"loss": 0.0, "steps": 0.0, "images": 0.0, "seconds": 0.0}
        self.earlier_s, self.started, self.saved = 0.0, time.monotonic(), time.monotonic()
        self.whole = True

    # ---- the page that matters

    def go(self, interruption: Interruption, progress: Progress) -> TrainResult:
        """Train until the epochs or the minutes are spent."""
        watching = interruption.watching(progress)
        try:
            while self.epoch < self.settings.epochs and not self.spent:
                self.mine_if_due(watching)
                self.one_epoch(interruption, progress)
                if not self.spent:
                    self.end_epoch(watching)
            if not self.history or self.history[-1].step != self.total_steps:
                self.record(watching)  # the last weights are always looked at
        except KeyboardInterrupt:
            if self.whole:
                self.save()
            raise
        self.save()
        return self.result()

    def one_epoch(self, interruption: Interruption, progress: Progress) -> None:
        """The steps of this epoch that are not made yet."""
        self.eye.train()
        self.objective.train()
        steps = self.sampler.steps(self.hard)
        batches = self.sampler.epoch(self.settings.seed, self.epoch, self.hard)
        for pairs in itertools.islice(batches, self.step, None):
            self.whole = False
            loss = self.one_step(pairs, steps)
            self.step, self.total_steps, self.whole = self.step + 1, self.total_steps + 1, True
            self.report(progress, steps, loss)
            interruption.check()
            if self.spent:
                return
            if time.monotonic() - self.saved > 60 * self.settings.save_minutes:
                self.save()

    def one_step(self, pairs: Pairs, steps: int) -> float:
        """Both members of all pairs in one batch, forward, backward, step; returns the loss."""
        began = time.monotonic()
        pixels = self.pixels(pairs)
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * self.rate_factor(steps)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.settings.precision == "bf16"):
            vectors = self.eye(pixels, self.queries.bands)
        loss = self.objective(vectors.float(), pairs.in_batch())
        value = float(loss.detach())
        if not math.isfinite(value):
            raise UsageError(f"The loss is {value} at step {self.total_steps}; lower the learning rates.")
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.add(loss=value, steps=1, images=2 * len(pairs), seconds=time.monotonic() - began)
        return value

    def pixels(self, pairs: Pairs) -> Tensor:
        """`(2n, C, H, W)`: all first members, then all second ones, changed alike."""
        first, second = (torch.from_numpy(self.read(rows)) for rows in (pairs.first, pairs.second))
        if self.augment is not None:
            seed = np.random.SeedSequence([self.settings.seed, self.epoch, self.step]).generate_state(1, np.uint64)
            first, second = self.augment(first, second, torch.Generator().manual_seed(int(seed[0] >> 1)))
        return torch.cat([first, second]).to(self.device, memory_format=torch.channels_last)

    def read(self, rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Pixels of rows of both sets laid end to end."""
        count = len(self.queries)
        asked = rows < count
        if asked.all():
            return self.queries.batch(rows)
        if not asked.any():
            return self.gallery.batch(rows - count)
        ours, theirs = self.queries.batch(rows[asked]), self.gallery.batch(rows[~asked] - count)
        out = np.empty((len(rows), *ours.shape[1:]), dtype=np.float32)
        out[asked], out[~asked] = ours, theirs
        return out

    def mine_if_due(self, progress: Progress) -> None:
        """Look for hard pairs every so many epochs, at the start of one."""
        if self.mining is None or self.step or self.epoch == self.mined_epoch or self.epoch % self.mining.every:
            return
        asked = embed(self.queries, self.eye, progress=progress)
        known = embed(self.gallery, self.eye, progress=progress)
        self.hard = hard_pairs(answers(asked, known, self.mining.k), self.mining.below)
        self.mined_epoch = self.epoch

    def end_epoch(self, progress: Progress) -> None:
        """Validate when it is time, go to the next epoch, publish the state."""
        if (self.epoch + 1) % self.settings.validate_every == 0 or self.epoch + 1 == self.settings.epochs:
            self.record(progress)
        self.epoch, self.step = self.epoch + 1, 0
        self.save()

    def record(self, progress: Progress) -> None:
        """Validate, add a row to the history, keep the weights when they are the best so far."""
        score = recall = None
        if self.validation is not None:
            matches = matches_between(*self.validation, self.eye, progress=progress)
            score, recall = map_at_k(matches, 5), recall_at_k(matches, 1)
        row = Row(
            epoch=round(self.epoch + self.step / self.sampler.steps(self.hard), 4),
            step=self.total_steps,
            loss=self.sums["loss"] / max(1.0, self.sums["steps"]),
            map_at_5=score,
            recall_at_1=recall,
            hard=None if self.hard is None else len(self.hard),
            train_map_at_5=None if self.hard is None else self.hard.score,
            images_per_s=self.sums["images"] / max(1e-9, self.sums["seconds"]),
            minutes=self.elapsed_s / 60,
        )
        self.sums = dict.fromkeys(self.sums, 0.0)
        self.history.append(row)
        if self.best is None or score is None or (self.best.map_at_5 or 0.0) < score:
            self.best = row
            self.eye.save(self.run / WEIGHTS, also=self.objective.state_dict())
        publish_metrics(self.run, self.result(), self.about)

    # ---- time

    @property
    def elapsed_s(self) -> float:
        """Seconds of all sessions."""
        return self.earlier_s + time.monotonic() - self.started

    @property
    def spent(self) -> bool:
        """Whether the minutes are over."""
        return self.settings.minutes is not None and self.elapsed_s >= 60 * self.settings.minutes

    def share_done(self, steps: int) -> float:
        """How much of the training is over, 0..1, by epochs or by minutes, whichever is further."""
        by_epochs = (self.epoch + self.step / steps) / self.settings.epochs
        by_minutes = self.elapsed_s / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return min(1.0, max(by_epochs, by_minutes))

    def rate_factor(self, steps: int) -> float:
        """What the learning rates are multiplied by now."""
        return rate_factor(self.share_done(steps), self.settings.schedule, self.settings.warmup)

    def report(self, progress: Progress, steps: int, loss: float) -> None:
        what = f"training, epoch {self.epoch + 1}, loss {loss:.3f}"
        if self.best is not None and self.best.map_at_5 is not None:
            what += f", best map@5 {self.best.map_at_5:.3f}"
        progress(round(1000 * self.share_done(steps)), 1000, what)

    def add(self, **values: float) -> None:
        for name, value in values.items():
            self.sums[name] += value

    # ---- state

    def begin(self, *, resume: bool) -> None:
        """Start afresh, or from the state in the run folder."""
        path = self.run / STATE
        if not resume and path.exists():
            raise UsageError(f"{self.run} holds a training already; resume it, or choose another folder.")
        if not resume:
            torch.manual_seed(self.settings.seed)
            return
        if not path.exists():
            raise InputError(f"{self.run} holds no training to resume; start one without --resume.")
        tensors, values = load_state(path)
        if values["identity"] != self.identity:
            raise MismatchError(
                f"{self.run} was trained with other settings, another net or other tiles; resume it with the same "
                "ones (only epochs and minutes may change), or choose another folder."
            )
        self.restore(tensors, values)

    def restore(self, tensors: dict[str, dict[str, Tensor]], values: dict[str, Any]) -> None:
        self.eye.load_state_dict(tensors["eye"])
        self.objective.load_state_dict(tensors.get("objective", {}))
        restore_optimiser(self.optimiser, tensors.get("optimiser", {}))
        torch.set_rng_state(tensors["random"]["torch"])
        for name in ("epoch", "step", "total_steps", "mined_epoch", "sums"):
            setattr(self, name, values[name])
        self.earlier_s = float(values["seconds"])
        self.history = [Row(**row) for row in values["history"]]
        self.best = None if values["best"] is None else Row(**values["best"])
        if "hard" in tensors:
            rows, wrong = tensors["hard"]["rows"].numpy(), tensors["hard"]["wrong"].numpy()
            self.hard = HardPairs(rows, wrong, values["hard_score"])

    def save(self) -> None:
        """Publish the state; whatever happens after, the training can go on from here."""
        tensors = {
            "eye": self.eye.state_dict(),
            "objective": self.objective.state_dict(),
            "optimiser": optimiser_tensors(self.optimiser),
            "random": {"torch": torch.get_rng_state()},
        }
        if self.hard is not None:
            tensors["hard"] = {"rows": torch.from_numpy(self.hard.rows), "wrong": torch.from_numpy(self.hard.wrong)}
        values = {
            "identity": self.identity,
            "epoch": self.epoch,
            "step": self.step,
            "total_steps": self.total_steps,
            "mined_epoch": self.mined_epoch,
            "sums": self.sums,
            "seconds": self.elapsed_s,
            "history": [asdict(row) for row in self.history],
            "best": None if self.best is None else asdict(self.best),
            "hard_score": None if self.hard is None else self.hard.score,
        }
        save_state(self.run / STATE, tensors, values)
        self.saved = time.monotonic()

    def result(self) -> TrainResult:
        """What there is to say now."""
        scored = self.best if self.best is not None and self.best.map_at_5 is not None else None
        return TrainResult(
            weights=self.run / WEIGHTS,
            history=tuple(self.history),
            best_epoch=scored.epoch if scored else None,
            best_map_at_5=scored.map_at_5 if scored else None,
            steps=self.total_steps,
            epochs=self.epoch + self.step / self.sampler.steps(self.hard),
            minutes=self.elapsed_s / 60,
            finished=self.epoch >= self.settings.epochs,
        )


def rate_factor(done: float, schedule: str, warmup: float) -> float:
    """Factor of the learning rates when a share `done` (0..1) of the training is over.

    Rises in a straight line during `warmup`, then stays 1 ("constant") or follows half a cosine down to 0.
    """
    if done < warmup:
        return max(done, 1e-3) / warmup if warmup else 1.0
    if schedule == "constant":
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / max(1e-9, 1 - warmup)))


def _optimiser(eye: DescriptorNet, objective: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """One group of parameters per rate: fusion, trunk, new layers."""
    layers = (
        (eye.fusion, settings.rate_fusion),
        (eye.trunk, settings.rate_trunk),
        (nn.ModuleList([eye.head, objective]), settings.rate_new),
    )
    groups = [
        {"params": [p for p in layer.parameters() if p.requires_grad], "lr": rate} for layer, rate in layers
    ]
    kind = torch.optim.AdamW if settings.optimiser == "adamw" else torch.optim.Adam
    return kind([group for group in groups if group["params"]], weight_decay=settings.weight_decay)


def _about(
    eye: DescriptorNet, settings: TrainSettings, mining: MiningSettings | None, augment: AugmentSettings | None
) -> dict[str, Any]:
    return {
        "net": eye.settings.as_dict(),
        "settings": asdict(settings),
        "mining": None if mining is None else asdict(mining),
        "augment": None if augment is None else asdict(augment),
    }


def _identity(
    eye: DescriptorNet, settings: TrainSettings, mining: MiningSettings | None, augment: AugmentSettings | None
) -> dict[str, Any]:
    return {**_about(eye, settings, mining, augment), "settings": settings.identity()}

