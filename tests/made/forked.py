"""A step in a child of its own that may die, be killed, or be short of memory, time or disk."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any

from georetrieval.cli.main import main
from georetrieval.errors import GeoretrievalError
from georetrieval.geo import sniff
from georetrieval.nets import converting

LONGEST_S = 300.0
"""Nothing that is tried in a child takes as long, however busy the machine is."""
KILLED = 9
"""Exit code of a child that `os._exit`ed as by kill -9."""


@dataclass(frozen=True)
class Ending:
    """How a child ended: its exit code (minus the signal's number when one ended it), and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def refused(self) -> bool:
        """Whether it ended with one sentence for the user, after whatever it told of its progress."""
        *before, last = self.err.splitlines() or [""]
        told = any(line.startswith(("error: ", "Traceback")) for line in before)
        return self.code in (2, 75) and last.startswith("error: ") and not told


def forked(
    step: Callable[[], object], *, spare_bytes: int | None = None, seconds: float | None = None,
    limits: Sequence[tuple[int, int]] = (),
) -> Ending:
    """Run a step in a child, with the error boundary of the command line.

    Parameters
    ----------
    spare_bytes
        Of address space beyond what this process has.
    seconds
        After which SIGALRM ends it; at the latest after `LONGEST_S`, so that one that hangs is a failure.
    limits
        Further resource limits and their values.
    """
    most = None if spare_bytes is None else _address_space() + spare_bytes
    streams = [os.memfd_create(name) for name in ("out", "err")]
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for number, stream in enumerate(streams, 1):
                os.dup2(stream, number)
            sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
            for limit, value in [*limits, *([(resource.RLIMIT_AS, most)] if most else [])]:
                resource.setrlimit(limit, (value, value))
            signal.setitimer(signal.ITIMER_REAL, seconds or LONGEST_S)
            _use_one_thread()
            code = _ended(step)
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    out, err = (_taken(stream) for stream in streams)
    return Ending(code, out, err)


def forked_child(file: IO[bytes], most: int) -> tuple[int, bytes, bytes]:
    """In place of `converting._in_a_child`: the child is forked instead of started."""
    streams = [os.memfd_create(name) for name in ("out", "err")]
    child = os.fork()
    if child == 0:
        for number, stream in enumerate((file.fileno(), *streams)):
            os.dup2(stream, number)
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, "rww"[n], closefd=False) for n in range(3))
        signal.setitimer(signal.ITIMER_REAL, LONGEST_S)
        code = converting._child(most)
        sys.stderr.flush()
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    contents = []
    for stream in streams:
        with os.fdopen(stream, "rb") as written:
            written.seek(0)
            contents.append(written.read())
    return code, contents[0], contents[1]


def command(*words: object) -> Callable[[], Any]:
    """A step that is a command of `georetrieval`."""
    return lambda: main([str(word) for word in words])


def load_for(step: Callable[[], object]) -> None:
    """Import here what a step imports, without running it here: children then have it from the start."""
    def names() -> None:
        with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
            step()
        sys.stdout.write("\n".join(name for name, module in sys.modules.items() if getattr(module, "__spec__", None)))

    for name in forked(names).out.split():
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def _use_one_thread() -> None:
    """FAISS and GDAL would wait for ever for threads that did not come along with the fork."""
    sniff._SETTINGS["GDAL_NUM_THREADS"] = "1"
    if "faiss" in sys.modules:
        sys.modules["faiss"].omp_set_num_threads(1)


def _ended(step: Callable[[], object]) -> int:
    try:
        step()
    except GeoretrievalError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _address_space() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _taken(stream: int) -> str:
    with os.fdopen(stream, "rb") as file:
        file.seek(0)
        return file.read().decode(errors="replace")
