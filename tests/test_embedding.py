"""The only embed loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from georetrieval.embedding import embed
from georetrieval.errors import MismatchError, UsageError
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.samples.arrays import ArraySamples
from georetrieval.search.descriptors import Space

torch.set_num_threads(1)


class Mean:
    """An eye that sees the mean of each band."""

    bands = ("r", "g", "b")
    space = "euclidean"

    def __call__(self, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:
        assert bands == self.bands
        return pixels.mean(dim=(2, 3))

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": "mean"}


def samples(count: int, px: int = 4) -> ArraySamples:
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, px, px), dtype=np.uint8)
    keys = [f"k{n}" for n in range(count)]
    return ArraySamples(pixels, ("r", "g", "b"), keys=keys, names=[f"n{n}" for n in range(count)], scopes=["s"] * count)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_one_row_per_sample_in_their_order(batch_size: int) -> None:
    seen = []
    found = embed(samples(7), Mean(), batch_size=batch_size, progress=lambda done, total, _: seen.append((done, total)))
    assert np.allclose(found.vectors, samples(7).batch(range(7)).mean(axis=(2, 3)), atol=1e-6)
    assert found.keys.tolist() == samples(7).keys
    assert found.names[3] == "n3"
    assert found.scopes[3] == "s"
    assert found.space is Space.EUCLIDEAN
    assert seen[-1] == (7, 7)


def test_a_net_in_training_is_seen_through_its_fast_copy() -> None:
    settings = NetSettings(bands=("r", "g", "b"), px=32, trunk="resnet10t", cut=1, head="pool", descriptor=8)
    eye = DescriptorNet(settings).train()
    before = {name: tensor.clone() for name, tensor in eye.state_dict().items()}
    one, other = (embed(samples(5, 32), eye, batch_size=size).vectors for size in (5, 2))
    assert np.allclose(one, other, atol=0.02)  # batch norm does not look at its neighbours
    assert eye.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in eye.state_dict().items())


def test_bands_that_the_eye_lacks() -> None:
    grey = ArraySamples(np.zeros((1, 1, 32, 32), dtype=np.uint8), ("grey",), keys=["a"])
    eye = DescriptorNet(NetSettings(bands=("r", "g", "b"), px=32, trunk="resnet10t", cut=0, head="pool"))
    with pytest.raises(MismatchError, match="bands"):
        embed(grey, eye)


def test_nothing_to_embed() -> None:
    with pytest.raises(UsageError, match="0 samples"):
        embed(samples(0), Mean())
    with pytest.raises(UsageError, match="batches of 0"):
        embed(samples(1), Mean(), batch_size=0)
