"""Weights that were pickled, made safetensors by a child process that can open nothing and has little memory.

The child reads with torch's restricted unpickler, which makes tensors and plain values only. It is not trusted either:
before the file is looked at, everything is imported and the limits are set, so that whatever a hole in the unpickler
let run could open neither a file nor a connection (no free descriptor), nor take all memory.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from georetrieval.errors import BusyError, InputError, MissingExtraError, UsageError
from georetrieval.files import publish, sha256_file
from georetrieval.foreign import regular

PICKLED = (".pth", ".pt", ".bin", ".ckpt")
SPARE_BYTES = 1 << 30
COPIES = 5
"""Of the file that the child may hold: its bytes, those of the checks, the tensors, and the new file."""
TIMEOUT_S = 900
LEAST_TORCH = (2, 10)
"""*Source*: RELIABILITY 3, #18 (CVE-2025-32434, CVE-2026-24747): older unpicklers let code run."""
_NAMED_HASH = re.compile(r"-((?=[0-9]*[a-f])[0-9a-f]{8,64})$")
"""As timm names files; digits alone are a date or a step."""
STATM = Path("/proc/self/statm")
"""How much memory a process of Linux holds, in pages."""
_REFUSED = 2
_NO_MEMORY = 75


@dataclass(frozen=True)
class Converted:
    """What was written.

    Attributes
    ----------
    tensors
        How many.
    left_out
        Values of the state dict that are no tensors.
    checked
        Whether the file had checksums (a zip's, or the hash in its name), so that damage would have been noticed.
    """

    path: Path
    tensors: int
    left_out: int
    checked: bool


def convert(source: Path, out: Path) -> Converted:
    """Read pickled weights in a child process and publish them as safetensors.

    Raises
    ------
    InputError
        When the file is missing, damaged, holds more than tensors and plain values, or has another hash than its name
        says.
    UsageError
        When `out` is not to be a .safetensors file.
    MissingExtraError
        When this system is not Linux: the child could not be locked up.
    BusyError
        When there is not enough memory, or the disk is full.
    """
    source, out = Path(source), Path(out)
    _refuse_elsewhere(source)
    if out.suffix != ".safetensors":
        raise UsageError(f"The converted weights are a safetensors file; write -o {out.with_suffix('.safetensors')}.")
    size = regular(source, "a file of weights")
    named = _NAMED_HASH.search(source.stem)
    if named and not sha256_file(source).startswith(named[1]):
        raise InputError(f"{source} is damaged: its SHA-256 does not begin with {named[1]}, as its name says; fetch it "
                         "again.")
    data, told = _by_child(source, size)
    publish(out, data)
    return Converted(out, told["tensors"], told["left_out"], told["checked"] or named is not None)


def _refuse_elsewhere(source: Path) -> None:
    """The limits of `_limit` are Linux's; without them the file would be read by a process that can do anything."""
    if sys.platform == "linux" and STATM.exists():
        return
    here = {"linux": "Linux without /proc", "darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)
    raise MissingExtraError(f"{source} can be converted on Linux only, where the process that reads a pickle can be "
                            f"locked up, and this is {here}; convert it on a Linux machine (WSL or a container will "
                            "do) and bring the safetensors file here.")


def _by_child(source: Path, size: int) -> tuple[bytes, dict[str, Any]]:
    """The child's safetensors bytes, and what it told of them."""
    try:
        with source.open("rb") as file:
            code, out, err = _in_a_child(file, SPARE_BYTES + COPIES * size)
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{source} was not read within {TIMEOUT_S} s; such a file is not what it seems.") from error
    except OSError as error:
        raise InputError(f"{source} cannot be read: {error.strerror or error}.") from error
    last = ([*err.decode(errors="replace").strip().splitlines()] or [""])[-1]
    if code == 0:
        return out, json.loads(last)
    if code == _NO_MEMORY:
        raise BusyError(f"{source} needs more memory than {COPIES} times its size; it is damaged, or was packed to "
                        "fill the memory.")
    if code == _REFUSED:
        raise InputError(f"{source} {last}")
    raise InputError(f"{source} cannot be read as weights: the process that tried ended with {code}; it is damaged, or "
                     "not a file of weights.")


def _in_a_child(file: IO[bytes], most: int) -> tuple[int, bytes, bytes]:
    """Exit code, stdout and stderr of the child that reads `file` and may hold `most` bytes."""
    words = [sys.executable, "-P", "-m", __name__, str(most)]  # -P: not a torch.py that lies where we are
    found = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(words, stdin=file, capture_output=True, check=False, timeout=TIMEOUT_S,
                          env={**os.environ, "PYTHONPATH": os.pathsep.join(found)})
    return done.returncode, done.stdout, done.stderr


def state_of(found: Any) -> Mapping[str, Any] | None:
    """The table of tensors in what was unpickled; None when there is none."""
    for wrapper in ("state_dict", "model", "teacher", "student"):
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    return found if isinstance(found, Mapping) else None


def _read(most: int) -> tuple[bytes, dict[str, Any]]:
    """In the child: the weights on stdin as safetensors bytes; SystemExit with a sentence when they are not to be."""
    import torch

    from georetrieval.nets.sealed import sealed

    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < LEAST_TORCH:
        raise SystemExit("needs torch 2.10 or newer to be read safely; update torch.")
    torch.set_num_threads(1)
    for zipped in (True, False):  # whatever is imported late is imported now: later nothing can be opened
        torch.save({"a": torch.zeros(1)}, warm := io.BytesIO(), _use_new_zipfile_serialization=zipped)
        sealed(torch.load(io.BytesIO(warm.getvalue()), map_location="cpu", weights_only=True), {})
    codecs.lookup("cp437")  # names in zips
    _limit(most)
    data = sys.stdin.buffer.read()
    is_zip = data[:4] == b"PK\x03\x04"
    if is_zip and (bad := _first_bad(data)) is not None:
        raise SystemExit(f"is damaged ({bad} fails its checksum); fetch it again.")
    state = state_of(torch.load(io.BytesIO(data), map_location="cpu", weights_only=True))
    if state is None:
        raise SystemExit("holds no table of tensors; give a state dict.")
    tensors = {str(name): tensor for name, tensor in state.items() if isinstance(tensor, torch.Tensor)}
    if not tensors:
        raise SystemExit("holds no tensors; give a state dict.")
    kept = {name: tensor.detach().to_dense().clone().contiguous() for name, tensor in tensors.items()}
    told = {"tensors": len(kept), "left_out": len(state) - len(kept), "checked": is_zip}
    return sealed(kept, {"format": "pt"}), told


def _limit(most: int) -> None:
    """No further file, pipe or connection can be opened; so much memory beyond what there is."""
    import resource

    with STATM.open() as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + most, held + most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def _first_bad(data: bytes) -> str | None:
    """The first member of a zip whose bytes do not have their checksum; SystemExit for one that was packed."""
    with zipfile.ZipFile(io.BytesIO(data)) as box:
        if (total := sum(info.file_size for info in box.infolist())) > len(data):
            raise SystemExit(f"unpacks to {total >> 20} MiB, which torch's own files do not; it is no file of weights.")
        return box.testzip()


def _child(most: int) -> int:
    try:
        data, told = _read(most)
    except SystemExit as end:
        sys.stderr.write(f"{end.code}\n")
        return _REFUSED
    except MemoryError:
        return _NO_MEMORY
    except Exception as error:
        if "alloc" in str(error) or "memory" in str(error).lower():
            return _NO_MEMORY
        more = type(error).__name__ == "UnpicklingError" and any(
            word in str(error) for word in ("Unsupported global", "Unsupported class"))
        sys.stderr.write("holds more than tensors, and loading it could run foreign code; ask for the state dict "
                         "alone.\n" if more else "cannot be read as weights: it is damaged or not a file of "
                         "weights.\n")
        return _REFUSED
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    sys.stderr.write(f"{json.dumps(told)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(_child(int(sys.argv[1])))
