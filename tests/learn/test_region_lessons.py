"""Where things lie is learnt from pictures of which it is known: white bars on black, laid in all directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from georetrieval.errors import InputError
from georetrieval.learn.label_objectives import RegionError
from georetrieval.learn.objectives import objective_of
from georetrieval.learn.region_lessons import RegionLessons, overlaps
from georetrieval.learn.relations import Located
from georetrieval.learn.settings import TrainSettings
from georetrieval.learn.training import teach
from georetrieval.nets.localiser import Localiser
from georetrieval.nets.settings import NetSettings
from georetrieval.samples.arrays import ArraySamples

torch.set_num_threads(1)
RGB = ("r", "g", "b")
PX = 24
NET = NetSettings(bands=RGB, px=PX, trunk="two-convs", head="pool", descriptor=2, transformer="axis", crop_px=16)


def bars(count: int, seed: int) -> tuple[ArraySamples, np.ndarray]:
    rng = np.random.default_rng(seed)
    regions = np.stack([rng.uniform(9, 15, count), rng.uniform(9, 15, count), rng.uniform(12, 18, count),
                        rng.uniform(3, 7, count), rng.uniform(0, 180, count)], 1)
    y, x = np.mgrid[:PX, :PX] + 0.5
    pixels = []
    for cx, cy, along, across, angle in regions:
        cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        ahead, aside = (x - cx) * cos + (y - cy) * sin, -(x - cx) * sin + (y - cy) * cos
        pixels.append(np.repeat(((abs(ahead) < along / 2) & (abs(aside) < across / 2))[None], 3, 0))
    return ArraySamples(255 * np.asarray(pixels, np.uint8), RGB, keys=[str(n) for n in range(count)]), regions


def test_the_error_by_hand() -> None:
    """Smooth L1 with 0.1: an error of .05 counts .05^2 / .2 = .0125, one of .3 counts .3 - .05; x and y twice."""
    true = np.zeros((1, 6), np.float32)
    said = torch.tensor([[0.05, 0, 0.3, 0, 0, 0]])
    located = Located(np.arange(1), true)
    assert float(RegionError()(said, located)) == pytest.approx((2 * 0.0125 + 0.25) / 6, abs=1e-6)


def test_the_same_region_overlaps_whole_and_the_wrong_one_less() -> None:
    """A net that knows nothing sees the whole picture: overlap is the share of it that the bar covers."""
    images, regions = bars(3, 1)
    regions[:, :2] = PX / 2  # in the middle, so that all of it lies inside
    found = overlaps(Localiser(NET), images, regions, PX)
    np.testing.assert_allclose(found, regions[:, 2] * regions[:, 3] / PX**2, rtol=1e-5)


def test_it_learns_where_bars_lie(tmp_path: Path) -> None:
    torch.manual_seed(1)
    lessons = RegionLessons(*bars(448, 1), bars(64, 2), batch=64, px=PX)
    net = Localiser(NET)
    settings = TrainSettings(objective="regions", epochs=8, optimiser="adamw", rate_transformer=0.005, seed=1,
                             schedule="cosine", validate_every=8)
    before = overlaps(net, *bars(64, 2), PX).mean()
    result = teach(net, objective_of(settings, 2), lessons, settings=settings, run=tmp_path)
    assert result.best_accuracy is not None
    assert before < 0.25
    assert result.best_accuracy > 0.5
    assert overlaps(net, *bars(64, 3), PX).mean() > 0.45


def test_each_picture_has_one_region() -> None:
    images, regions = bars(4, 1)
    with pytest.raises(InputError, match="4 pictures have 3 regions"):
        RegionLessons(images, regions[:3], None, batch=2, px=PX)
    lessons = RegionLessons(images, regions, None, batch=2, px=PX)
    batches = list(lessons.epoch(1, 0, None))
    assert sorted(np.concatenate([batch.rows for batch in batches]).tolist()) == [0, 1, 2, 3]
    assert lessons.identity() != RegionLessons(images, regions + 1, None, batch=2, px=PX).identity()
