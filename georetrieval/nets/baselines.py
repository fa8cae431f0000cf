"""Honest baselines: descriptors that nobody trained. Whatever is claimed has to beat them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, interpolate

from georetrieval.nets.embedder import DescriptorNet, ordered
from georetrieval.nets.head import GEM_POWER
from georetrieval.nets.inference import InferenceNet
from georetrieval.nets.settings import NetSettings
from georetrieval.nets.trunk import Trunk

POOLED = ("max", "avg", "gem")
"""The poolings of a `PooledFeatures`, in the order in which they stand in its descriptor."""


@dataclass(frozen=True)
class HogEmbedder:
    """Histograms of oriented gradients of the grey photo.

    Attributes
    ----------
    px
        The photo is first resized to this side, by the mean over the area of each new pixel.
    orientations, cell_px, block_cells
        Bins over 180 degrees; side of a cell in pixels; side of a block in cells (L2-Hys normalised).

    *Source*: Dalal and Triggs, CVPR 2005; these parameters reproduce the HOG row of the reference figures.
    """

    px: int = 128
    orientations: int = 9
    cell_px: int = 16
    block_cells: int = 2

    @property
    def bands(self) -> tuple[str, ...]:
        """The grey photo."""
        return ("grey",)

    @property
    def space(self) -> str:
        """Cosine."""
        return "cosine"

    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        from skimage.feature import hog

        grey = ordered(pixels, bands, self.bands)
        grey = interpolate(grey, size=(self.px, self.px), mode="area")
        vectors = [
            hog(
                picture,
                orientations=self.orientations,
                pixels_per_cell=(self.cell_px, self.cell_px),
                cells_per_block=(self.block_cells, self.block_cells),
                block_norm="L2-Hys",
            )
            for picture in grey[:, 0].numpy()
        ]
        return torch.from_numpy(np.asarray(vectors, dtype=np.float32))

    def fingerprint(self) -> dict[str, Any]:
        """Kind and parameters."""
        return {"kind": "hog", "bands": list(self.bands), "space": self.space, **asdict(self)}


@dataclass(frozen=True)
class ClassShareEmbedder:
    """The share of each class, and of nothing, in the squares of a grid laid over the tile.

    On perfectly aligned tiles this trivial descriptor is very strong.

    Attributes
    ----------
    classes
        Codes 1..classes are counted.
    squares
        The tile is cut into squares x squares.
    legend
        Digest of the legend that gives the codes their meaning.
    nothing
        Count code 0 too.
    """

    classes: int = 12
    squares: int = 16
    legend: str = ""
    nothing: bool = True

    @property
    def bands(self) -> tuple[str, ...]:
        """The class codes."""
        return ("classes",)

    @property
    def space(self) -> str:
        """Cosine."""
        return "cosine"

    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        codes = (ordered(pixels, bands, self.bands)[:, 0] * 255).round()
        first = 0 if self.nothing else 1
        shares = [
            adaptive_avg_pool2d((codes == code).float()[:, None], self.squares).flatten(1)
            for code in range(first, self.classes + 1)
        ]
        return torch.cat(shares, dim=1)

    def fingerprint(self) -> dict[str, Any]:
        """Kind, parameters, legend."""
        return {"kind": "class-shares", "bands": list(self.bands), "space": self.space, **asdict(self)}


def pooled_trunk(
    trunk: str,
    bands: tuple[str, ...],
    px: int,
    *,
    weights: str | None = None,
    pooling: Literal["avg", "max", "gem"] = "max",
    seed: int = 1,
    legend: str = "",
) -> DescriptorNet:
    """A trunk with global pooling and nothing trained: the "untrained" rows.

    Parameters
    ----------
    weights
        None (random, by `seed`), "hub" or a file.
    pooling
        "max" as in the paper's reference rows; "avg" or "gem".

    *Source*: papers/002, section 3 (ResNet50, last convolution, global max pooling).
    """
    settings = NetSettings(bands=bands, px=px, trunk=trunk, head="pool", pooling=pooling, descriptor=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return DescriptorNet(settings, weights=weights, legend=legend).eval()


class AllPoolings(nn.Module):
    """The greatest, the mean and the generalised mean of each channel, one after the other, in float32.

    The sums are in float32 whatever the precision of the map: in bfloat16 the means of untrained features, which are
    nearly the same for every picture, would be rounded to a handful of values.
    """

    def forward(self, features: Tensor) -> Tensor:
        """`(b, channels, h, w)` -> `(b, 3 x channels)` float32, in the order of `POOLED`."""
        places = features.float().flatten(2)
        gem = places.clamp(min=1e-6).pow(GEM_POWER).mean(dim=2).pow(1 / GEM_POWER)
        return torch.cat([places.amax(dim=2), places.mean(dim=2), gem], dim=1)


@dataclass(frozen=True, eq=False)
class PooledFeatures:
    """A trunk's last map under every pooling of `POOLED`, in one go; nothing is trained.

    Attributes
    ----------
    net
        The fast copy of the net.
    channels
        Of the trunk's last map: the descriptor has `len(POOLED)` times as many values.
    """

    net: InferenceNet
    channels: int

    @property
    def bands(self) -> tuple[str, ...]:
        """Those of the fusion."""
        return self.net.bands

    @property
    def space(self) -> str:
        """Cosine; the parts may be compared in any space."""
        return self.net.space

    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        return self.net(pixels, bands)

    def fingerprint(self) -> dict[str, Any]:
        """That of the net, with the poolings."""
        return {**self.net.fingerprint(), "kind": "pooled-features", "poolings": list(POOLED)}


def pooled_features(
    trunk: str, bands: tuple[str, ...], px: int, *, weights: str | None = None, seed: int = 1, legend: str = ""
) -> PooledFeatures:
    """An untrained trunk under every pooling.

    Parameters
    ----------
    bands
        Photo, map, or both, which the first layer with its preset weights makes one picture of.
    weights
        None (random), "hub" or a file. Random weights depend on `seed` alone, not on the bands.

    *Source*: papers/002, section 3 (last convolution, global max pooling; early fusion by equation 4); Radenović,
    Tolias, Chum, PAMI 2018, section 3 (GeM, power 3).
    """
    settings = NetSettings(bands=bands, px=px, trunk=trunk, head="pool", descriptor=0)
    with torch.random.fork_rng(devices=[]):
        net = DescriptorNet(settings, legend=legend)
        torch.manual_seed(seed)
        net.trunk = Trunk(trunk, weights=weights)
    net.head = AllPoolings()
    return PooledFeatures(InferenceNet(net.eval()), net.trunk.shape(px)[0])
