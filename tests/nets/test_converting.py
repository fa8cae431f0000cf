"""Pickled weights become safetensors in a child that can open nothing; damage and foreign code are refused."""

from __future__ import annotations

import collections
import hashlib
import io
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from georetrieval.cli.main import main
from georetrieval.errors import BusyError, InputError, UsageError
from georetrieval.nets import converting
from georetrieval.nets.converting import convert
from georetrieval.nets.sealed import sealed
from georetrieval.nets.weights import read_weights
from tests.made.forked import forked_child

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(3, dtype=torch.int64)}


class _Runs:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def saved(path: Path, value: object, **named: bool) -> Path:
    torch.save(value, path, **named)
    return path


@pytest.fixture
def forks(monkeypatch):
    """The child is forked, with all its modules loaded; what it does is the same."""
    sealed({"a": torch.zeros(1)}, {})
    monkeypatch.setattr(converting, "_in_a_child", forked_child)


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, collections.OrderedDict])
def test_the_same_tensors_come_out(tmp_path, zipped, wrapped):
    shared = STATE | {"tied": STATE["a.weight"].T}
    done = convert(saved(tmp_path / "w.pth", wrapped(shared), _use_new_zipfile_serialization=zipped),
                   tmp_path / "w.safetensors")
    assert (done.tensors, done.checked) == (3, zipped)
    found = read_weights(tmp_path / "w.safetensors")
    assert found.keys() == load_file(tmp_path / "w.safetensors").keys() == shared.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in shared.items())


def test_no_foreign_code_is_run(tmp_path):
    source = saved(tmp_path / "evil.pth", {"state_dict": _Runs(tmp_path / "was-here")})
    with pytest.raises(InputError, match="foreign code"):
        convert(source, tmp_path / "w.safetensors")
    assert not (tmp_path / "was-here").exists()
    assert not (tmp_path / "w.safetensors").exists()


def test_a_hole_in_the_unpickler_could_open_nothing(tmp_path):
    """In the child's limits neither a file nor a connection can be had, whatever runs."""
    code = (f"from georetrieval.nets.converting import _limit; import socket, os\n_limit(1 << 30)\n"
            f"for attempt in (lambda: open({str(tmp_path / 'x')!r}, 'w'), lambda: socket.socket(), "
            "lambda: os.pipe()):\n"
            "    try: attempt()\n    except OSError as error: print(error.errno)")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24"] * 3
    assert not (tmp_path / "x").exists()


@pytest.mark.usefixtures("forks")
def test_a_packed_bomb_and_one_of_strides(tmp_path):
    packed = io.BytesIO()
    torch.save({"a": torch.zeros(10 << 20)}, packed)
    with zipfile.ZipFile(packed) as plain, zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as box:
        for name in plain.namelist():
            box.writestr(name, plain.read(name))
    assert (tmp_path / "bomb.pth").stat().st_size < 1 << 20
    with pytest.raises(InputError, match="unpacks to 40 MiB"):
        convert(tmp_path / "bomb.pth", tmp_path / "w.safetensors")
    source = saved(tmp_path / "wide.pth", {"a": torch.zeros(1).expand(1 << 36)})
    with pytest.raises(BusyError, match="memory"):
        convert(source, tmp_path / "w.safetensors")


@pytest.mark.usefixtures("forks")
def test_a_flipped_bit_is_noticed_by_the_zip_or_by_the_name(tmp_path):
    data = bytearray(saved(tmp_path / "w.pth", STATE).read_bytes())
    place = data.index(STATE["a.weight"].numpy().tobytes()) + 6
    data[place] ^= 1
    (tmp_path / "w.pth").write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")
    old = saved(tmp_path / "old.pth", STATE, _use_new_zipfile_serialization=False).read_bytes()
    named = tmp_path / f"old-{hashlib.sha256(old).hexdigest()[:8]}.pth"
    named.write_bytes(old)
    assert convert(named, tmp_path / "w.safetensors").checked
    named.write_bytes(old[:-1] + b"\x07")
    with pytest.raises(InputError, match="SHA-256 does not begin"):
        convert(named, tmp_path / "w.safetensors")


@pytest.mark.usefixtures("forks")
def test_a_date_in_a_name_is_no_hash(tmp_path):
    assert convert(saved(tmp_path / "vit-20240115.pth", STATE), tmp_path / "w.safetensors").tensors == len(STATE)


@pytest.mark.usefixtures("forks")
@pytest.mark.parametrize("content", [
    b"", b"nothing of the kind", pickle.dumps({"a": 1}), pickle.dumps([1, 2]), b"PK\x03\x04" + bytes(100)])
def test_files_that_are_no_weights(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(InputError, match=str(tmp_path / "w.pth")) as caught:
        convert(tmp_path / "w.pth", tmp_path / "w.safetensors")
    assert "foreign code" not in str(caught.value)


def test_by_the_command_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "torch.py").write_text("raise SystemExit('a file of the folder was run')")
    monkeypatch.chdir(tmp_path)
    source = saved(tmp_path / "w.pth", STATE | {"epoch": 3})
    (tmp_path / "l").write_text(f"{hashlib.md5(source.read_bytes()).hexdigest()}  w.pth\n")
    words = ["weights", "convert", str(source), "-o", str(tmp_path / "w.safetensors")]
    for more, code, said in ((["--sums", str(tmp_path / "l")], 0, "2 tensors, 1 other values left out"),
                             (["--sums", str(tmp_path / "none")], 2, "none")):
        with pytest.raises(SystemExit) as end:
            main([*words, *more])
        streams = capsys.readouterr()
        assert (end.value.code, said in streams.err) == (code, True)
    with pytest.raises(UsageError, match="safetensors"):
        convert(source, tmp_path / "out.pth")


@pytest.mark.parametrize(("system", "name"), [("win32", "Windows"), ("darwin", "macOS"), ("freebsd14", "freebsd14"),
                                              ("linux", "Linux without /proc")])
def test_elsewhere_than_on_linux_nothing_is_unpickled(tmp_path, monkeypatch, capsys, system, name):
    source = saved(tmp_path / "evil.pth", {"state_dict": _Runs(tmp_path / "was-here")})
    started: list[object] = []
    monkeypatch.setattr(converting, "_in_a_child", lambda *words: started.append(words) or (0, b"", b""))
    monkeypatch.setattr(converting, "STATM", tmp_path / "statm")
    if system != "linux":
        (tmp_path / "statm").touch()
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(SystemExit) as end:
        main(["weights", "convert", str(source), "-o", str(tmp_path / "w.safetensors")])
    monkeypatch.undo()
    said = " ".join(capsys.readouterr().err.split())
    assert end.value.code == 5
    assert "evil.pth can be converted on Linux only, where the process that reads a pickle can be locked up" in said
    assert f"this is {name}; convert it on a Linux machine" in said
    assert "Traceback" not in said
    assert started == []
    assert {path.name for path in tmp_path.iterdir()} <= {"evil.pth", "statm"}
