"""Opening what others made: pipes and devices without waiting, caps, links that lead out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from georetrieval.errors import InputError
from georetrieval.foreign import kept_inside, read_bytes, read_json, regular


def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(InputError, match="a device, pipe or socket"):
            read_bytes(path, 100)


def test_a_file_is_read_up_to_its_cap(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_bytes(tmp_path / "a", 5) == b"12345"
    assert regular(tmp_path / "a") == 5
    with pytest.raises(InputError, match="larger than 4 bytes"):
        read_bytes(tmp_path / "a", 4)


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 6000, "{", "\0"])
def test_json_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=r"a\.json cannot be read as JSON"):
        read_json(tmp_path / "a.json", 1 << 20)


def test_links_may_lead_inside_but_not_out(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    for name, target in (("in", "folder/a"), ("out", "b"), ("ring", "folder/ring")):
        (tmp_path / "folder" / name).symlink_to(tmp_path / target)
    kept = [name for name in ("a", "in", "out", "ring") if kept_inside(tmp_path / "folder" / name, tmp_path / "folder")]
    assert kept == ["a", "in"]
