"""`synth` from the command line: the answer on stdout, errors in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


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
