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
        Any timm model, or "two-convs".
    cut
        Use the trunk up to this stage only (0 = the first); None is the whole trunk.
    head
        "convs": C1-C3 and a fully connected layer; "pool": global pooling and a linear layer; "fc": dropout and fully
        connected layers over all places; "map": a 1x1 convolution, whose map is the descriptor.
    pooling
        "avg", "max" or "gem"; for the head "pool".
    filters
        Filters of the 3x3 convolutions of the head "convs"; the last one's number is that of the head "map".
    batch_norm
        Batch normalisation in the head "convs".
    descriptor
        Length of the descriptor; 0 with the head "pool" gives the pooled features as they are.

    fusion
        "conv": a 1x1 convolution to three bands; "stack": all bands go to the trunk, normalised.
    any_modality
        Pictures may lack the photo or the map: see `nets.parts`. Needs bands of both.
    normalise
        "imagenet": by ImageNet's mean and deviation; "picture": each picture by its own, see `PictureNormalise`;
        "none": values stay 0..1.
    disc
        The net sees the disc inside the picture only, so that a turned picture has lost nothing of it.
    width
        Channels of the trunk's first stage, see `Trunk`; None is the trunk as timm has it.

    cut_at
        The last module of the trunk to keep, by its name in timm, where a stage's end is not the place: see `Trunk`.
    hidden, dropout
        For the head "fc": sizes of the layers before the last, and the share of features left out in training.
    centre
        For the head "fc": the mean map of the training is taken off before the first layer, see `FullyConnectedHead`.
    unit
        The descriptor has length 1.
    space
        "cosine", or "euclidean" where distances mean something: what a search compares descriptors by.
    transformer
        What a `SpatialTransformer` in front of everything may do; None looks at the whole picture.
    localisation
        How it finds the region: "fc" or "attention", see `SpatialTransformer`.
    crop_px, crop_scale
        Side of the region after sampling in pixels (None: `px`); its side at the start as a share of the picture's,
        for "axis" that of the region around the thing's own, always.
    localisation_px
        Side of what the localisation net looks at, None: `px`.
    localisation_width
        Filters of its first convolution.
    crop_jitter
        How far the transformer's regions are off in training.
    both_ways
        Descriptors (unless in training) are the mean, of length 1, of two looks: the region and its half turn.
    zooms
        With a transformer: the same mean also of regions so many times as large; none is 1 alone.

    *Source*: papers/002, section 5 (256 px, ResNet50, 1024-512-256 filters, batch norm, R = 256); papers/000, section
    4.3 (two-convs, descriptor 2); papers/004 (head "fc", 256 hidden, dropout .5, unit); papers/003, section III
    (transformer).
    """

    bands: tuple[str, ...] = ("r", "g", "b", "sr", "sg", "sb")
    px: int = 256
    fusion_trainable: bool = True
    trunk: str = "resnet50"
    cut: int | None = None
    head: Literal["convs", "pool", "fc", "map"] = "convs"
    pooling: Literal["avg", "max", "gem"] = "avg"
    filters: tuple[int, ...] = (1024, 512, 256)
    batch_norm: bool = True
    descriptor: int = 256
    fusion: Literal["conv", "stack"] = "conv"
    any_modality: bool = False
    width: int | None = None
    normalise: Literal["imagenet", "picture", "none"] = "imagenet"
    disc: bool = False
    cut_at: str | None = None
    hidden: tuple[int, ...] = (256,)
    dropout: float = 0.5
    unit: bool = False
    space: Literal["cosine", "euclidean"] = "cosine"
    transformer: Literal["translation", "translation-scale", "rotation", "affine", "axis"] | None = None
    localisation: Literal["fc", "attention"] = "fc"
    crop_px: int | None = None
    crop_scale: float = 1.0
    localisation_px: int | None = None
    localisation_width: int = 16
    crop_jitter: float = 0.0
    both_ways: bool = False
    zooms: tuple[float, ...] = ()
    centre: bool = False

    def __post_init__(self) -> None:
        if self.any_modality and len(parts_of(self.bands)) < 2:
            raise UsageError(f"any_modality needs bands of the photo and of the map, found {', '.join(self.bands)}; "
                             "give both, or leave it out.")
        if self.any_modality and self.transformer:
            raise UsageError("A transformer looks at all bands at once; leave out any_modality or the transformer.")
        if self.cut is not None and self.cut_at is not None:
            raise UsageError(f"The trunk is cut once: after stage {self.cut} or at {self.cut_at}; leave out one.")
        if self.head == "map" and not self.filters:
            raise UsageError("The head map wants the number of its filters, found none; set eye.filters to [2].")
        if self.head == "fc" and not (self.descriptor > 0 and 0 <= self.dropout < 1):
            raise UsageError(f"The head fc wants a descriptor > 0 and a dropout of 0 to 1, found {self.descriptor} and "
                             f"{self.dropout}.")

    @property
    def seen_px(self) -> int:
        """Side of what the trunk sees: the region that the transformer crops, or the picture."""
        return self.crop_px or self.px if self.transformer else self.px

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
                          "disc": False, "cut_at": None, "hidden": [256], "dropout": 0.5, "unit": False,
                          "space": "cosine", "transformer": None, "localisation": "fc", "crop_px": None,
                          "crop_scale": 1.0, "localisation_px": None, "localisation_width": 16, "crop_jitter": 0.0,
                          "both_ways": False, "zooms": [], "centre": False}
