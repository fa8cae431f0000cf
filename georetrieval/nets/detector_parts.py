"""torchvision's detectors put together: a ResNet, a feature pyramid, a head."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import torch
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.retinanet import RetinaNetHead
from torchvision.models.detection.ssd import SSD, SSDHead
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

TRUNKS: Final = ("resnet18", "resnet34", "resnet50", "resnet101")
LEVELS: Final = 5
"""C3 to C5 of the ResNet and two coarser ones. *Source*: Lin et al., ICCV 2017, section 4."""
OCTAVE: Final = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
RATIOS: Final = (0.5, 1.0, 2.0)
"""Sizes within an octave and sides of the anchors. *Source*: Lin et al., ICCV 2017, section 4."""
GROUPS: Final = 32


class Pyramid(BackboneWithFPN):  # type: ignore[misc]
    """A ResNet and its feature pyramid, in bfloat16 where `in_bf16` says so; the maps that leave it are float32.

    Heads, boxes and losses stay in float32: eight bits of a box's offset are not enough for AP75.
    """

    in_bf16 = False

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """`(n, 3, H, W)` -> five maps by name."""
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.in_bf16):
            maps: dict[str, Tensor] = super().forward(x)
        return {name: values.float() for name, values in maps.items()}


def pyramid(trunk: str, channels: int) -> Any:
    """A ResNet whose last three stages become five maps of as many channels; all of it is trained."""
    body = getattr(resnet, trunk)(weights=None)
    stages = {f"layer{stage}": str(stage - 2) for stage in (2, 3, 4)}
    widths = [body.inplanes // 4, body.inplanes // 2, body.inplanes]
    return Pyramid(body, stages, widths, channels, extra_blocks=LastLevelP6P7(channels, channels))


def retinanet(trunk: str, labels: int, px: int, anchor: int, channels: int) -> Any:
    """RetinaNet; the picture's longer side becomes `px`."""
    sizes = tuple(tuple(round(anchor * 2**level * part) for part in OCTAVE) for level in range(LEVELS))
    anchors = AnchorGenerator(sizes, (RATIOS,) * LEVELS)
    backbone = pyramid(trunk, channels)
    head = RetinaNetHead(channels, anchors.num_anchors_per_location()[0], labels,
                         norm_layer=partial(nn.GroupNorm, GROUPS))
    head.regression_head._loss_type = "giou"
    return RetinaNet(backbone, labels, min_size=px, max_size=px, anchor_generator=anchors, head=head)


def ssd(trunk: str, labels: int, px: int, channels: int) -> Any:
    """An SSD head on the pyramid; the picture becomes a square of `px`."""
    anchors = DefaultBoxGenerator([[2]] * LEVELS, min_ratio=10, max_ratio=80)
    backbone = pyramid(trunk, channels)
    head = SSDHead([channels] * LEVELS, anchors.num_anchors_per_location(), labels + 1)
    return SSD(backbone, anchors, (px, px), labels + 1, image_mean=[0.485, 0.456, 0.406],
               image_std=[0.229, 0.224, 0.225], head=head)
