"""The trunk: any timm model as a map of features, whole or cut mid-way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, nn

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.cutting import cut_after
from georetrieval.nets.two_convs import TWO_CONVS, TwoConvs
from georetrieval.nets.weights import load_trunk

HUB = "hub"
STAGES = 4
LEAST_STEM = 8
"""A ResNet's stages, and the fewest channels in the stem of a thin one."""


class Trunk(nn.Module):
    """`(b, channels, H, W)` normalised pixels -> `(b, channels, h, w)` features.

    Parameters
    ----------
    name
        A timm model that gives a map of features ("resnet50"), or "two-convs", see `TwoConvs`.
    weights
        None: random; "hub": timm's pretrained weights, which needs the network or timm's cache; else a file
        (`.safetensors`), read before the cut.
    cut
        The last stage to keep, counted from 0; None keeps all.
    cut_at
        The last module to keep, by its name in timm, for cuts inside a stage. "blocks.4.0" of mobilenetv2_100 is
        Keras's block_10, "layer3" of resnet101 its conv4, "blocks.2.2" of efficientnet_b5 its block3c; "features" of
        vgg16 leaves its fully connected layers away.
    channels
        Bands of the input. Weights made for three are repeated over more, as timm does it.
    width
        Channels of the first stage of a ResNet, doubled at each further one: a thin net for small tiles and machines
        without a GPU. None is the model as timm has it.

    Raises
    ------
    UsageError
        For a model, stage or module that does not exist.
    InputError
        When the weights cannot be had.

    *Source* of the names: papers/004 and its program (block_10_project_BN, conv4_block23_out, block3c_add); Keras
    numbers MobileNetV2's blocks from 0 and EfficientNet's stages from 1.
    """

    def __init__(
        self, name: str, *, weights: str | Path | None = None, cut: int | None = None, channels: int = 3,
        width: int | None = None, cut_at: str | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.model = _model(name, channels, width, pretrained=str(weights) == HUB)
        if weights is not None and str(weights) != HUB:
            load_trunk(self.model, Path(weights))
        self.cut = cut
        if cut is not None:
            _prune(self.model, name, cut)
        if cut_at is not None:
            cut_after(self.model, cut_at, name=name, channels=channels)

    def forward(self, pixels: Tensor) -> Tensor:
        if self.cut is None:
            features: Tensor = self.model.forward_features(pixels)
            return features
        stages = self.model.forward_intermediates(pixels, indices=[self.cut], intermediates_only=True, stop_early=True)
        last: Tensor = stages[-1]
        return last

    @torch.no_grad()
    def shape(self, px: int) -> tuple[int, int, int]:
        """`(channels, h, w)` of the features of a picture of `px` x `px`."""
        was = self.training
        self.eval()
        found = self(torch.zeros(1, self.channels, px, px)).shape
        self.train(was)
        if len(found) != 4:
            raise UsageError("This trunk gives no map of features; choose a convolutional one such as resnet50.")
        return int(found[1]), int(found[2]), int(found[3])


def _model(name: str, channels: int, width: int | None, *, pretrained: bool) -> Any:
    if name == TWO_CONVS:
        if width is not None or pretrained:
            raise UsageError(f"The trunk {TWO_CONVS!r} has one width and no weights on the hub; leave them out.")
        return TwoConvs(channels)
    if not timm.is_model(name.split(".")[0]):
        near = ", ".join(timm.list_models(f"*{name[:6]}*")[:5]) or "resnet18, resnet50"
        raise UsageError(f"The trunk {name!r} is not a timm model; try one of {near}.")
    if width is not None and pretrained:
        raise UsageError(f"The hub has no weights of {name!r} with width {width}; leave out one of the two.")
    thin = {} if width is None else {
        "channels": tuple(width << stage for stage in range(STAGES)), "stem_width": max(LEAST_STEM, width // 2)}
    try:
        return timm.create_model(name, pretrained=pretrained, in_chans=channels, num_classes=0, global_pool="", **thin)
    except Exception as error:
        if not pretrained:
            raise UsageError(f"The trunk {name!r} cannot be built as a map of features: {error}.") from error
        raise InputError(
            f"The pretrained weights of {name!r} could not be fetched from the hub ({type(error).__name__}); "
            "go online once, or give a weights file."
        ) from error


def _prune(model: Any, name: str, cut: int) -> None:
    try:
        model.prune_intermediate_layers([cut], prune_norm=True, prune_head=True)
    except (AttributeError, AssertionError, IndexError, ValueError) as error:
        raise UsageError(f"The trunk {name!r} cannot be cut after stage {cut}.") from error
