"""publish(): whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from georetrieval import files
from georetrieval.errors import BusyError, InputError


def test_publish_replaces_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "a.bin"
    files.publish(target, b"old")
    files.publish(target, b"new and longer")
    assert target.read_bytes() == b"new and longer"
    assert [p.name for p in target.parent.iterdir()] == ["a.bin"]


def test_a_failing_block_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    files.publish(target, b"old")
    with pytest.raises(ZeroDivisionError), files.publishing(target) as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_disk_full_is_busy_and_leaves_nothing(tmp_path: Path, code: int) -> None:
    with pytest.raises(BusyError, match="disk is full"), files.publishing(tmp_path / "a.bin"):
        raise OSError(code, os.strerror(code))
    assert list(tmp_path.iterdir()) == []


def test_a_library_that_has_its_own_words_for_a_full_disk(tmp_path: Path) -> None:
    """In a child whose files may have 64 KiB: GDAL's error is none of the system's."""
    program = (
        "import sys, resource\nfrom pathlib import Path\nfrom georetrieval import files\n"
        "def write(room):\n"
        "    with files.publishing(Path(sys.argv[1]) / 'a.bin') as temporary:\n"
        "        temporary.write_bytes(b'x' * 60_000)\n"
        "        raise RuntimeError('Failed to write')\n"
        "for limit in (resource.RLIM_INFINITY, 65_536):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))\n"
        "    try:\n        write(limit)\n"
        "    except Exception as error:\n        print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["RuntimeError", "BusyError"], done.stderr
    assert list(tmp_path.iterdir()) == []


def test_data_is_synced_before_the_name_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Order of a publish: fsync of the file, rename, fsync of the folder (RELIABILITY.md guards 1 and 2)."""
    seen: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda h: (seen.append("fsync"), fsync(h))[1])
    monkeypatch.setattr(Path, "replace", lambda s, t: (seen.append("rename"), replace(s, t))[1])
    files.publish(tmp_path / "a.bin", b"x")
    assert seen == ["fsync", "rename", "fsync"]


def test_a_second_writer_is_refused_at_once(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom georetrieval import files\n"
        "from georetrieval.errors import BusyError\n"
        "try:\n    with files.locked(Path(sys.argv[1])): print('got it')\nexcept BusyError as e: print('busy')"
    )
    lock = tmp_path / ".lock"
    command = [sys.executable, "-c", code, str(lock)]
    with files.locked(lock):
        assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "busy\n"
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "got it\n"


def test_publishing_folder_refuses_an_existing_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="exists already"), files.publishing_folder(tmp_path):
        raise AssertionError("never entered")


def test_a_folder_of_many_files_is_synced_before_its_name_appears(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sync of everything stands for the fsync of each file where there are many."""
    seen: list[str] = []
    sync, replace = os.sync, Path.replace
    monkeypatch.setattr(files, "_MANY", 2)
    monkeypatch.setattr(os, "sync", lambda: (seen.append("sync"), sync())[1])
    monkeypatch.setattr(Path, "replace", lambda s, t: (seen.append("rename"), replace(s, t))[1])
    with files.publishing_folder(tmp_path / "many") as folder:
        for name in "abc":
            files.put(folder / "part" / name, name.encode())
    assert seen == ["sync", "rename"]
    assert (tmp_path / "many/part/c").read_bytes() == b"c"


def test_digest_depends_on_the_value_alone() -> None:
    assert files.digest({"a": 1, "b": [2, "é"]}) == files.digest({"b": [2, "é"], "a": 1})
    assert files.digest({"a": 1}) != files.digest({"a": 2})


def test_of_several_who_publish_first_one_is(tmp_path):
    """Eight threads at once: one file, whole, of the one who was told that it was first, and nothing beside it."""
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "new" / "note.json"
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda number: files.publish_first(path, bytes([number]) * 9), range(8)))
    assert sorted(first) == [False] * 7 + [True]
    assert path.read_bytes() == bytes([first.index(True)]) * 9
    assert list(path.parent.iterdir()) == [path]
