"""What a descriptor net is made of, in plain values: what a recipe says and what a weights file remembers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.parts import parts_of


@dataclass(frozen=True)
class NetSettings:
    """The architecture of a `DescriptorNet`; the defaults are the paper's.

    Attributes
    ----------
    bands
        Input bands, see `fusion_matrix`.
    px
        Side of the input in pixels; the head's last layer depends on it.
    fusion_trainable
        Train the first layer's weights (the paper) or keep them preset.
    trunk
        Any timm model.
    cut
        Use the trunk up to this stage only (0 = the first); None is the whole trunk.
    head
        "convs": C1-C3 and a fully connected layer; "pool": global pooling and a linear layer.
    pooling
        "avg", "max" or "gem"; for the head "pool".
    filters
        Filters of the 3x3 convolutions of the head "convs".
    batch_norm
        Batch normalisation in the head "convs".
    descriptor
        Length of the descriptor; 0 with the head "pool" gives the pooled features as they are.

    fusion
        "conv": a 1x1 convolution to three bands; "stack": all bands go to the trunk, normalised.
    any_modality
        Pictures may lack the photo or the map: see `nets.parts`. Needs bands of both.
    normalise
        "imagenet": by ImageNet's mean and deviation; "picture": each picture by its own, see `PictureNormalise`.
    disc
        The net sees the disc inside the picture only, so that a turned picture has lost nothing of it.
    width
        Channels of the trunk's first stage, see `Trunk`; None is the trunk as timm has it.

    *Source*: papers/002, section 5 (256 px, ResNet50, 1024-512-256 filters, batch norm, R = 256).
    """

    bands: tuple[str, ...] = ("r", "g", "b", "sr", "sg", "sb")
    px: int = 256
    fusion_trainable: bool = True
    trunk: str = "resnet50"
    cut: int | None = None
    head: Literal["convs", "pool"] = "convs"
    pooling: Literal["avg", "max", "gem"] = "avg"
    filters: tuple[int, ...] = (1024, 512, 256)
    batch_norm: bool = True
    descriptor: int = 256
    fusion: Literal["conv", "stack"] = "conv"
    any_modality: bool = False
    width: int | None = None
    normalise: Literal["imagenet", "picture"] = "imagenet"
    disc: bool = False

    def __post_init__(self) -> None:
        if self.any_modality and len(parts_of(self.bands)) < 2:
            raise UsageError(f"any_modality needs bands of the photo and of the map, found {', '.join(self.bands)}; "
                             "give both, or leave it out.")

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values. Fields that came later are left out while they have their default, so that weights,
        indexes and states written before stay what they are."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {name: value for name, value in plain.items() if name not in _LATER or value != _LATER[name]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `as_dict`; fields that are unknown, or missing without having come later: `InputError`."""
        if not isinstance(values, dict) or set(_LATER | values) != {field.name for field in fields(cls)}:
            raise InputError("The weights file describes an unknown architecture; it was written by another version.")
        plain: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in values.items()}
        return cls(**plain)


_LATER: dict[str, Any] = {"fusion": "conv", "any_modality": False, "width": None, "normalise": "imagenet",
                          "disc": False}
