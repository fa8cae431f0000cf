"""`detector train` and `detector measure`: from boxes to a detector that `detect` takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from georetrieval.cli.detector import train
from georetrieval.cli.main import main
from georetrieval.learn.detecting import DetectingSettings
from georetrieval.nets.detector import Detector, DetectorSettings
from tests.learn.drawn_boxes import drawn

SMALL = ["--trunk", "resnet18", "--px", "64", "--anchor", "16", "--channels", "64", "--epochs", "1", "--batch", "2"]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


def test_train_then_measure_by_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn(tmp_path / "frames", 6, 1, ("train", "validation", "test"))
    boxes, out = tmp_path / "frames" / "boxes.json", tmp_path / "run"
    assert run("detector", "train", boxes, "-o", out, *SMALL) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(out / "detector.safetensors")
    assert "AP50" in said.err
    assert Detector.load(out / "detector.safetensors").settings.labels == ("sheet",)
    assert run("detector", "measure", out, boxes, "--part", "test") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"ap", "ap50", "ap75"}
    assert run("detector", "train", boxes, "-o", out, *SMALL) == 2
    assert "already" in capsys.readouterr().err
    assert run("detector", "measure", out, boxes, "--part", "night") == 2
    assert "its parts are test, train, validation" in capsys.readouterr().err


def test_without_parts_all_are_trained_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn(tmp_path / "frames", 2, 1)
    assert run("detector", "train", tmp_path / "frames" / "boxes.json", "-o", tmp_path / "run", *SMALL) == 0
    assert "validation" not in capsys.readouterr().err


@pytest.mark.parametrize(("changed", "match"), [
    (["--trunk", "resnet19"], "resnet19"), (["--px", "8"], "64 px"), (["--epochs", "0"], "epochs"),
    (["--weights", "nowhere.pth"], "nowhere.pth"), (["--kind", "yolo"], "yolo"),
])
def test_wrong_settings_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: list[str], match: str
) -> None:
    drawn(tmp_path / "frames", 1, 1)
    assert run("detector", "train", tmp_path / "frames" / "boxes.json", "-o", tmp_path / "run", *SMALL, *changed) == 2
    said = capsys.readouterr().err
    assert match in said
    assert "Traceback" not in said


def test_the_options_defaults_are_the_settings() -> None:
    """They are written out, so that --help needs no torch."""
    told = {option.name: option.default for option in train.params}
    known = {**vars(DetectorSettings(labels=("a",))), **vars(DetectingSettings())}
    shared = set(told) & set(known)
    assert shared == {"kind", "trunk", "px", "anchor", "channels", "epochs", "minutes", "batch", "rate", "precision",
                      "seed"}
    assert {name: told[name] for name in shared if name != "minutes"} == {
        name: known[name] for name in shared if name != "minutes"}
