"""A work that needs nothing but Python: each task writes a number; some tasks do harm."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from georetrieval.errors import BusyError, InputError
from georetrieval.files import digest, publish, sha256_file
from georetrieval.tasks.journal import FILES, Journal
from georetrieval.tasks.task import Task


@dataclass(frozen=True)
class Counting:
    """Squares numbers; `harm` says of some of them what happens, and each try leaves a line behind."""

    folder: Path
    harm: Mapping[int, str] = field(default_factory=dict)
    sleep_s: float = 0.0

    def done(self, task: Task) -> Any:
        return Journal(self.folder).find(task.digest)

    def read(self, task: Task) -> int:
        if self.harm.get(task.what) == "read":
            raise InputError(f"sheet {task.what} is damaged")
        return task.what

    def make(self, task: Task, read: int) -> dict[str, Any]:
        tries = self.folder / f"tries-{read}"
        with tries.open("a") as file:
            file.write(f"{os.getpid()}\n")
        count = len(tries.read_text().splitlines())
        time.sleep(self.sleep_s)
        harm = self.harm.get(read, "")
        if harm == "kill" or (harm == "kill once" and count == 1):
            os.kill(os.getpid(), signal.SIGKILL)
        if harm == "memory":
            raise MemoryError
        if harm == "full":
            raise BusyError("The disk is full.")
        if harm == "bug":
            raise ZeroDivisionError("a bug")
        name = f"{read}.txt"
        publish(self.folder / name, str(read * read).encode())
        result = {"square": read * read, FILES: {name: sha256_file(self.folder / name)}}
        Journal(self.folder).note(task.digest, result)
        return result


def tasks(count: int) -> list[Task]:
    """Numbers 0 to count - 1."""
    return [Task(f"number {n}", digest(["counting", n]), 1, n) for n in range(count)]
