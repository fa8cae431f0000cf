"""The spatial transformer: where to look, learnt from nothing but the loss of what comes behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, affine_grid, grid_sample, pad, softmax

from georetrieval.errors import UsageError
from georetrieval.nets.axis import matrix_of, shaken

KINDS = {"translation": 2, "translation-scale": 3, "rotation": 4, "affine": 6, "axis": 6}
"""Numbers that the localisation net gives: x, y; scale; and an angle; or two for the place and four for the matrix; or
two for the place, two for the sides and two for the direction of an axis, see `nets.axis`."""
LEAST_SCALE, MOST_SCALE = 0.1, 1.5
LARGEST_ANGLE = math.pi / 2
KERNELS, WIDTH, HIDDEN = (5, 5, 3), 16, 128
"""*Source*: none; the sizes of papers/003 are lost in the text, as are those bounds. Chosen here."""


class SpatialTransformer(nn.Module):
    """A localisation net looks at the picture and says which region of it goes on, at another size.

    Parameters
    ----------
    channels
        Bands of the input.
    px
        Side of the input in pixels.
    kind
        "translation": a square region of one size, x and y; "translation-scale": x, y and side (as published);
        "rotation": it may be turned by up to a quarter; "affine": any parallelogram; "axis": a rectangle laid along
        the axis of a long thing, whichever end of it is the first, and stretched to a square.
    localisation
        "fc": convolutions, then fully connected layers. "attention": convolutions whose last map says how interesting
        each place is; the region's centre is the mean place, its size comes from the mean features. The second finds
        things that lie anywhere with far fewer examples, since a shift of the picture shifts the answer.
    crop_px
        Side of the output; None is `px`.
    scale
        Side of the region at the start as a share of the picture's, which is then in the middle: 1 is the identity.
    localisation_px
        Side of what the localisation net looks at, the mean over areas of the picture; None is `px`. To find a thing
        takes fewer pixels than to compare it, and at half the side a quarter of the time.
    localisation_width
        Filters of its first convolution, doubled at each further one.
    jitter
        In training the region is moved by at most this share of its sides, stretched as much and turned by as many
        radians, so that what comes behind learns to bear a region that is a little off.

    Notes
    -----
    Centres stay inside the picture and scales between 0.1 and 1.5; outside the picture there is 0, black. The grid and
    the sampling are in float32 whatever the precision of the net: in bfloat16 places would be rounded to 0.2 pixels.

    *Source*: papers/003, section III-A (x, y and the cropping ratio; bilinear sampling); Jaderberg et al., Spatial
    transformer networks, 2015. Its text has lost all sizes.

    Raises
    ------
    UsageError
        For a kind that does not exist, or a scale out of bounds.
    """

    def __init__(
        self, channels: int, px: int, *, kind: str = "translation-scale", localisation: str = "fc",
        crop_px: int | None = None, scale: float = 1.0, localisation_px: int | None = None,
        localisation_width: int = WIDTH, jitter: float = 0.0,
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise UsageError(f"The transformer {kind!r} does not exist; choose {', '.join(KINDS)}.")
        if not LEAST_SCALE < scale < MOST_SCALE:
            raise UsageError(f"A transformer starts at a scale between {LEAST_SCALE} and {MOST_SCALE}, found {scale}.")
        self.kind, self.crop_px, self.scale = kind, crop_px or px, scale
        self.localisation_px, self.jitter = localisation_px or px, jitter
        if self.localisation_px > px:
            raise UsageError(f"A localisation net looks at pictures of {px} px at most, found {localisation_px}.")
        self.localisation = _localisation(localisation, channels, self.localisation_px, KINDS[kind],
                                           localisation_width)

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, H, W)` -> `(b, C, crop_px, crop_px)`, of the same type."""
        theta = self.theta(pixels)
        return self.seen(pixels, shaken(theta, self.jitter) if self.training and self.jitter else theta)

    def looks(self, pixels: Tensor, zooms: Sequence[float]) -> list[Tensor]:
        """The regions, and others so many times as large around them: each as `forward` gives them."""
        theta = self.theta(pixels)
        return [self.seen(pixels, theta * theta.new_tensor([zoom, zoom, 1.0])) for zoom in zooms]

    def seen(self, pixels: Tensor, theta: Tensor) -> Tensor:
        """`(b, C, H, W)` and `(b, 2, 3)` -> `(b, C, crop_px, crop_px)`: the regions, of the type of the pixels."""
        with torch.autocast(pixels.device.type, enabled=False):
            size = [len(pixels), pixels.shape[1], self.crop_px, self.crop_px]
            grid = affine_grid(theta, size, align_corners=False)
            region: Tensor = grid_sample(pixels.float(), grid, padding_mode="zeros", align_corners=False)
        return region.to(pixels.dtype)

    def theta(self, pixels: Tensor) -> Tensor:
        """`(b, C, H, W)` -> `(b, 2, 3)` float32: from places of the region to places of the picture, both -1..1."""
        return self.theta_of(self.numbers(pixels))

    def theta_of(self, numbers: Tensor) -> Tensor:
        """`(b, n)` -> `(b, 2, 3)`: the region that the numbers tell of."""
        return torch.cat([self._matrix(numbers[:, 2:]), numbers[:, :2, None]], dim=2)

    def numbers(self, pixels: Tensor) -> Tensor:
        """`(b, C, H, W)` -> `(b, n)` float32: what the localisation net says, see `KINDS`; x and y are -1..1."""
        seen = adaptive_avg_pool2d(pixels, self.localisation_px) if self.localisation_px < pixels.shape[-1] else pixels
        raw: Tensor = self.localisation((seen - 0.5) / 0.25).float()
        centre = raw[:, :2] if isinstance(self.localisation, Attention) else torch.tanh(raw[:, :2])
        return torch.cat([centre, raw[:, 2:]], dim=1)

    def _matrix(self, raw: Tensor) -> Tensor:
        if self.kind == "axis":
            return self.scale * matrix_of(raw)
        if self.kind == "affine":
            return self.scale * (torch.eye(2, device=raw.device) + raw.view(-1, 2, 2))
        if self.kind == "translation":
            return self.scale * torch.eye(2, device=raw.device).expand(len(raw), 2, 2)
        whole = math.log(MOST_SCALE / LEAST_SCALE)
        start = math.log(self.scale / LEAST_SCALE) / whole
        share = torch.sigmoid(raw[:, 0] + math.log(start / (1 - start)))
        side = LEAST_SCALE * torch.exp(whole * share)
        angle = LARGEST_ANGLE * torch.tanh(raw[:, 1]) if self.kind == "rotation" else torch.zeros_like(side)
        across, down = side * torch.cos(angle), side * torch.sin(angle)
        return torch.stack([across, -down, down, across], dim=1).view(-1, 2, 2)

    def boxes(self, pixels: Tensor) -> Tensor:
        """The regions looked at.

        Returns
        -------
        `(b, 4, 2)` float32: x and y of the corners as shares of the picture, 0 left and top, 1 right and bottom; in
        the order of the region's top left, top right, bottom right, bottom left corner.
        """
        return corners(self.theta(pixels))


def corners(theta: Tensor) -> Tensor:
    """`(b, 2, 3)` -> `(b, 4, 2)`: where the corners of the region lie, see `SpatialTransformer.boxes`."""
    square = theta.new_tensor([[-1.0, -1.0, 1.0], [1.0, -1.0, 1.0], [1.0, 1.0, 1.0], [-1.0, 1.0, 1.0]])
    return (torch.einsum("bij,cj->bci", theta, square) + 1) / 2


class FullyConnected(nn.Module):
    """Three convolutions of 5x5, 5x5 and 3x3 with batch norm, ReLU and pooling, then two fully connected layers."""

    def __init__(self, channels: int, px: int, numbers: int, width: int = WIDTH) -> None:
        super().__init__()
        self.convs = _convs(channels, width)
        side, features = px // 2 ** len(KERNELS), width << len(KERNELS) - 1
        self.hidden = nn.Linear(features * side * side, HIDDEN)
        self.last = _silent(nn.Linear(HIDDEN, numbers))

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, px, px)` -> `(b, numbers)`; 0 at the start."""
        numbers: Tensor = self.last(torch.relu(self.hidden(self.convs(pixels).flatten(1))))
        return numbers


class Attention(nn.Module):
    """The same convolutions; their map becomes shares of attention, whose mean place is the centre."""

    def __init__(self, channels: int, px: int, numbers: int, width: int = WIDTH) -> None:
        super().__init__()
        self.convs = _convs(channels, width)
        features = width << len(KERNELS) - 1
        self.interest = nn.Conv2d(features, 1, kernel_size=1)
        nn.init.zeros_(self.interest.weight)
        self.last = _silent(nn.Linear(features, numbers - 2)) if numbers > 2 else None
        self.places: Tensor
        step = 2 ** len(KERNELS)
        rest = -px % step  # pooling would leave it out, right and below: a margin makes the places lie evenly
        self.margin = (rest // 2, rest - rest // 2) * 2
        along = ((torch.arange((px + rest) // step) + 0.5) * step - (px + rest) / 2) * 2 / px
        y, x = torch.meshgrid(along, along, indexing="ij")
        self.register_buffer("places", torch.stack([x.flatten(), y.flatten()], dim=1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """`(b, C, px, px)` -> `(b, numbers)`; 0 at the start. The first two are x and y, -1..1."""
        features = self.convs(pad(pixels, self.margin, mode="replicate"))
        interest = self.interest(features).float().flatten(1)
        with torch.autocast(pixels.device.type, enabled=False):  # sums over places, in float32
            shares = softmax(interest, dim=1)
            centre = shares @ self.places.float()
            mean = torch.einsum("bp,bcp->bc", shares, features.float().flatten(2))
        rest = [] if self.last is None else [self.last(mean.to(self.last.weight.dtype)).float()]
        return torch.cat([centre, *rest], dim=1)


def _convs(channels: int, width: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stage, kernel in enumerate(KERNELS):
        count = width << stage
        layers += [nn.Conv2d(channels, count, kernel, padding=kernel // 2, bias=False), nn.BatchNorm2d(count),
                   nn.ReLU(), nn.MaxPool2d(2)]
        channels = count
    return nn.Sequential(*layers)


def _silent(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _localisation(name: str, channels: int, px: int, numbers: int, width: int) -> FullyConnected | Attention:
    if px < 2 ** len(KERNELS):
        raise UsageError(f"A transformer wants pictures of {2 ** len(KERNELS)} px or more, found {px}.")
    if name == "fc":
        return FullyConnected(channels, px, numbers, width)
    if name == "attention":
        return Attention(channels, px, numbers, width)
    raise UsageError(f"The localisation {name!r} does not exist; choose fc or attention.")
