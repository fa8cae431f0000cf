"""What in a picture draws it to another one: gradients of the pair's score, and occlusion as their check.

The score of a pair is what a search orders by: the cosine of the two descriptors, or minus their distance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet, Embedder

Planes = npt.NDArray[np.float32]
STEPS = 32
"""Points of the path from a flat picture to the picture. *Source*: Sundararajan et al. 2017, section 5: 20 to 300."""
BATCH = 64


def pair_score(eye: Embedder, one: Tensor, other: Tensor, bands: Sequence[str]) -> Tensor:
    """`(b,)` scores of pictures `(b, C, H, W)` with other ones `(b or 1, C, H, W)`, higher is nearer."""
    return _score(eye, eye(other, tuple(bands)))(eye(one, tuple(bands)))


def grad_cam(
    net: DescriptorNet, one: Planes, other: Planes, bands: Sequence[str], *,
    weights: Literal["each", "mean"] = "each",
) -> Planes:
    """Where in `one` the trunk saw what raises the score of the pair.

    Parameters
    ----------
    one, other
        `(C, px, px)` float32, 0..1: the picture that is explained, and the one it was compared with.
    weights
        "each": the gradient at each place weighs the activation at that place, which is true to heads that know where
        things are. "mean": one weight per channel, the mean of its gradients, as in the original for pooling heads.

    Returns
    -------
    `(px, px)` float32, >= 0, as fine as the trunk's map, enlarged smoothly.

    Raises
    ------
    UsageError
        When the net looks at a region of the picture only (it has a transformer).

    *Source*: Selvaraju et al., Grad-CAM, ICCV 2017, equations 1 and 2 ("mean"); Draelos and Carin, Use HiResCAM
    instead of Grad-CAM, 2020, equation 3 ("each"). Of a pair: the class score is replaced by the pair's.
    """
    if net.transformer is not None:
        raise UsageError("A net with a transformer looks at a region of its own; ask integrated_gradients of it.")
    with _still(net):
        near = _score(net, net(_one(other), tuple(bands)).detach())
        maps = net.maps(_one(one), bands).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(near(net.of_maps(maps)).sum(), maps)
        if weights == "mean":
            gradient = gradient.mean(dim=(2, 3), keepdim=True)
        seen = (gradient * maps.detach()).sum(dim=1, keepdim=True).relu()
        return _plane(interpolate(seen, size=one.shape[1:], mode="bilinear", align_corners=False)[0, 0])


def integrated_gradients(
    net: DescriptorNet, one: Planes, other: Planes, bands: Sequence[str], *, steps: int = STEPS,
) -> Planes:
    """How much each value of `one` adds to the score of the pair, compared with a flat picture of its mean colours.

    Parameters
    ----------
    one, other
        As in `grad_cam`; no value may be missing.
    steps
        Points of the path, >= 1; more make the sum more exact.

    Returns
    -------
    `(C, px, px)` float32. The sum is score(one, other) - score(flat, other): what the photo's bands and the map's
    bands add can be told apart.

    Raises
    ------
    UsageError
        When a part of a picture is missing (NaN), or for steps < 1.

    *Source*: Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, ICML 2017, equations 1 and 3.
    """
    if steps < 1 or not (np.isfinite(one).all() and np.isfinite(other).all()):
        raise UsageError(f"Gradients are integrated over whole pictures in 1 step or more, found {steps} steps and "
                         f"{int((~np.isfinite(one)).sum() + (~np.isfinite(other)).sum())} missing values.")
    with _still(net):
        near = _score(net, net(_one(other), tuple(bands)).detach())
        picture = _one(one)
        flat = picture.mean(dim=(2, 3), keepdim=True).expand_as(picture)
        total = torch.zeros_like(picture)
        shares = (torch.arange(steps) + 0.5) / steps
        for start in range(0, steps, BATCH):
            share = shares[start : start + BATCH]
            way = (flat + share.view(-1, 1, 1, 1) * (picture - flat)).requires_grad_()
            (gradient,) = torch.autograd.grad(near(net(way, tuple(bands))).sum(), way)
            total += gradient.sum(dim=0, keepdim=True)
        return _plane(((picture - flat) * total / steps)[0])


def occlusion(
    eye: Embedder, one: Planes, other: Planes, bands: Sequence[str], *, window_px: int = 16, step_px: int = 8,
    hidden: Sequence[str] | None = None,
) -> Planes:
    """How far the score of the pair falls when a window of `one` is hidden under its mean colours.

    Parameters
    ----------
    eye
        Any; nothing is differentiated. In bfloat16 falls below 1e-3 mean nothing.
    window_px, step_px
        Side of the window and how far it moves, in pixels.
    hidden
        Bands that are hidden; None is all of them.

    Returns
    -------
    `(px, px)` float32: at each pixel the mean fall over the windows that hid it; below 0 where hiding helps.

    Raises
    ------
    UsageError
        When the windows leave pixels out (a step larger than the window, a window larger than the picture).

    *Source*: Zeiler and Fergus, Visualizing and understanding convolutional networks, ECCV 2014, section 4.2.
    """
    height, width = one.shape[1:]
    if not 1 <= step_px <= window_px <= min(height, width):
        raise UsageError(f"A window of {window_px} px that moves by {step_px} px does not cover {width} x {height} px; "
                         "choose 1 <= step_px <= window_px <= the picture's side.")
    rows = [list(bands).index(band) for band in (bands if hidden is None else hidden)]
    mean = one[rows].mean(axis=(1, 2), keepdims=True)
    corners = list(product(_starts(height, window_px, step_px), _starts(width, window_px, step_px)))
    falls, times = np.zeros((2, height, width), np.float64)
    with torch.inference_mode(), _still(eye):
        near = _score(eye, eye(_one(other), tuple(bands)))
        whole = float(near(eye(_one(one), tuple(bands))))
        for start in range(0, len(corners), BATCH):
            some = corners[start : start + BATCH]
            covered = np.repeat(one[None], len(some), axis=0)
            for picture, (top, left) in zip(covered, some, strict=True):
                picture[rows, top : top + window_px, left : left + window_px] = mean
            scores = near(eye(torch.from_numpy(covered), tuple(bands))).tolist()
            for (top, left), score in zip(some, scores, strict=True):
                window = np.s_[top : top + window_px, left : left + window_px]
                falls[window] += whole - score
                times[window] += 1
    return np.asarray(falls / times, np.float32)


def in_blocks(plane: Planes, side_px: int) -> Planes:
    """Sums over squares of `side_px` pixels: `(..., H, W)` -> `(..., H // side_px, W // side_px)`."""
    *outer, height, width = plane.shape
    kept = plane[..., : height // side_px * side_px, : width // side_px * side_px]
    return np.asarray(kept.reshape(*outer, height // side_px, side_px, width // side_px, side_px).sum(axis=(-3, -1)))


def _score(eye: Embedder, fixed: Tensor) -> Callable[[Tensor], Tensor]:
    """Descriptors `(b, d)` -> their scores with fixed ones."""
    if eye.space == "cosine":
        return lambda vectors: cosine_similarity(vectors, fixed, dim=1)
    return lambda vectors: -(vectors - fixed).norm(dim=1)


@contextmanager
def _still(eye: Embedder) -> Iterator[None]:
    """A net as it answers, not as it trains; afterwards as it was."""
    training = isinstance(eye, DescriptorNet) and eye.training
    if isinstance(eye, DescriptorNet):
        eye.eval()
    try:
        yield
    finally:
        if isinstance(eye, DescriptorNet):
            eye.train(training)


def _starts(side: int, window_px: int, step_px: int) -> list[int]:
    """Where windows begin along a side; the last one ends at its end."""
    return sorted({*range(0, side - window_px, step_px), side - window_px})


def _one(picture: Planes) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture, np.float32))[None]


def _plane(values: Tensor) -> Planes:
    return np.asarray(values.detach().cpu().numpy(), np.float32)
