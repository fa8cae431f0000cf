"""A plain classifier on the same trunks and heads: what a net that compares has to be better than."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings


@dataclass(frozen=True)
class Judged:
    """What a classifier says of some pictures.

    Attributes
    ----------
    classes
        `(n,)` str, the most probable class of each.
    shares
        `(n, k)` float32, the probability of every class in the classifier's order; rows sum to 1.
    """

    classes: npt.NDArray[np.str_]
    shares: npt.NDArray[np.float32]


class Classifier(DescriptorNet):
    """A `DescriptorNet` with one output per class: its vectors are logits, before the softmax.

    It trains in the same loop, with the objective of classes; a label's number is the place of its class.

    Parameters
    ----------
    settings
        The architecture; `descriptor` becomes the number of classes.
    classes
        Names, two or more, all different, in the order of the outputs.
    weights, legend
        As in `DescriptorNet`.

    Raises
    ------
    UsageError
        For too few classes, a name that comes twice, or settings whose outputs are no logits (`unit`).

    *Source*: papers/000, section 4.3 (the same net with two outputs and softmax) and section 4.4 (VGG16, ResNet50):
    two-convs, "vgg16" cut at "features" and "resnet50".
    """

    format: ClassVar[str] = "georetrieval-classifier-1"
    what: ClassVar[str] = "classifier"

    def __init__(
        self, settings: NetSettings, classes: Sequence[str], *, weights: str | Path | None = None, legend: str = ""
    ) -> None:
        if len(classes) < 2 or len(set(classes)) != len(classes):
            raise UsageError(f"A classifier wants two or more different classes, found {', '.join(classes) or 'none'}.")
        if settings.unit:
            raise UsageError("The outputs of a classifier are logits and have no length; leave unit out.")
        super().__init__(replace(settings, descriptor=len(classes)), weights=weights, legend=legend)
        self.classes = tuple(classes)

    def description(self) -> dict[str, Any]:
        """With the names of the classes."""
        return super().description() | {"classes": list(self.classes)}

    @classmethod
    def described(cls, description: Mapping[str, Any]) -> Self:
        """A classifier of a description, with random weights."""
        settings = NetSettings.from_dict(description["settings"])
        classes = [str(name) for name in description["classes"]]
        return cls(settings, classes, legend=str(description["legend"]))

    def fingerprint(self) -> dict[str, Any]:
        """That of the net, with the classes."""
        return super().fingerprint() | {"kind": "classifier", "classes": list(self.classes)}

    def judged(self, logits: Tensor | npt.NDArray[np.float32]) -> Judged:
        """`(n, k)` outputs of this net or of its fast copy -> classes and probabilities."""
        shares = torch.softmax(torch.as_tensor(logits).detach().float(), dim=1).cpu().numpy()
        return Judged(np.asarray(self.classes)[shares.argmax(axis=1)], shares)
