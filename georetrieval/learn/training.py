"""The loop: mine, step, validate, keep the best; it stops anywhere and goes on exactly where it stopped."""

from __future__ import annotations

import itertools
import math
import time
from dataclasses import asdict
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import Tensor

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.files import digest, locked, remove_orphans
from georetrieval.learn.averaging import Average
from georetrieval.learn.checkpoint import load_state, optimiser_tensors, restore_optimiser, save_state
from georetrieval.learn.interruption import Interruption
from georetrieval.learn.journal import KINDS, TrainResult, publish_metrics
from georetrieval.learn.lessons import Lessons, SideLessons, SidePair
from georetrieval.learn.objectives import AnyObjective
from georetrieval.learn.phases import Freezer
from georetrieval.learn.position import Position
from georetrieval.learn.rates import optimiser_of, rate_factor, slowed
from georetrieval.learn.reading import read_ahead
from georetrieval.learn.relations import Relations
from georetrieval.learn.settings import MiningSettings, TrainSettings
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.inference import bf16_is_fast
from georetrieval.nets.memory import keep_memory
from georetrieval.progress import Progress, silent
from georetrieval.samples.augment import Augment, AugmentSettings

WEIGHTS, STATE = "weights.safetensors", "state.safetensors"


def train(
    eye: DescriptorNet, objective: AnyObjective, pairs: SidePair, *, validation: SidePair | None,
    settings: TrainSettings, run: Path, mining: MiningSettings | None = None, augment: AugmentSettings | None = None,
    resume: bool = False, progress: Progress = silent,
) -> TrainResult:
    """Train `eye` on two dates of the same places: `teach` with `SideLessons`, which see.

    Parameters
    ----------
    pairs, validation
        (queries, gallery), matched by key; places on one side only are left out of training.
    mining
        None trains on random pairs only.
    """
    lessons = SideLessons(
        pairs, validation, batch=settings.pairs_per_batch, mining=mining, negatives=objective.wants_negatives
    )
    return teach(eye, objective, lessons, settings=settings, run=run, augment=augment, resume=resume,
                 progress=progress)


def teach(
    eye: DescriptorNet, objective: AnyObjective, lessons: Lessons, *, settings: TrainSettings, run: Path,
    augment: AugmentSettings | None = None, resume: bool = False, progress: Progress = silent,
) -> TrainResult:
    """Train `eye` on some lessons.

    Parameters
    ----------
    eye, objective
        Both are changed in place; at the end `eye` holds the last weights, the best are in the run folder.
    run
        Folder for `weights.safetensors` (best), `state.safetensors`, `metrics.csv`, `metrics.json`.
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
        remove_orphans(run, KINDS)
        loop = _Loop(eye, objective, lessons, settings, augment, run)
        loop.begin(resume=resume)
        return loop.go(interruption, progress)


class _Loop:
    """A training under way; `at` and the tensors of eye, objective and optimiser are its whole state."""

    def __init__(
        self, eye: DescriptorNet, objective: AnyObjective, lessons: Lessons, settings: TrainSettings,
        augment: AugmentSettings | None, run: Path,
    ) -> None:
        keep_memory()
        self.accelerator = Accelerator()
        self.device = self.accelerator.device
        self.eye = eye.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.objective = objective.to(self.device)
        self.average = Average(self.eye, settings.ema)
        self.fast = settings.precision == "bf16" and bf16_is_fast(self.device)
        self.lessons, self.settings, self.run = lessons, settings, run
        self.augment = None if augment is None else Augment(augment, lessons.bands)
        self.freezer = Freezer(settings.phases, eye, objective)
        self.optimiser = optimiser_of(eye, objective, settings)
        self.rates = [group["lr"] / lessons.spread for group in self.optimiser.param_groups]
        parts = {"mining": lessons.mining and asdict(lessons.mining), "augment": augment and augment.as_dict()}
        self.about = {"net": eye.settings.as_dict(), "settings": asdict(settings), **parts}
        self.identity = digest([self.about | {"settings": settings.identity()}, eye.legend, lessons.identity()])
        self.at = Position()
        self.started = self.saved = time.monotonic()
        self.whole = True

    # ---- the page that matters

    def go(self, interruption: Interruption, progress: Progress) -> TrainResult:
        """Train until the epochs, the minutes or the patience are spent."""
        watching = interruption.watching(progress)
        try:
            while self.at.epoch < self.settings.epochs and not self.spent and not self.waited_enough:
                self.mine_if_due(watching)
                self.one_epoch(interruption, progress)
                if not self.spent:
                    self.end_epoch(watching)
            if not self.at.history or self.at.history[-1].step != self.at.total_steps:
                self.record(watching)  # the last weights are always looked at
        except KeyboardInterrupt:
            if self.whole:
                self.save()
            raise
        self.save()
        publish_metrics(self.run, self.result(), self.about)
        return self.result()

    def one_epoch(self, interruption: Interruption, progress: Progress) -> None:
        """The steps of this epoch that are not made yet."""
        self.eye.train()
        self.objective.train()
        self.freezer.begin(self.at.epoch)
        batches = self.lessons.epoch(self.settings.seed, self.at.epoch, self.at.hard)
        began = time.monotonic()
        for relations, pixels in read_ahead(itertools.islice(batches, self.at.step, None), self.read, self.at.step):
            self.whole = False
            loss = self.one_step(relations, pixels)
            self.at.stepped(loss, len(pixels), time.monotonic() - began)
            self.whole = True
            self.report(progress, loss)
            interruption.check()
            if self.spent:
                return
            if time.monotonic() - self.saved > 60 * self.settings.save_minutes:
                self.save()
            began = time.monotonic()

    def read(self, relations: Relations, step: int) -> Tensor:
        """The pictures of a step of this epoch, changed; the same step gives the same pixels."""
        return self.lessons.pixels(relations, self.augment, (self.settings.seed, self.at.epoch, step))

    def one_step(self, relations: Relations, pixels: Tensor) -> float:
        """All pictures in one batch, forward, backward, step; returns the loss."""
        pixels = pixels.to(self.device, memory_format=torch.channels_last)
        factor = rate_factor(self.share_done, self.settings.schedule, self.settings.warmup)
        factor *= slowed(self.at.total_steps, self.settings.rate_decay)
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.fast):
            vectors = self.eye.of_maps(pixels if self.fast else pixels.float()) if self.lessons.of_maps \
                else self.eye(pixels, self.lessons.bands)
        loss = self.objective(vectors.float(), relations.in_batch())
        value = float(loss.detach())
        if not math.isfinite(value):
            raise UsageError(f"The loss is {value} at step {self.at.total_steps}; lower the learning rates.")
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        self.optimiser.step()
        self.average.update()
        return value

    def mine_if_due(self, progress: Progress) -> None:
        """Look for hard pairs every so many epochs, at the start of one."""
        at, mining = self.at, self.lessons.mining
        if mining is None or at.step or at.epoch == at.mined_epoch or at.epoch % mining.every:
            return
        at.hard = self.lessons.mine(self.eye, progress)
        at.mined_epoch = at.epoch

    def end_epoch(self, progress: Progress) -> None:
        """Validate when it is time, go to the next epoch, publish the state."""
        done = self.at.epoch + 1
        if done % self.settings.validate_every == 0 or done == self.settings.epochs:
            self.record(progress)
        self.at.epoch, self.at.step = done, 0
        self.save()

    def record(self, progress: Progress) -> None:
        """Validate, add a row to the history, keep the weights when they are the best so far."""
        scores = self.lessons.validate(self.average.eye, progress)
        row = self.at.row(self.steps, scores, self.elapsed_s)
        best = self.at.best
        if best is None or row.score is None or (best.score or 0.0) < row.score:
            self.at.best = row
            self.average.eye.save(self.run / WEIGHTS, also=self.objective.state_dict())
        publish_metrics(self.run, self.result(), self.about)

    # ---- time

    @property
    def steps(self) -> int:
        """Length of the epoch under way."""
        return self.lessons.steps(self.at.hard)

    @property
    def elapsed_s(self) -> float:
        """Seconds of all sessions."""
        return self.at.seconds + time.monotonic() - self.started

    @property
    def spent(self) -> bool:
        """Whether the minutes are over."""
        return self.settings.minutes is not None and self.elapsed_s >= 60 * self.settings.minutes

    @property
    def waited_enough(self) -> bool:
        """Whether validation has not become better for as many epochs as the patience."""
        best, patience = self.at.best, self.settings.patience
        if patience is None or best is None or best.score is None:
            return False
        return self.at.history[-1].epoch - best.epoch >= patience

    @property
    def share_done(self) -> float:
        """How much of the training is over, 0..1, by epochs or by minutes, whichever is further."""
        by_epochs = (self.at.epoch + self.at.step / self.steps) / self.settings.epochs
        by_minutes = self.elapsed_s / (60 * self.settings.minutes) if self.settings.minutes else 0.0
        return min(1.0, max(by_epochs, by_minutes))

    def report(self, progress: Progress, loss: float) -> None:
        """Say how far it is, in thousandths, and how well it goes."""
        what = f"training, epoch {self.at.epoch + 1}, loss {loss:.3f}"
        best = self.at.best
        if best is not None and best.score is not None:
            what += f", best {'map@5' if best.accuracy is None else 'accuracy'} {best.score:.3f}"
        progress(round(1000 * self.share_done), 1000, what)

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
        if values.pop("identity", None) != self.identity:
            raise MismatchError(
                f"{self.run} was trained with other settings, another net or other tiles; resume it with the same "
                "ones (only epochs and minutes may change), or choose another folder."
            )
        self.at = Position.of(values, tensors.get("hard", {}))
        self.eye.load_state_dict(tensors["eye"])
        self.average.load_state_dict(tensors.get("average", {}))
        self.objective.load_state_dict(tensors.get("objective", {}))
        restore_optimiser(self.optimiser, tensors.get("optimiser", {}))
        torch.set_rng_state(tensors["random"]["torch"])

    def save(self) -> None:
        """Publish the state; whatever happens after, the training can go on from here."""
        tensors = {
            "eye": self.eye.state_dict(),
            "average": self.average.state_dict(),
            "objective": self.objective.state_dict(),
            "optimiser": optimiser_tensors(self.optimiser),
            "random": {"torch": torch.get_rng_state()},
            "hard": self.at.tensors(),
        }
        save_state(self.run / STATE, tensors, {**self.at.values(self.elapsed_s), "identity": self.identity})
        self.saved = time.monotonic()

    def result(self) -> TrainResult:
        """What there is to say now."""
        best = self.at.best if self.at.best is not None and self.at.best.score is not None else None
        return TrainResult(
            weights=self.run / WEIGHTS,
            history=tuple(self.at.history),
            best_epoch=best.epoch if best else None,
            best_map_at_5=best.map_at_5 if best else None,
            steps=self.at.total_steps,
            epochs=self.at.epoch + self.at.step / self.steps,
            minutes=self.elapsed_s / 60,
            finished=self.at.epoch >= self.settings.epochs or self.waited_enough,
            best_accuracy=best.accuracy if best else None,
        )
