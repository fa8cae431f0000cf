"""The loop of a detector: one page, whole epochs, the best weights kept."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from georetrieval.errors import InputError, UsageError
from georetrieval.files import locked, publish_json, remove_orphans
from georetrieval.learn.journal import KINDS
from georetrieval.learn.precision import Precision, average_precision, pycocotools
from georetrieval.learn.rates import rate_factor
from georetrieval.nets.detector import Detector, Found
from georetrieval.progress import Progress, silent
from georetrieval.samples.boxes import BoxedPictures

WEIGHTS, METRICS = "detector.safetensors", "detector.json"
LEAST_SCORE = 0.05
"""Boxes above this enter the average precision. *Source*: torchvision's RetinaNet, `score_thresh`."""
LONGEST_STEP = 1.0
"""Largest norm of the gradient of one step."""


@dataclass(frozen=True)
class DetectingSettings:
    """The training of a detector.

    Attributes
    ----------
    epochs, minutes
        Whichever ends first.
    batch
        Pictures in a step.
    rate, weight_decay, warmup
        Of AdamW; the rate rises during `warmup` (a share of the training), then falls along half a cosine.
    flips
        Mirror pictures left-right and up-down, each half of the time: for views from above.
    brightness
        Largest change of the light: pixels are multiplied by 1 +- this.
    validate_every
        Epochs between two validations; the last is always validated.
    seed
        Of everything that is drawn.
    precision
        Of the trunk and its pyramid in training: "fp32", or "bf16", which is faster where the processor knows it; on
        pictures of a few pixels the loss has become no number with it, and the training ends with a sentence. Heads
        and losses are always in float32.
    """

    epochs: int = 50
    minutes: float | None = None
    batch: int = 8
    rate: float = 2e-4
    weight_decay: float = 1e-4
    warmup: float = 0.05
    flips: bool = True
    brightness: float = 0.2
    validate_every: int = 5
    seed: int = 1
    precision: Literal["bf16", "fp32"] = "fp32"

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch, self.validate_every) < 1 or self.rate <= 0:
            raise UsageError(f"A detector's training needs epochs, batch and validate_every >= 1 and a rate > 0, found "
                             f"{self.epochs}, {self.batch}, {self.validate_every} and {self.rate}.")


@dataclass(frozen=True)
class DetectingResult:
    """What a training gave: where the weights are, the mean loss of each epoch, and the best validation."""

    weights: Path
    losses: tuple[float, ...]
    best: Precision | None
    best_epoch: int | None


def train_detector(
    detector: Detector,
    pictures: BoxedPictures,
    *,
    validation: BoxedPictures | None,
    settings: DetectingSettings,
    run: Path,
    progress: Progress = silent,
) -> DetectingResult:
    """Train `detector`, which is changed in place; at the end it holds the best weights, those of the run folder.

    Parameters
    ----------
    pictures, validation
        With the detector's labels. Without validation the last weights are kept.
    run
        Folder for `detector.safetensors` and `detector.json`.

    Raises
    ------
    InputError
        When the pictures have other labels or no box.
    MissingExtraError
        When there is a validation and pycocotools is not installed.
    UsageError
        When the loss is no number, or `run` holds a detector already.

    Notes
    -----
    There is no resume: a detector of the sizes used here trains in one session.
    """
    for part in (pictures, validation):
        if part is not None and (part.labels != detector.settings.labels or not sum(map(len, part.boxes))):
            raise InputError(f"The detector looks for {', '.join(detector.settings.labels)}; {part.folder} holds "
                             f"{sum(map(len, part.boxes))} boxes of {', '.join(part.labels)}.")
    if (run / WEIGHTS).exists():
        raise UsageError(f"{run} holds a detector already; choose another folder.")
    if validation is not None:
        pycocotools()
    detector.settings = replace(detector.settings, usual_area=pictures.usual_area())
    with locked(run / ".lock"), torch.random.fork_rng(devices=[]):
        remove_orphans(run, KINDS)
        torch.manual_seed(settings.seed)
        return _train(detector, pictures, validation, settings, run, progress)


def _train(
    detector: Detector, pictures: BoxedPictures, validation: BoxedPictures | None, settings: DetectingSettings,
    run: Path, progress: Progress,
) -> DetectingResult:
    detector.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(detector.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
    began, losses, kept = time.monotonic(), list[float](), DetectingResult(run / WEIGHTS, (), None, None)
    for epoch in range(settings.epochs):
        losses.append(_epoch(detector, optimiser, pictures, settings, epoch, began))
        last = epoch + 1 == settings.epochs or _share(settings, epoch + 1, began) >= 1
        if last or (epoch + 1) % settings.validate_every == 0:
            found = None if validation is None else measure_detector(detector, validation)
            if found is None or kept.best is None or found.ap > kept.best.ap:
                kept = replace(kept, best=found, best_epoch=epoch + 1)
                detector.save(run / WEIGHTS)
        kept = replace(kept, losses=tuple(losses))
        _publish(kept, detector, settings, run)
        progress(round(1000 * _share(settings, epoch + 1, began)), 1000,
                 f"training the detector, epoch {epoch + 1}, loss {losses[-1]:.3f}")
        if last:
            break
    detector.load_state_dict(Detector.load(run / WEIGHTS).state_dict())
    detector.eval()
    return kept


def _epoch(
    detector: Detector, optimiser: torch.optim.Optimizer, pictures: BoxedPictures, settings: DetectingSettings,
    epoch: int, began: float,
) -> float:
    """All pictures once, in an order and with changes drawn by seed and epoch; the mean loss."""
    detector.train()
    detector.net.backbone.in_bf16 = settings.precision == "bf16"
    chance = np.random.default_rng([settings.seed, epoch])
    order = chance.permutation(len(pictures))
    starts, losses = range(0, len(order), settings.batch), []
    for step, start in enumerate(starts):
        share = _share(settings, epoch + step / len(starts), began)
        for group in optimiser.param_groups:
            group["lr"] = settings.rate * rate_factor(share, "cosine", settings.warmup)
        loss = detector(*_batch(pictures, order[start : start + settings.batch], settings, chance, detector))
        if not math.isfinite(float(loss.detach())):
            raise UsageError(f"The detector's loss is {float(loss.detach())} in epoch {epoch + 1}; lower the rate.")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(detector.parameters(), LONGEST_STEP)
        optimiser.step()
        losses.append(float(loss.detach()))
    detector.net.backbone.in_bf16 = False
    return float(np.mean(losses))


def _batch(
    pictures: BoxedPictures, rows: np.ndarray[tuple[int], np.dtype[np.int64]], settings: DetectingSettings,
    chance: np.random.Generator, detector: Detector,
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    device = next(detector.parameters()).device
    pixels, boxes, numbers = [], [], []
    for row in rows:
        picture = torch.from_numpy(pictures.picture(int(row))).to(device).float() / 255
        box = torch.from_numpy(pictures.boxes[row]).to(device)
        for axis in np.flatnonzero(chance.random(2) < 0.5) if settings.flips else ():
            picture, box = flipped(picture, box, int(axis))
        light = 1 + settings.brightness * chance.uniform(-1, 1)
        pixels.append((picture * light).clamp(0, 1))
        boxes.append(box)
        numbers.append(torch.from_numpy(pictures.numbers[row]).to(device))
    return pixels, boxes, numbers


def flipped(picture: Tensor, boxes: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """`(3, H, W)` and `(n, 4)` mirrored left-right (axis 0) or up-down (axis 1)."""
    side = picture.shape[2 - axis]
    mirrored = boxes.clone()
    mirrored[:, axis], mirrored[:, axis + 2] = side - boxes[:, axis + 2], side - boxes[:, axis]
    return picture.flip(2 - axis), mirrored


def detected(detector: Detector, pictures: BoxedPictures, *, least_score: float) -> list[Found]:
    """What the detector finds in each picture, read one at a time."""
    return [detector.detect(torch.from_numpy(pictures.picture(row)).float() / 255, least_score=least_score)
            for row in range(len(pictures))]


def measure_detector(detector: Detector, pictures: BoxedPictures) -> Precision:
    """AP, AP50 and AP75 on pictures with boxes."""
    return average_precision(pictures, detected(detector, pictures, least_score=LEAST_SCORE))


def _share(settings: DetectingSettings, epochs: float, began: float) -> float:
    """How much of the training is over, 0..1."""
    spent = (time.monotonic() - began) / (60 * settings.minutes) if settings.minutes else 0.0
    return min(1.0, max(epochs / settings.epochs, spent))


def _publish(kept: DetectingResult, detector: Detector, settings: DetectingSettings, run: Path) -> None:
    publish_json(run / METRICS, {
        "best": kept.best and asdict(kept.best), "best_epoch": kept.best_epoch, "losses": list(kept.losses),
        "detector": detector.settings.as_dict(), "settings": asdict(settings),
    })
