"""Moving averages worked by hand, and a training whose average is what is kept."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from georetrieval.errors import UsageError
from georetrieval.learn.averaging import Average, decay_after
from georetrieval.learn.objectives import objective_of
from georetrieval.learn.settings import TrainSettings
from georetrieval.learn.training import train
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.progress import Progress, silent
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.augment import AugmentSettings
from georetrieval.samples.modality import DropSettings

torch.set_num_threads(1)
SIX = ("r", "g", "b", "sr", "sg", "sb")
NET = NetSettings(bands=SIX, px=32, trunk="resnet10t", cut=0, head="pool", descriptor=4, any_modality=True)
SHORT = TrainSettings(objective="clip", pairs_per_batch=6, epochs=2, precision="fp32", ema=0.9, rate_trunk=1e-3)


def test_decay_grows() -> None:
    assert [decay_after(n, 0.9) for n in (0, 1, 90, 10_000)] == pytest.approx([1 / 10, 2 / 11, 0.9, 0.9])


def test_an_average_by_hand() -> None:
    """The first update copies 4; then a weight of 8 after one update: 4 x 2/11 + 8 x 9/11."""
    eye = DescriptorNet(NET)
    average = Average(eye, 0.9)
    for value in (4.0, 8.0):
        with torch.no_grad():
            eye.head.fc.bias.fill_(value)
        average.update()
    assert average.eye.head.fc.bias.tolist() == pytest.approx([4 * 2 / 11 + 8 * 9 / 11] * 4)
    assert eye.head.fc.bias.tolist() == [8.0] * 4


def test_without_decay_it_is_the_net_itself() -> None:
    eye = DescriptorNet(NET)
    average = Average(eye, 0.0)
    average.update()
    assert average.eye is eye
    assert average.state_dict() == {}


def places(count: int = 12) -> tuple[ArraySamples, ArraySamples]:
    random = np.random.default_rng(3)
    older = random.integers(0, 256, (count, 6, 32, 32), dtype=np.uint8)
    newer = np.clip(older + random.normal(0, 20, older.shape), 0, 255).astype(np.uint8)
    keys = [f"p{n}" for n in range(count)]
    return ArraySamples(newer, SIX, keys=keys), ArraySamples(older, SIX, keys=keys)


def trained(run: Path, settings: TrainSettings = SHORT, *, resume: bool = False, progress: Progress = silent
            ) -> DescriptorNet:
    torch.manual_seed(5)
    eye = DescriptorNet(NET)
    augment = AugmentSettings(grey=0.5, drop=DropSettings(photo=0.3, map=0.3))
    train(eye, objective_of(settings, 4), places(), validation=None, settings=settings, run=run, augment=augment,
          resume=resume, progress=progress)
    return eye


def test_the_average_is_what_is_kept(tmp_path: Path) -> None:
    """The same training with and without: the net ends alike, the file differs."""
    last, plain = trained(tmp_path / "ema"), trained(tmp_path / "plain", replace(SHORT, ema=0.0))
    assert last.fingerprint() == plain.fingerprint()
    kept = DescriptorNet.load(tmp_path / "ema" / "weights.safetensors").state_dict()
    raw = DescriptorNet.load(tmp_path / "plain" / "weights.safetensors")
    assert raw.fingerprint() == plain.fingerprint()
    assert not torch.equal(kept["trunk.model.conv1.0.weight"], raw.state_dict()["trunk.model.conv1.0.weight"])
    assert not torch.equal(kept["trunk.model.bn1.running_mean"], raw.state_dict()["trunk.model.bn1.running_mean"])


@pytest.mark.parametrize("after", [1, 3])
def test_interrupted_with_average_and_missing_parts_is_uninterrupted(tmp_path: Path, after: int) -> None:
    """Ctrl-C in a step; parts that are left out and photos in grey are drawn again the same."""
    def stop(done: int, total: int, what: str) -> None:  # noqa: ARG001
        nonlocal after
        after -= 1
        if after == 0:
            os.kill(os.getpid(), signal.SIGINT)

    trained(tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "parts", progress=stop)
    trained(tmp_path / "parts", resume=True)
    one, two = (DescriptorNet.load(tmp_path / run / "weights.safetensors") for run in ("whole", "parts"))
    assert one.fingerprint() == two.fingerprint()


def test_a_decay_of_one_would_never_learn() -> None:
    with pytest.raises(UsageError, match="ema"):
        TrainSettings(ema=1.0)
