"""What drew two pictures together: gradients that add up to the score, and places that are known beforehand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from georetrieval.errors import UsageError
from georetrieval.nets.baselines import HogEmbedder
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.saliency import grad_cam, in_blocks, integrated_gradients, occlusion, pair_score
from georetrieval.nets.settings import NetSettings

torch.set_num_threads(1)
BANDS = ("r", "g", "b", "sgrey")
SMALL = NetSettings(bands=BANDS, px=64, trunk="resnet10t", width=8, filters=(8,), descriptor=12)


@pytest.fixture(scope="module")
def net() -> DescriptorNet:
    """A net with batch statistics that are not the trivial ones."""
    torch.manual_seed(3)
    made = DescriptorNet(SMALL)
    with torch.no_grad():
        for _ in range(3):
            made(torch.rand(8, 4, 64, 64), BANDS)
    return made.eval()


@pytest.fixture(scope="module")
def pair() -> tuple[Any, Any]:
    one, other = np.random.default_rng(1).random((2, 4, 64, 64), np.float32)
    return one, other


class Corner:
    """An eye that sees the mean of the top left quarter of two bands, and nothing else."""

    bands, space = ("r", "g"), "euclidean"

    def __call__(self, pixels: Tensor, bands: tuple[str, ...]) -> Tensor:
        assert bands == self.bands
        half = pixels.shape[2] // 2
        return pixels[:, :, :half, :half].mean(dim=(2, 3))

    def fingerprint(self) -> dict[str, Any]:
        return {}


def score(net: DescriptorNet, one: Any, other: Any) -> float:
    with torch.no_grad():
        vectors = net(torch.from_numpy(np.stack([one, other])), BANDS)
    return float(cosine_similarity(vectors[:1], vectors[1:]))


def test_the_score_of_a_pair(net: DescriptorNet, pair: tuple[Any, Any]) -> None:
    one, other = (torch.from_numpy(picture)[None] for picture in pair)
    assert float(pair_score(net, one, other, BANDS).detach()) == pytest.approx(score(net, *pair), abs=1e-6)
    assert float(pair_score(Corner(), one[:, :2], one[:, :2], ("r", "g"))) == 0


def test_integrated_gradients_add_up_to_what_the_picture_adds(net: DescriptorNet, pair: tuple[Any, Any]) -> None:
    """Completeness: the axiom that the method is named for."""
    one, other = pair
    flat = np.broadcast_to(one.mean(axis=(1, 2), keepdims=True), one.shape).copy()
    added = score(net, one, other) - score(net, flat, other)
    assert abs(added) > 0.01
    found = integrated_gradients(net, one, other, BANDS, steps=300)
    assert found.shape == one.shape
    assert float(found.sum()) == pytest.approx(added, abs=0.02 * abs(added) + 1e-3)


def test_a_band_that_is_flat_adds_nothing(net: DescriptorNet, pair: tuple[Any, Any]) -> None:
    one = pair[0].copy()
    one[3] = 0.25
    found = integrated_gradients(net, one, pair[1], BANDS, steps=4)
    assert np.abs(found[3]).max() < 1e-9
    assert np.abs(found[:3]).max() > 0


def test_grad_cam_is_where_the_head_looks(pair: tuple[Any, Any]) -> None:
    """A head that reads one place only, the lower right of the trunk's map: nothing is seen elsewhere."""
    torch.manual_seed(1)
    net = DescriptorNet(replace(SMALL, filters=(), fusion="stack", normalise="none")).eval()
    with torch.no_grad():
        weight = net.head.fc.weight.view(12, -1, 2, 2)  # type: ignore[union-attr, operator]
        weight[:, :, :, 0] = 0
        weight[:, :, 0] = 0
    seen = grad_cam(net, *pair, BANDS)
    assert seen.shape == (64, 64)
    assert seen.min() >= 0
    assert seen[-1, -1] > 0
    assert seen[:16, :16].max() == 0
    assert grad_cam(net, *pair, BANDS, weights="mean")[:16, :16].max() > 0  # which forgets the place


def test_occlusion_finds_the_only_place_that_counts() -> None:
    """The corner's mean falls from 0.75 to 0.5 (the picture's mean is 0.5) when it is wholly hidden, r alone."""
    one = np.full((2, 32, 32), 0.5, np.float32)
    one[0, :16, :16], one[0, 16:, 16:] = 1, 0
    falls = occlusion(Corner(), one, one, ("r", "g"), window_px=16, step_px=16)
    assert falls[:16, :16] == pytest.approx(0.5, abs=1e-6)
    assert falls[:16, 16:] == pytest.approx(0, abs=1e-6)
    assert falls[16:] == pytest.approx(0, abs=1e-6)
    other = occlusion(Corner(), one, one, ("r", "g"), window_px=16, step_px=16, hidden=("g",))
    assert other == pytest.approx(0, abs=1e-6)


def test_occlusion_covers_the_whole_picture_and_takes_any_eye(pair: tuple[Any, Any]) -> None:
    grey = pair[0][:1]
    falls = occlusion(HogEmbedder(), grey, grey, ("grey",), window_px=24, step_px=17)
    assert np.isfinite(falls).all()
    assert falls.mean() > 0  # a picture is never nearer to itself with a part hidden


def test_a_net_in_training_stays_in_training_and_unchanged(net: DescriptorNet, pair: tuple[Any, Any]) -> None:
    before = net.fingerprint()
    expected = grad_cam(net, *pair, BANDS)
    net.train()
    try:
        assert np.array_equal(grad_cam(net, *pair, BANDS), expected)
        integrated_gradients(net, *pair, BANDS, steps=1)
        occlusion(net, *pair, BANDS, window_px=64, step_px=64)
        assert net.training
    finally:
        net.eval()
    assert net.fingerprint() == before
    assert all(parameter.grad is None for parameter in net.parameters())


def test_questions_without_an_answer(net: DescriptorNet, pair: tuple[Any, Any]) -> None:
    one, other = pair
    with pytest.raises(UsageError, match="found 0 steps"):
        integrated_gradients(net, one, other, BANDS, steps=0)
    missing = one.copy()
    missing[3] = np.nan
    with pytest.raises(UsageError, match="4096 missing values"):
        integrated_gradients(net, missing, other, BANDS)
    with pytest.raises(UsageError, match="does not cover 64 x 64"):
        occlusion(net, one, other, BANDS, window_px=8, step_px=9)
    with pytest.raises(UsageError, match="does not cover"):
        occlusion(net, one, other, BANDS, window_px=65, step_px=8)
    looking = DescriptorNet(replace(SMALL, transformer="affine", crop_px=32))
    with pytest.raises(UsageError, match="integrated_gradients"):
        grad_cam(looking, one, other, BANDS)


def test_blocks_hold_the_same_sum() -> None:
    plane = np.arange(48, dtype=np.float32).reshape(2, 4, 6)
    assert in_blocks(plane, 2).shape == (2, 2, 3)
    assert in_blocks(plane, 2)[0, 0, 0] == 0 + 1 + 6 + 7
    assert in_blocks(plane, 2).sum() == plane.sum()
    assert in_blocks(plane, 5).shape == (2, 0, 1)
