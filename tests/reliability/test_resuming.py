"""RELIABILITY R16: a training that is killed (kill -9) anywhere, again and again, ends with the same weights."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from georetrieval.learn.objectives import objective_of
from georetrieval.learn.settings import MiningSettings, TrainSettings
from georetrieval.learn.training import STATE, train
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.progress import Progress, silent
from georetrieval.samples.augment import AugmentSettings
from tests.learn.worlds import BANDS, two_dates
from tests.made.campaign import SEED, size, told
from tests.made.crashes import killed_at
from tests.made.forked import KILLED, forked

KILLS = size(2, 100, ci=5)
STEPS = 30
"""Reports of a training at least; a kill comes at one of them, or at one of the operations on files."""
NET = NetSettings(bands=BANDS, px=32, trunk="resnet10t", cut=1, filters=(8,), descriptor=8)
SETTINGS = TrainSettings(objective="infonce", pairs_per_batch=4, epochs=3, precision="fp32", schedule="cosine",
                         save_minutes=0.0)
PLACES = two_dates(16, scopes=2)


def dying(after: int) -> Progress:
    """A report at whose n-th call the process dies."""
    left = [after]

    def report(done: int, total: int, what: str) -> None:  # noqa: ARG001
        left[0] -= 1
        if left[0] == 0:
            os._exit(KILLED)
    return report


def training(run: Path, progress: Progress = silent) -> Callable[[], None]:
    """Train, or go on where there is something to go on from; prints a hash of the last weights and of the journal."""
    def step() -> None:
        torch.set_num_threads(1)
        torch.manual_seed(11)
        eye = DescriptorNet(NET)
        result = train(eye, objective_of(SETTINGS, NET.descriptor), PLACES, validation=PLACES, settings=SETTINGS,
                       run=run, mining=MiningSettings(every=1), augment=AugmentSettings(shift=0.1),
                       resume=(run / STATE).exists(), progress=progress)
        seen = hashlib.sha256()
        for name, tensor in eye.state_dict().items():
            seen.update(name.encode() + tensor.numpy().tobytes())
        print(seen.hexdigest(), result.steps, [(row.step, row.loss, row.map_at_5) for row in result.history])  # noqa: T201
    return step


def test_r16_killed_trainings_end_with_the_same_weights(memory_folder):
    """One to three kills each: at a report (between steps, in mining, in validating), or while files are written."""
    whole = forked(training(memory_folder / "whole"))
    assert whole.code == 0, whole.err
    random, ends, trainings = np.random.default_rng(SEED), Counter[str](), 0
    while ends["at a report"] + ends["at a file"] < KILLS:
        run = memory_folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        for _ in range(int(random.integers(1, 4))):
            if random.random() < 0.5:
                code = forked(training(run, dying(int(random.integers(1, STEPS))))).code
                assert code in (0, KILLED)
                ends["at a report" if code == KILLED else "ended before"] += 1
            else:
                died = killed_at(int(random.integers(1, 4 * STEPS)), training(run))
                ends["at a file" if died else "ended before"] += 1
        last = forked(training(run))
        assert (last.code, last.out) == (0, whole.out), (dict(ends), last.err)
        assert list(run.glob(".georetrieval-*")) == []
        trainings += 1
    told("R16", trainings=trainings, kills=ends["at a report"] + ends["at a file"], not_the_same=0,
         **{what.replace(" ", "_"): count for what, count in ends.items()})


def test_what_a_killed_training_left_half_written_goes_with_the_next(memory_folder):
    """Killed while it writes its first file; the file of somebody else who writes there stays."""
    run, operation = memory_folder / "run", 0
    while not list(run.glob(".georetrieval-*")):
        operation += 1
        assert killed_at(operation, training(run)), "it ended well"
    theirs = run / ".georetrieval-map.gpkg"
    theirs.write_bytes(b"half a map")
    assert forked(training(run, dying(1))).code == KILLED
    assert list(run.glob(".georetrieval-*")) == [theirs]
