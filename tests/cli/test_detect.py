"""`detect`: crops and lists of what a detector finds. Where things are is told by a stand-in that knows it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.detector import Detector, DetectorSettings, Found
from georetrieval.recipe.reading_regions import detect_into, load_detector
from georetrieval.samples.boxes import BoxedPictures
from georetrieval.samples.listing import Listing
from tests.made import bars

BOXES = np.array([[10, 20, 30, 40], [50.4, 10.6, 70.2, 29.5], [60, 12, 80, 31]], np.float32)


class Known(Detector):
    """Finds the same three boxes everywhere; the last two overlap."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.settings = DetectorSettings(("ox",), trunk="resnet18", px=64)

    def detect(self, pixels: torch.Tensor, *, least_score: float = 0.5) -> Found:
        assert pixels.shape == (3, 60, 80)
        assert 0 <= float(pixels.min()) <= float(pixels.max()) <= 1
        scores = np.array([0.9, 0.8, 0.6], np.float32)
        kept = scores > least_score
        return Found(BOXES[kept], scores[kept], np.array(["ox"] * 3)[kept])


@pytest.fixture
def frames(tmp_path) -> Path:
    """Two frames of 80 x 60 in which the pixel (x, y) has the colour (x, y, number)."""
    y, x = np.mgrid[:60, :80]
    for number in (1, 2):
        bars.save(tmp_path / "frames" / f"{number}.png", np.stack([x, y, np.full_like(x, number)], 2).astype(np.uint8))
    return tmp_path / "frames"


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_crops_are_the_pixels_of_their_boxes(frames, tmp_path):
    found = detect_into(tmp_path / "out", [frames], Known())
    rows = rows_of(tmp_path / "out" / "pictures.csv")
    assert len(rows) == 6
    assert [row["crowded"] for row in rows[:3]] == ["0", "1", "1"]
    assert found.crowded == 4
    assert [(row["group"], row["score"]) for row in rows[:2]] == [("1", "0.9"), ("1", "0.8")]
    with Image.open(tmp_path / "out" / rows[1]["file"]) as image:
        pixels = np.asarray(image)
    assert pixels.shape == (20, 21, 3), "all pixels that the box touches: 10..30 by 50..71"
    assert pixels[0, 0].tolist() == [50, 10, 1]
    assert pixels[-1, -1].tolist() == [70, 29, 1]


def test_the_list_is_one_that_others_read(frames, tmp_path):
    detect_into(tmp_path / "out", [frames], Known())
    listing = Listing.read(tmp_path / "out")
    assert len(listing) == 6
    assert listing.samples(32).batch([0]).shape == (1, 3, 32, 32)
    boxed = BoxedPictures.read(tmp_path / "out" / "boxes.json")
    np.testing.assert_allclose(boxed.boxes[1], BOXES, atol=1e-3)
    notes = json.loads((tmp_path / "out" / "boxes.json").read_text())["annotations"]
    assert [note["crowded"] for note in notes[:3]] == [False, True, True]


def test_margin_score_and_alone(frames, tmp_path):
    detect_into(tmp_path / "wide", [frames / "1.png"], Known(), margin=0.6)
    first = rows_of(tmp_path / "wide" / "pictures.csv")[0]
    assert [int(first[name]) for name in ("x", "y", "width", "height")] == [0, 8, 42, 44], "cut at the frame's edge"
    detect_into(tmp_path / "sure", [frames / "1.png"], Known(), least_score=0.85)
    assert len(rows_of(tmp_path / "sure" / "pictures.csv")) == 1
    detect_into(tmp_path / "alone", [frames / "1.png"], Known(), alone=True)
    assert [row["crowded"] for row in rows_of(tmp_path / "alone" / "pictures.csv")] == ["0"]


def test_damaged_frames_are_told(frames, tmp_path):
    (frames / "0.png").write_bytes((frames / "1.png").read_bytes()[:100])
    found = detect_into(tmp_path / "out", [frames], Known())
    assert len(found.images) == 2
    assert len(found.damaged) == 1
    assert "0.png cannot be read" in found.damaged[0]
    with pytest.raises(InputError, match="None of the 1 pictures"):
        detect_into(tmp_path / "none", [frames / "0.png"], Known())
    with pytest.raises(InputError, match="exists already"):
        detect_into(tmp_path / "out", [frames], Known())
    with pytest.raises(UsageError, match="0 to 1"):
        detect_into(tmp_path / "none", [frames], Known(), margin=2)


def test_an_interrupted_run_lists_what_it_has(frames, tmp_path):
    class Tired(Known):
        seen = 0

        def detect(self, pixels: torch.Tensor, *, least_score: float = 0.5) -> Found:
            self.seen += 1
            if self.seen == 2:
                raise KeyboardInterrupt
            return super().detect(pixels, least_score=least_score)

    with pytest.raises(KeyboardInterrupt):
        detect_into(tmp_path / "out", [frames], Tired())
    assert len(rows_of(tmp_path / "out" / "pictures.csv")) == 3


def test_on_the_command_line(frames, tmp_path, run):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    Detector(DetectorSettings(("ox",), trunk="resnet18", px=128, channels=64)).save(tmp_path / "run" /
                                                                                 "detector.safetensors")
    assert load_detector(str(tmp_path / "run")).settings.labels == ("ox",)

    out = tmp_path / "out"
    code, told, err = run("detect", frames, "--model", tmp_path / "run", "-o", out, "--min-score", "0")
    assert (code, told.strip()) == (0, str(out)), err
    assert len(Listing.read(out)) == len(list(out.glob("*.png"))) > 0
    for words, message in (((frames, "--model", frames, "-o", tmp_path / "x"), "neither a detector"),
                           ((frames, "--model", tmp_path / "run", "-o", out), "exists already"),
                           ((tmp_path / "gone.png", "--model", tmp_path / "run", "-o", tmp_path / "x"), "no file"),
                           ((frames, "--model", tmp_path / "run", "-o", tmp_path / "y", "--min-score", "1"),
                            "lower --min-score")):
        code, _, err = run("detect", *words)
        lines = [line for line in err.splitlines() if line.startswith("error")]
        assert (code, len(lines)) == (2, 1), err
        assert message in lines[0]
