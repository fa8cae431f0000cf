"""The head: from the trunk's map of features to one descriptor."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from georetrieval.errors import UsageError

GEM_POWER = 3.0
"""Start value of the power of generalised-mean pooling. *Source*: Radenovic, Tolias, Chum, PAMI 2018, section 3."""

MEAN_SHARE = 0.05
"""Weight of a step's mean in the running mean of `Centre`, once there have been enough steps."""


class ConvHead(nn.Module):
    """C1, C2, C3: 3x3 convolutions, batch norm and tanh each; then one fully connected layer over all places.

    Nothing is pooled, so that the descriptor knows where things are. The convolutions keep the size of the map. A
    larger map than the one it was made for is looked at in every window of that size, and the mean is taken.

    *Source*: papers/002, section 5 (filters 1024, 512, 256; tanh and batch norm).
    """

    def __init__(
        self, shape: tuple[int, int, int], *, filters: Sequence[int], batch_norm: bool, descriptor: int
    ) -> None:
        super().__init__()
        channels, height, width = shape
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, count in enumerate(filters, start=1):
            layers[f"c{number}"] = nn.Conv2d(channels, count, kernel_size=3, padding=1, bias=not batch_norm)
            if batch_norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(count)
            layers[f"tanh{number}"] = nn.Tanh()
            channels = count
        self.convs = nn.Sequential(layers)
        self.fc = nn.Linear(channels * height * width, descriptor)
        self._window = (channels, height, width)

    def forward(self, features: Tensor) -> Tensor:
        """`(b, channels, h, w)` -> `(b, descriptor)`."""
        seen = self.convs(features)
        if seen.shape[1:] == self._window:
            vectors: Tensor = self.fc(seen.flatten(1))
            return vectors
        everywhere = nn.functional.conv2d(seen, self.fc.weight.view(-1, *self._window), self.fc.bias)
        return everywhere.mean(dim=(2, 3))


class FullyConnectedHead(nn.Module):
    """Dropout, then fully connected layers over all places: ReLU after each but the last.

    Parameters
    ----------
    shape
        `(channels, h, w)` of the trunk's map.
    hidden
        Outputs of the layers before the last; none for a single layer.
    dropout
        Share of the map's values that are left out in training, 0..1.
    centre
        Take the running mean of the maps that were trained on off before the first layer. It is no parameter and
        could be folded into that layer's bias, so that the net is the same; but what all pictures have in common no
        longer decides how large a step of the training may be.

    *Source*: papers/004 (dropout .5, 256, then the descriptor of 64); papers/000, section 4.3 (one layer of 2).
    """

    def __init__(
        self, shape: tuple[int, int, int], *, hidden: Sequence[int], dropout: float, descriptor: int,
        centre: bool = False,
    ) -> None:
        super().__init__()
        length = shape[0] * shape[1] * shape[2]
        self.centre = Centre(length) if centre else nn.Identity()
        layers: OrderedDict[str, nn.Module] = OrderedDict(dropout=nn.Dropout(dropout))
        for number, count in enumerate(hidden, start=1):
            layers[f"hidden{number}"] = nn.Linear(length, count)
            layers[f"relu{number}"] = nn.ReLU()
            length = count
        self.layers = nn.Sequential(layers)
        self.fc = nn.Linear(length, descriptor)

    def forward(self, features: Tensor) -> Tensor:
        """`(b, channels, h, w)` -> `(b, descriptor)`."""
        vectors: Tensor = self.fc(self.layers(self.centre(features.flatten(1))))
        return vectors


class Centre(nn.Module):
    """The mean of what was trained on is taken off: an average over the steps, the later ones weighing more.

    *Source*: Ioffe, Szegedy, ICML 2015 (running means of batch normalisation), without the division.
    """

    def __init__(self, length: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.steps: Tensor
        self.register_buffer("mean", torch.zeros(length))
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, features: Tensor) -> Tensor:
        """`(b, length)` -> the same shape and type."""
        if self.training:
            with torch.no_grad():
                self.steps += 1
                share = max(MEAN_SHARE, 1 / float(self.steps))
                self.mean.lerp_(features.float().mean(dim=0), share)
        centred: Tensor = features - self.mean.to(features.dtype)
        return centred


class MapHead(nn.Module):
    """A 1x1 convolution; its whole map is the descriptor, place by place.

    Two pictures are near where they show the same at the same places, and what is learnt at one place holds at all of
    them: a picture is compared with a drawing of where something lies, wherever that is.

    Parameters
    ----------
    shape
        `(channels, h, w)` of the trunk's map.
    filters
        Bands of the descriptor's map.
    descriptor
        Length of the descriptor: `filters * h * w`.

    Raises
    ------
    UsageError
        When the length is another one.

    *Source*: none; ours.
    """

    def __init__(self, shape: tuple[int, int, int], *, filters: int, descriptor: int) -> None:
        super().__init__()
        channels, height, width = shape
        if descriptor != filters * height * width:
            raise UsageError(f"The head map gives {filters} x {height} x {width} = {filters * height * width} numbers, "
                             f"and a descriptor of {descriptor} was asked for; set eye.descriptor to that number.")
        self.last = nn.Conv2d(channels, filters, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        """`(b, channels, h, w)` -> `(b, descriptor)`."""
        vectors: Tensor = self.last(features).flatten(1)
        return vectors


class Unit(nn.Module):
    """Each descriptor is divided by its length."""

    def forward(self, vectors: Tensor) -> Tensor:
        """`(b, d)` -> the same shape and type."""
        return nn.functional.normalize(vectors.float(), dim=1).to(vectors.dtype)


class PooledHead(nn.Module):
    """Global pooling (average, max or generalised mean), then a linear layer unless `descriptor` is 0."""

    def __init__(self, shape: tuple[int, int, int], *, pooling: str, descriptor: int) -> None:
        super().__init__()
        self.pooling = pooling
        self.power = nn.Parameter(torch.tensor(GEM_POWER)) if pooling == "gem" else None
        self.fc = nn.Linear(shape[0], descriptor) if descriptor else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """`(b, channels, h, w)` -> `(b, descriptor)`, or `(b, channels)` without the linear layer."""
        vectors: Tensor = self.fc(self._pooled(features))
        return vectors

    def _pooled(self, features: Tensor) -> Tensor:
        if self.pooling == "max":
            return features.amax(dim=(2, 3))
        if self.power is None:
            return features.mean(dim=(2, 3))
        return features.clamp(min=1e-6).pow(self.power).mean(dim=(2, 3)).pow(1 / self.power)


@torch.no_grad()
def turn_last(head: nn.Module, matrix: Tensor) -> None:
    """Multiply what a head gives by a `(d, d)` matrix from the left: it is put into the last layer's weights.

    Raises
    ------
    UsageError
        When the head does not end in a linear layer of that size.
    """
    last = getattr(head, "fc", None)
    if not isinstance(last, nn.Linear) or tuple(matrix.shape) != (last.out_features, last.out_features):
        raise UsageError(f"Descriptors are whitened in a head's last linear layer, and this one has none of "
                         f"{matrix.shape[0]} outputs; set eye.descriptor above 0.")
    wide = matrix.double().to(last.weight.device)
    last.weight.copy_(wide @ last.weight.double())
    last.bias.copy_(wide @ last.bias.double())
