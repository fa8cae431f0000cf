"""Commands run where no socket can be made, and where a folder tells whoever opened it: for hostile files.

`run_sealed` starts one child that runs command lines one after the other through the program's own `main`. The kernel
kills it at the first internet socket (seccomp; code of GDAL's is caught as well as Python's), and reports every
opening, change or new file in a watched folder (inotify).
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SOCKET = {"x86_64": 41, "aarch64": 198}
LONGEST_S = 60
"""A case that says nothing for so long hangs; what it costs is measured in CPU seconds."""
_IN = {0x2: "changed", 0x20: "opened", 0x40: "moved from", 0x80: "moved to", 0x100: "made", 0x200: "removed"}


@dataclass(frozen=True)
class Ended:
    """How one command ended: its exit code (negative: the signal that killed it), words, cost, what was touched."""

    code: int
    out: str
    err: str
    cpu_s: float
    peak_bytes: int
    touched: tuple[str, ...]


def forbid_sockets() -> None:
    """From here on an internet socket kills this process and its children with SIGSYS; unix sockets are let be."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = [
        (0x20, 0, 0, 0),  # load the number of the system call
        (0x15, 0, 3, SOCKET[platform.machine()]),  # another one: let it be
        (0x20, 0, 0, 16),  # load the family
        (0x15, 1, 0, 1),  # AF_UNIX: let it be
        (0x06, 0, 0, 0x80000000),  # kill the process
        (0x06, 0, 0, 0x7FFF0000),  # allow
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    kept = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(kept))
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.c_char_p(program), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refuses seccomp, without which this test proves nothing")


@contextmanager
def watched(folder: Path) -> Iterator[list[str]]:
    """A list that `tell` fills with what was done to the files of a folder."""
    libc = ctypes.CDLL(None, use_errno=True)
    handle = libc.inotify_init1(os.O_NONBLOCK)
    if handle < 0 or libc.inotify_add_watch(handle, os.fsencode(folder), sum(_IN)) < 0:
        raise OSError(ctypes.get_errno(), "inotify is refused, without which this test proves nothing")
    events = _Events(handle)
    try:
        yield events
    finally:
        os.close(handle)


class _Events(list[str]):
    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle

    def tell(self) -> tuple[str, ...]:
        """Everything since the last call."""
        found = []
        while select.select([self.handle], [], [], 0)[0]:
            data = os.read(self.handle, 1 << 16)
            while data:
                _, mask, _, length = struct.unpack_from("iIII", data)
                name = data[16:16 + length].rstrip(b"\0").decode()
                found += [f"{what} {name}" for bit, what in _IN.items() if mask & bit and name]
                data = data[16 + length:]
        return tuple(found)


def run_sealed(lines: Sequence[Sequence[str]], folder: Path, watch: Path) -> list[Ended]:
    """Run command lines in `folder`; one that kills the child is answered with its signal, the others go on."""
    ended: list[Ended] = []
    with watched(watch) as events:
        while len(ended) < len(lines):
            ended += _some(lines[len(ended):], folder, events)
    return ended


def _some(lines: Sequence[Sequence[str]], folder: Path, events: _Events) -> Iterator[Ended]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1",
                   "TMPDIR": str(folder.parent / "scratch")}
    (folder.parent / "scratch").mkdir(exist_ok=True)
    child = subprocess.Popen([sys.executable, "-m", "tests.made.sealed"], cwd=folder, env=environment, text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "ready\n"
        for line in lines:
            child.stdin.write(json.dumps(list(line)) + "\n")
            child.stdin.flush()
            hangs = not select.select([child.stdout], [], [], LONGEST_S)[0]
            answer = "" if hangs else child.stdout.readline()
            if not answer:
                child.kill()
                code = -signal.SIGALRM if hangs else child.wait()
                yield Ended(code, "", "", 0.0, 0, events.tell())
                return
            value = json.loads(answer)
            yield Ended(value["code"], value["out"], value["err"], value["cpu_s"], value["peak"], events.tell())
    finally:
        child.kill()
        child.wait()


def _serve() -> None:
    """The child: read a command line, run it, answer; three files of the system are loaded before the doors close."""
    import contextlib
    import io

    from georetrieval.cli.main import close_doors, main

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    close_doors()
    forbid_sockets()
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")
        before = resource.getrusage(resource.RUSAGE_SELF)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                if (words := json.loads(line))[0] == "python":
                    exec(words[1], {})
                main(words)
            except SystemExit as end:
                code = int(end.code or 0)
            except BaseException:
                import traceback

                err.write(traceback.format_exc())
                code = 1
        after = resource.getrusage(resource.RUSAGE_SELF)
        peak = next(int(row.split()[1]) for row in Path("/proc/self/status").read_text().splitlines()
                    if row.startswith("VmHWM"))
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        answers.write(json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue(), "cpu_s": cpu,
                                  "peak": peak << 10}) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
