"""`synth` from the command line: the answer on stdout, errors in one sentence."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest


def synth(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "georetrieval", "synth", "departement", *arguments],
                          capture_output=True, text=True, check=False)


def test_writes_a_world_and_says_what_lies_where(tmp_path: Path) -> None:
    out = tmp_path / "world"
    done = synth("-o", str(out), "--km", "3", "--seed", "2", "--gsd-m", "10", "--format", "json")
    assert done.returncode == 0, done.stderr
    note = json.loads(done.stdout)
    assert note == json.loads((out / "world.json").read_text())
    assert (out / note["surveys"][1]["vectors"]).is_dir()
    assert "photographs of 2019" in done.stderr


def test_wrong_values_are_one_sentence_and_code_two(tmp_path: Path) -> None:
    for arguments, word in ((("--km", "1"), "--km is 1"), (("--gsd-m", "0.3"), "whole number"),
                            (("--departement", "Moselle"), "two digits")):
        done = synth("-o", str(tmp_path / "world"), *arguments)
        assert done.returncode == 2
        assert word in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused(tmp_path: Path) -> None:
    done = synth("-o", str(tmp_path))
    assert done.returncode == 2
    assert "exists already" in done.stderr


def made(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "georetrieval", "synth", *arguments], capture_output=True, text=True,
                          check=False)


@pytest.mark.parametrize(("world", "wish", "files"), [
    ("digits", ("--count", "40", "--scale", "0.5", "1.5", "--rotation", "60"), 40),
    ("chairlifts", ("--lifts", "2", "--images-share", "0.01"), 13 + 11 + 2 * 2),
    ("herd", ("--animals", "3", "--frames", "16"), 16),
])
def test_picture_worlds_are_written_and_listed(tmp_path: Path, world: str, wish: tuple[str, ...], files: int) -> None:
    """Chairlifts: a hundredth of Table 1's S1 and S2, at least 1: 1 1 1 1 4 5 and 1 1 1 1 4 3, and two masks each."""
    out = tmp_path / "world"
    done = made(world, "-o", str(out), "--seed", "2", *wish, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "world.json").read_text())
    with (out / "pictures.csv").open(newline="") as file:
        listed = {row["file"] for row in csv.DictReader(file)}
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.suffix in (".png", ".jpg")}
    assert listed == written
    assert len(written) == files


@pytest.mark.parametrize(("arguments", "word"), [
    (("digits", "--scale", "2", "1"), "--scale is 2 1"), (("digits", "--count", "1"), "--count is 1"),
    (("digits", "--source", "none.npz"), "does not exist"), (("chairlifts", "--lifts", "21"), "--lifts is 21"),
    (("chairlifts", "--images-share", "2"), "--images-share is 2"), (("herd", "--frames", "3"), "--frames is 3"),
    (("herd", "--animals", "1"), "--animals is 1"),
])
def test_wrong_wishes_for_pictures_are_one_sentence(tmp_path: Path, arguments: tuple[str, ...], word: str) -> None:
    done = made(*arguments, "-o", str(tmp_path / "world"))
    assert done.returncode == 2
    assert word in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
