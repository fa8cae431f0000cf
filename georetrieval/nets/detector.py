"""The detector: where the things are in a picture that holds many, so that each can be cropped and recognised."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from georetrieval.errors import InputError, UsageError
from georetrieval.files import publish
from georetrieval.nets.boxes import crowded
from georetrieval.nets.detector_parts import GROUPS, TRUNKS, retinanet, ssd
from georetrieval.nets.embedder import tensors_of
from georetrieval.nets.sealed import sealed
from georetrieval.nets.weights import load_trunk

FORMAT = "georetrieval-detector-1"


class Found(NamedTuple):
    """What was found in one picture, the surest first.

    Attributes
    ----------
    boxes
        `(n, 4)` float32: x0, y0, x1, y1 in pixels of the picture.
    scores
        `(n,)` float32, 0..1.
    labels
        `(n,)` str.
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.str_]


@dataclass(frozen=True)
class DetectorSettings:
    """The architecture of a `Detector`.

    Attributes
    ----------
    labels
        Names of what is looked for, one or more.
    kind
        "retinanet": RetinaNet as torchvision's second version (group norm in the head, boxes by GIoU); "ssd": an SSD
        head (softmax with a background class, hard negatives 3 to 1) on the same pyramid, pictures squeezed to a
        square.
    trunk
        A ResNet of torchvision: resnet18, 34, 50, 101.
    px
        The longer side of the picture as the net sees it.
    anchor
        Side of the smallest boxes that are looked for, in those pixels; each of five levels doubles it ("retinanet").
    channels
        Of the pyramid's maps and of the heads; 256 is the published one, 64 trains three times as fast on a processor
        (ResNet18, 64 px).
    usual_area
        Median area of the boxes it was trained on, as a share of the picture's area; None before training.

    *Source*: papers/004 ("SSD ResNet50 FPN"). In TensorFlow's detection API, which it used, that name means focal loss
    and heads shared by the levels of a pyramid: RetinaNet (Lin et al., ICCV 2017). torchvision has no SSD on a ResNet,
    so that "ssd" is its SSD head put on its pyramid.
    """

    labels: tuple[str, ...]
    kind: Literal["retinanet", "ssd"] = "retinanet"
    trunk: str = "resnet50"
    px: int = 640
    anchor: int = 32
    channels: int = 256
    usual_area: float | None = None

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise UsageError("A detector wants one or more different labels, found "
                             f"{', '.join(self.labels) or 'none'}.")
        if self.kind not in ("retinanet", "ssd") or self.trunk not in TRUNKS:
            raise UsageError(f"The detector {self.kind!r} on {self.trunk!r} does not exist; choose retinanet or ssd on "
                             f"{', '.join(TRUNKS)}.")
        if self.px < 64 or self.anchor < 4 or self.channels < 2 * GROUPS or self.channels % GROUPS:
            raise UsageError("A detector wants pictures of 64 px or more, anchors of 4 px or more, and 64 channels or "
                             f"another multiple of {GROUPS}, found {self.px}, {self.anchor} and {self.channels}.")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"labels": list(self.labels)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`; `InputError` for other fields."""
        if not isinstance(values, dict) or set(values) != {field.name for field in fields(cls)}:
            raise InputError("The weights file describes an unknown detector; it was written by another version.")
        return cls(**(values | {"labels": tuple(values["labels"])}))


class Detector(nn.Module):
    """Boxes around things: RetinaNet or SSD on a ResNet with a feature pyramid.

    Parameters
    ----------
    settings
        The architecture.
    weights
        Start of the trunk: None (random) or a `.safetensors` file of a ResNet.

    Raises
    ------
    InputError
        When the weights cannot be read or do not fit.
    """

    def __init__(self, settings: DetectorSettings, *, weights: str | Path | None = None) -> None:
        super().__init__()
        self.settings = settings
        labels = len(settings.labels)
        self.first = 0 if settings.kind == "retinanet" else 1  # SSD keeps 0 for the background
        self.net: Any = (
            retinanet(settings.trunk, labels, settings.px, settings.anchor, settings.channels)
            if settings.kind == "retinanet" else ssd(settings.trunk, labels, settings.px, settings.channels))
        if weights is not None:
            load_trunk(self.net.backbone.body, Path(weights))

    def forward(self, pixels: Sequence[Tensor], boxes: Sequence[Tensor], numbers: Sequence[Tensor]) -> Tensor:
        """The loss to be minimised, over a batch in training mode.

        Parameters
        ----------
        pixels
            `(3, H, W)` float32, 0..1, of any sizes.
        boxes
            `(n, 4)` float32 per picture: x0, y0, x1, y1 in its pixels, sides above 0; n may be 0.
        numbers
            `(n,)` int64 per picture: places in `settings.labels`.
        """
        targets = [{"boxes": box, "labels": number + self.first} for box, number in zip(boxes, numbers, strict=True)]
        parts: dict[str, Tensor] = self.net(list(pixels), targets)
        return torch.stack(list(parts.values())).sum()

    @torch.inference_mode()
    def detect_all(self, pixels: Sequence[Tensor], *, least_score: float = 0.5) -> list[Found]:
        """One `Found` per picture, see `detect`; training mode is as before afterwards."""
        was = self.training
        self.eval()
        device = next(self.parameters()).device
        self.net.score_thresh = least_score  # torchvision leaves out what is not above it, before it suppresses
        answers = self.net([picture.to(device) for picture in pixels])
        self.train(was)
        return [self._found(answer) for answer in answers]

    def detect(self, pixels: Tensor, *, least_score: float = 0.5) -> Found:
        """What is in a picture.

        Parameters
        ----------
        pixels
            `(3, H, W)` float32, 0..1, red green blue, of any size.
        least_score
            Boxes whose score, 0..1, is not above this are left out.
        """
        if pixels.ndim != 3 or len(pixels) != 3:
            raise UsageError(f"A detector wants one picture of three bands, found the shape {tuple(pixels.shape)}.")
        return self.detect_all([pixels], least_score=least_score)[0]

    def crowded(self, found: Found, height: int, width: int) -> npt.NDArray[np.bool_]:
        """`(n,)` bool: which boxes found in a picture of that size hold more than one thing, see `nets.boxes`."""
        share = self.settings.usual_area
        return crowded(found.boxes, found.scores, usual_area=None if share is None else share * height * width)

    def _found(self, answer: dict[str, Tensor]) -> Found:
        boxes, scores, numbers = (answer[name].cpu().numpy() for name in ("boxes", "scores", "labels"))
        return Found(boxes.astype(np.float32), scores.astype(np.float32),
                     np.asarray(self.settings.labels, dtype=str)[numbers - self.first])

    def save(self, path: Path) -> None:
        """Publish weights and settings as one safetensors file."""
        publish(path, sealed(self.state_dict(), {"format": FORMAT, "detector": json.dumps(self.settings.as_dict())}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            When the file is missing, damaged, or no detector of ours.
        """
        tensors, metadata = tensors_of(Path(path), "detector")
        if metadata.get("format") != FORMAT:
            raise InputError(f"{path} holds no detector of ours; give the detector.safetensors of a training run.")
        try:
            made = cls(DetectorSettings.from_dict(json.loads(metadata["detector"])))
            made.load_state_dict(tensors)
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"{path} is damaged: its weights do not fit its description.") from error
        return made.eval()
