"""The descriptor net as a whole, the protocol that every eye follows, and the identity of a set of weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.files import publish
from georetrieval.nets.fusion import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Disc,
    FixedFusion,
    Normalise,
    PictureNormalise,
    StackFusion,
)
from georetrieval.nets.head import ConvHead, FullyConnectedHead, MapHead, PooledHead, Unit
from georetrieval.nets.parts import completed, whole_part
from georetrieval.nets.sealed import sealed, tensors_sha256, unsealed
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.transformer import SpatialTransformer
from georetrieval.nets.trunk import Trunk

FORMAT = "georetrieval-net-1"


class Embedder(Protocol):
    """An eye: pixels in, descriptors out."""

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands it wants."""
        ...

    @property
    def space(self) -> str:
        """ "cosine" or "euclidean"."""
        ...

    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        """`(b, C, H, W)` float32, 0..1, bands named -> `(b, d)` float32."""
        ...

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for two descriptors to be comparable; plain JSON values."""
        ...


class DescriptorNet(nn.Module):
    """Transformer where there is one, fusion, normalisation, trunk, head.

    Parameters
    ----------
    settings
        The architecture.
    weights
        Start of the trunk: None, "hub" or a file, see `Trunk`.
    legend
        Digest of the legend whose colours the net is trained on; "" for photo only.

    Notes
    -----
    While `rests` is set the transformer is passed by in training mode, see `learn.settings.Phase`.

    Calling it is for training, in the precision of its parameters; `for_inference()` gives the fast copy that
    `embed` uses. The descriptor is raw unless the settings say that its length is 1.
    """

    format: ClassVar[str] = FORMAT
    what: ClassVar[str] = "descriptor net"

    def __init__(self, settings: NetSettings, *, weights: str | Path | None = None, legend: str = "") -> None:
        super().__init__()
        self.settings = settings
        self.legend = legend
        self.space: str = settings.space
        self.transformer = _transformer(settings)
        self.rests = False
        self.fusion = _fusion(settings)
        self.normalise = _normalise(settings)
        self.disc = Disc(settings.seen_px) if settings.disc else nn.Identity()
        self.trunk = Trunk(settings.trunk, weights=weights, cut=settings.cut, channels=self.fusion.channels,
                           width=settings.width, cut_at=settings.cut_at)
        self.head = _head(settings, self.trunk.shape(settings.seen_px))
        self.unit = Unit() if settings.unit else nn.Identity()

    @property
    def bands(self) -> tuple[str, ...]:
        """The bands it wants."""
        return self.settings.bands

    @property
    def any_modality(self) -> bool:
        """Whether pictures may lack the photo or the map."""
        return self.settings.any_modality

    def forward(self, pixels: Tensor, bands: Sequence[str]) -> Tensor:
        """`(b, C, px, px)` float32, 0..1 -> `(b, descriptor)`; with `any_modality`, NaN is a missing part."""
        pixels = ordered(pixels, bands, self.bands, self.settings.px, any_modality=self.any_modality)
        zooms, looks = self.settings.zooms, [pixels]
        if self.transformer is not None and not (self.rests and self.training):
            several = bool(zooms) and not self.training
            looks = self.transformer.looks(pixels, zooms) if several else [self.transformer(pixels)]
        if self.settings.both_ways and not self.training:
            looks += [look.flip(2, 3) for look in looks]
        if len(looks) == 1:
            return self._described(looks[0])
        each = normalize(self._described(torch.cat(looks)).float(), dim=1).chunk(len(looks))
        mean: Tensor = normalize(torch.stack(each).sum(dim=0), dim=1).to(pixels.dtype)
        return mean

    def maps(self, pixels: Tensor, bands: Sequence[str]) -> Tensor:
        """What the trunk makes of whole pictures, `(b, channels, h, w)`."""
        return self._maps(ordered(pixels, bands, self.bands, self.settings.px, any_modality=self.any_modality))

    def _maps(self, pixels: Tensor) -> Tensor:
        maps: Tensor = self.trunk(self.disc(self.normalise(self.fusion(pixels))))
        return maps

    def _described(self, pixels: Tensor) -> Tensor:
        return self.of_maps(self._maps(pixels))

    def of_maps(self, maps: Tensor) -> Tensor:
        """Descriptors of maps of the trunk."""
        vectors: Tensor = self.unit(self.head(maps))
        return vectors

    def regions(self, pixels: Tensor, bands: Sequence[str]) -> Tensor:
        """`(b, C, px, px)` -> `(b, 4, 2)`: corners of the regions looked at, see `SpatialTransformer.boxes`.

        Raises
        ------
        UsageError
            When the net looks at the whole picture.
        """
        if self.transformer is None:
            raise UsageError("This net looks at the whole picture; train one with a transformer to ask for regions.")
        return self.transformer.boxes(ordered(pixels, bands, self.bands, self.settings.px))

    def fingerprint(self) -> dict[str, Any]:
        """SHA-256 of the weights, architecture, preprocessing, bands, legend and size."""
        return {
            "kind": "net",
            "weights": tensors_sha256(self.state_dict()),
            "architecture": self.settings.as_dict(),
            "preprocessing": {"range": [0, 1], "mean": list(IMAGENET_MEAN), "std": list(IMAGENET_STD)},
            "bands": list(self.bands),
            "px": self.settings.px,
            "legend": self.legend,
            "space": self.space,
        }

    def for_inference(self, dtype: str = "auto", device: str | torch.device | None = None) -> Embedder:
        """A fast, frozen copy: see `georetrieval.nets.inference`."""
        from georetrieval.nets.inference import InferenceNet

        return InferenceNet(self, dtype=dtype, device=device)

    def description(self) -> dict[str, Any]:
        """What a weights file says of the net, plain JSON values."""
        return {"settings": self.settings.as_dict(), "legend": self.legend}

    @classmethod
    def described(cls, description: Mapping[str, Any]) -> Self:
        """A net of a description, with random weights."""
        return cls(NetSettings.from_dict(description["settings"]), legend=str(description["legend"]))

    def save(self, path: Path, *, also: Mapping[str, Tensor] | None = None) -> None:
        """Publish weights and architecture as one safetensors file; `also` are tensors kept beside the net's."""
        description = self.description()
        extra = {f"also.{name}": tensor for name, tensor in (also or {}).items()}
        publish(path, sealed({**self.state_dict(), **extra},
                             {"format": self.format, "net": json.dumps(description)}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        InputError
            When the file is missing, damaged, or no net of this kind.
        """
        tensors, metadata = tensors_of(Path(path))
        if metadata.get("format") != cls.format:
            raise InputError(f"{path} holds no {cls.what} of ours; give the weights.safetensors of a training run.")
        try:
            description = json.loads(metadata["net"])
            net = cls.described(description)
            net.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("also.")})
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise InputError(f"{path} is damaged: its weights do not fit its description.") from error
        return net.eval()


def load_also(path: Path) -> dict[str, Tensor]:
    """The tensors that `DescriptorNet.save` kept beside the net's (a trained objective)."""
    return {n.removeprefix("also."): t for n, t in tensors_of(Path(path))[0].items() if n.startswith("also.")}


def ordered(
    pixels: Tensor, bands: Sequence[str], want: Sequence[str], px: int | None = None, *, any_modality: bool = False
) -> Tensor:
    """The wanted bands of `pixels`, in the wanted order; with `any_modality` a whole missing part is NaN.

    Raises
    ------
    MismatchError
        When a band is missing or the size is another one.
    """
    missing = [band for band in want if band not in bands]
    if missing and not (any_modality and whole_part(bands, want)):
        raise MismatchError(f"The eye wants the bands {', '.join(want)}, found {', '.join(bands)}.")
    if px is not None and tuple(pixels.shape[2:]) != (px, px):
        raise MismatchError(f"The net wants {px} x {px} pixels, found {pixels.shape[3]} x {pixels.shape[2]}.")
    if missing:
        return completed(pixels, bands, want)
    if tuple(bands) == tuple(want):
        return pixels
    return pixels[:, [list(bands).index(band) for band in want]]


def _transformer(settings: NetSettings) -> SpatialTransformer | None:
    if settings.transformer is None:
        return None
    return SpatialTransformer(
        len(settings.bands), settings.px, kind=settings.transformer, localisation=settings.localisation,
        crop_px=settings.crop_px, scale=settings.crop_scale, localisation_px=settings.localisation_px,
        localisation_width=settings.localisation_width, jitter=settings.crop_jitter,
    )


def _fusion(settings: NetSettings) -> FixedFusion | StackFusion:
    if settings.fusion == "stack":
        return StackFusion(settings.bands, any_modality=settings.any_modality, normalise=settings.normalise)
    return FixedFusion(settings.bands, trainable=settings.fusion_trainable, any_modality=settings.any_modality)


def _normalise(settings: NetSettings) -> nn.Module:
    """What comes between fusion and trunk; stacked bands are normalised where they are stacked."""
    if settings.fusion == "stack" or settings.normalise == "none":
        return nn.Identity()
    return PictureNormalise([range(3)]) if settings.normalise == "picture" else Normalise()


def _head(settings: NetSettings, shape: tuple[int, int, int]) -> nn.Module:
    if settings.head == "pool":
        return PooledHead(shape, pooling=settings.pooling, descriptor=settings.descriptor)
    if settings.head == "fc":
        return FullyConnectedHead(shape, hidden=settings.hidden, dropout=settings.dropout,
                                  descriptor=settings.descriptor, centre=settings.centre)
    if settings.head == "map":
        return MapHead(shape, filters=settings.filters[-1], descriptor=settings.descriptor)
    return ConvHead(
        shape, filters=settings.filters, batch_norm=settings.batch_norm, descriptor=settings.descriptor
    )


def tensors_of(path: Path, what: str = "descriptor net") -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file that is to be a net of ours.

    Raises
    ------
    InputError
        When it is missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path} was asked for as a {what} and is not a file.")
    return unsealed(path)
