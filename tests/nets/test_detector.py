"""The detector: its parts, its file, its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.detector import Detector, DetectorSettings, Found

torch.set_num_threads(1)
SMALL = DetectorSettings(labels=("ox", "calf"), trunk="resnet18", px=64, anchor=16, channels=64)
PICTURE = torch.rand(3, 48, 96, generator=torch.Generator().manual_seed(1))


def made(kind: str = "retinanet", seed: int = 1) -> Detector:
    torch.manual_seed(seed)
    return Detector(replace(SMALL, kind=kind)).eval()  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["retinanet", "ssd"])
def test_every_box_lies_in_the_picture_and_has_a_label(kind: str) -> None:
    found = made(kind).detect(PICTURE, least_score=0.0)
    assert len(found.boxes) == len(found.scores) == len(found.labels) > 0
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert (found.boxes >= 0).all()
    assert (found.boxes <= [96, 48, 96, 48]).all()
    assert set(found.labels) <= {"ox", "calf"}
    assert (np.diff(found.scores) <= 0).all(), "the surest first"
    middle = float(np.median(found.scores))
    surer = made(kind).detect(PICTURE, least_score=middle).scores
    assert len(surer) > 0
    assert (surer > middle).all()


@pytest.mark.parametrize("kind", ["retinanet", "ssd"])
def test_the_loss_falls_on_one_picture(kind: str) -> None:
    """One box of each label, in a few steps; a picture without a box counts too."""
    detector = made(kind).train()
    boxes = [torch.tensor([[8.0, 8.0, 40.0, 40.0], [56.0, 4.0, 88.0, 36.0]]), torch.empty(0, 4)]
    numbers = [torch.tensor([0, 1]), torch.empty(0, dtype=torch.int64)]
    optimiser = torch.optim.Adam(detector.parameters(), lr=1e-3)
    losses = []
    for _ in range(6):
        loss = detector([PICTURE, 1 - PICTURE], boxes, numbers)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("kind", ["retinanet", "ssd"])
def test_saved_and_loaded_is_the_same_detector(tmp_path: Path, kind: str) -> None:
    detector, path = made(kind), tmp_path / "d.safetensors"
    detector.settings = replace(detector.settings, usual_area=0.01)
    detector.save(path)
    loaded = Detector.load(path)
    assert loaded.settings == detector.settings
    for before, after in zip(detector.detect(PICTURE, least_score=0.0), loaded.detect(PICTURE, least_score=0.0),
                             strict=True):
        np.testing.assert_array_equal(before, after)


def test_files_that_are_no_detector(tmp_path: Path) -> None:
    path = tmp_path / "d.safetensors"
    with pytest.raises(InputError, match="asked for as a detector"):
        Detector.load(path)
    save_file({"a": torch.ones(1)}, path)
    with pytest.raises(InputError, match="no detector"):
        Detector.load(path)
    made().save(path)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError):
        Detector.load(path)
    with pytest.raises(InputError, match="another version"):
        DetectorSettings.from_dict({"labels": ["ox"]})


def test_the_trunk_starts_from_a_file_of_timm(tmp_path: Path) -> None:
    torch.manual_seed(3)
    donor = timm.create_model("resnet18", num_classes=10)
    path = tmp_path / "w.safetensors"
    save_file(donor.state_dict(), path)
    detector = Detector(SMALL, weights=path).eval()
    donor.eval()
    with torch.no_grad():
        wanted = donor.forward_features(PICTURE[None])
        assert torch.equal(detector.net.backbone.body(PICTURE[None])["2"], wanted)
    save_file({"conv1.weight": torch.ones(1)}, path)
    with pytest.raises(InputError, match="does not fit"):
        Detector(SMALL, weights=path)


def test_the_papers_trunk_is_a_resnet50_with_a_pyramid() -> None:
    """23,508,032 parameters: a ResNet50 (He et al.: 25,557,032 with its classifier of 2,049,000)."""
    with torch.device("meta"):
        whole = Detector(DetectorSettings(labels=("a",)))
    assert sum(p.numel() for p in whole.net.backbone.body.parameters()) == 25_557_032 - 2_049_000


def test_a_trained_detector_knows_the_usual_size() -> None:
    """A box of 30 x 30 in a picture of 100 x 100 is 9 %: three times the usual 3 %."""
    detector = made()
    found = Found(np.asarray([[0, 0, 30, 30], [50, 50, 65, 70]], dtype=np.float32), np.ones(2, dtype=np.float32),
                  np.asarray(["ox", "ox"]))
    assert not detector.crowded(found, 100, 100).any()
    detector.settings = replace(detector.settings, usual_area=0.03)
    assert detector.crowded(found, 100, 100).tolist() == [True, False]


@pytest.mark.parametrize(("changed", "match"), [
    ({"labels": ()}, "none"), ({"labels": ("a", "a")}, "different"), ({"trunk": "vgg16"}, "vgg16"),
    ({"kind": "yolo"}, "yolo"), ({"px": 32}, "64 px"), ({"anchor": 2}, "anchors"),
    ({"channels": 80}, "multiple of 32"), ({"channels": 32}, "64 channels"),
])
def test_settings_that_make_no_sense(changed: dict, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        replace(SMALL, **changed)


def test_one_picture_of_three_bands() -> None:
    with pytest.raises(UsageError, match="three bands"):
        made().detect(PICTURE[None])
