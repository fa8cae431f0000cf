"""Training a detector on drawn rectangles, and COCO's average precision on answers worked by hand."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from georetrieval.errors import InputError, MissingExtraError, UsageError
from georetrieval.learn.detecting import DetectingSettings, flipped, measure_detector, train_detector
from georetrieval.learn.precision import Precision, average_precision
from georetrieval.nets.detector import Detector, DetectorSettings, Found
from georetrieval.samples.boxes import BoxedPictures
from tests.learn.drawn_boxes import SIDE, drawn

torch.set_num_threads(1)

def detector(seed: int = 1, label: str = "sheet") -> Detector:
    torch.manual_seed(seed)
    return Detector(DetectorSettings(labels=(label,), trunk="resnet18", px=SIDE, anchor=16, channels=64))


def test_it_learns_to_find_rectangles(tmp_path: Path) -> None:
    """From nothing, in seconds; the best weights are in the folder and in the detector."""
    pictures, unseen = drawn(tmp_path / "train", 24, 1), drawn(tmp_path / "test", 12, 2)
    eye = detector()
    before = measure_detector(eye, unseen)
    settings = DetectingSettings(epochs=6, batch=4, rate=5e-4, validate_every=6)
    result = train_detector(eye, pictures, validation=unseen, settings=settings, run=tmp_path / "run")
    assert result.losses[-1] < 0.5 * result.losses[0]
    assert result.best is not None
    assert result.best.ap50 > 0.6 > before.ap50
    loaded = Detector.load(result.weights)
    assert measure_detector(loaded, unseen) == measure_detector(eye, unseen) == result.best
    assert loaded.settings.usual_area == pytest.approx(24 * 24 / SIDE**2, rel=0.15)
    said = json.loads((tmp_path / "run" / "detector.json").read_text())
    assert said["best"]["ap50"] == result.best.ap50
    assert len(said["losses"]) == 6


def test_the_same_seed_gives_the_same_detector(tmp_path: Path) -> None:
    pictures = drawn(tmp_path / "train", 4, 1)
    settings = DetectingSettings(epochs=1, batch=2)
    losses = []
    for run in ("a", "b"):
        (tmp_path / run).mkdir()
        (tmp_path / run / ".georetrieval-killed.safetensors").write_bytes(b"half")
        torch.manual_seed(99)
        losses.append(train_detector(detector(), pictures, validation=None, settings=settings,
                                     run=tmp_path / run).losses)
        assert not list((tmp_path / run).glob(".georetrieval-*"))
    assert losses[0] == losses[1]


def truth(*boxes: list[float], pictures: int = 1) -> BoxedPictures:
    """Pictures of 100 x 100 with the same boxes, which need no file to be measured by."""
    each = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    return BoxedPictures(Path(), ("x.png",) * pictures, np.full((pictures, 2), 100), (each,) * pictures,
                         (np.zeros(len(each), dtype=np.int64),) * pictures, ("sheet",))


def found(*boxes: list[float], scores: tuple[float, ...] = ()) -> Found:
    each = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    given = np.asarray(scores or np.linspace(0.9, 0.5, len(each)), dtype=np.float32)
    return Found(each, given, np.full(len(each), "sheet"))


BOX = [10.0, 10.0, 30.0, 30.0]


@pytest.mark.parametrize(("answer", "expected"), [
    (found(BOX), Precision(1.0, 1.0, 1.0)),
    (found(), Precision(0.0, 0.0, 0.0)),
    (found([50, 50, 70, 70]), Precision(0.0, 0.0, 0.0)),
    # 20 x 16 inside 20 x 20: overlap .80, found at .50 to .80, seven of ten thresholds
    (found([10, 10, 30, 26]), Precision(0.7, 1.0, 1.0)),
    # 20 x 12.4: overlap .62, found at .50, .55 and .60
    (found([10, 10, 30, 22.4]), Precision(0.3, 1.0, 0.0)),
    # a surer wrong box before the right one: precision 1/2 at every recall
    (found([50, 50, 70, 70], BOX), Precision(0.5, 0.5, 0.5)),
    # the wrong one less sure than the right one costs nothing
    (found(BOX, [50, 50, 70, 70]), Precision(1.0, 1.0, 1.0)),
])
def test_average_precision_by_hand(answer: Found, expected: Precision) -> None:
    measured = average_precision(truth(BOX), [answer])
    assert (measured.ap, measured.ap50, measured.ap75) == pytest.approx(
        (expected.ap, expected.ap50, expected.ap75), abs=1e-6)


def test_half_of_the_boxes_found_is_half_of_the_curve() -> None:
    """Precision 1 up to recall .5, 0 beyond: 51 of COCO's 101 places."""
    measured = average_precision(truth(BOX, pictures=2), [found(BOX), found()])
    assert measured.ap50 == pytest.approx(51 / 101)


def test_what_cannot_be_measured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no true box"):
        average_precision(truth(), [found(BOX)])
    with pytest.raises(UsageError, match="2 answers"):
        average_precision(truth(BOX), [found(BOX), found(BOX)])
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("pycocotools"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match="detect"):
        average_precision(truth(BOX), [found(BOX)])


def test_a_mirrored_picture_has_mirrored_boxes() -> None:
    picture, boxes = torch.zeros(3, 20, 30), torch.tensor([[2.0, 3.0, 10.0, 5.0]])
    picture[:, 3:5, 2:10] = 1
    for axis, expected in ((0, [20, 3, 28, 5]), (1, [2, 15, 10, 17])):
        turned, moved = flipped(picture, boxes, axis)
        assert moved.tolist() == [expected]
        x0, y0, x1, y1 = expected
        assert turned[:, y0:y1, x0:x1].eq(1).all()
        assert turned.sum() == picture.sum()


def test_other_labels_no_boxes_and_settings_are_refused(tmp_path: Path) -> None:
    settings = DetectingSettings(epochs=1)
    with pytest.raises(InputError, match="looks for page"):
        train_detector(detector(label="page"), truth(BOX), validation=None, settings=settings, run=tmp_path / "run")
    with pytest.raises(InputError, match="0 boxes"):
        train_detector(detector(), truth(), validation=None, settings=settings, run=tmp_path / "run")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "detector.safetensors").write_bytes(b"")
    with pytest.raises(UsageError, match="already"):
        train_detector(detector(), truth(BOX), validation=None, settings=settings, run=tmp_path / "run")
    with pytest.raises(UsageError, match="epochs"):
        DetectingSettings(epochs=0)
