"""A task, what is done with it, and what came of it."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from georetrieval.errors import UsageError

Result = Mapping[str, Any]
"""What a task leaves behind, as plain JSON values; the bytes that belong to it are published before."""
ROOM_BYTES = 192 << 20
"""Address space that has to be left before a thread is started."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class Task:
    """One unit of work and of resume, small enough to be sent to another machine.

    Attributes
    ----------
    name
        For people: the sheet.
    digest
        Hex SHA-256 of all that its result depends on.
    weight
        Tiles in it, for the time left.
    what
        What `Work` needs to know of it.
    """

    name: str
    digest: str
    weight: int
    what: Any


class Work(Protocol):
    """What is done with each task. It is pickled to whoever does it: paths and settings, no pixels and no nets."""

    def done(self, task: Task) -> Result | None:
        """The result, when it is there and its files are what was written."""
        ...

    def read(self, task: Task) -> Any:
        """What has to be read first; called in a thread while the task before is being made."""
        ...

    def make(self, task: Task, read: Any) -> Result:
        """Make the result, publish its files, and note it last."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What came of one task: a result, or why there is none.

    Attributes
    ----------
    problem
        Of this task alone; the others go on.
    error
        Which ends the whole work: disk full, another model, a bug.
    """

    task: Task
    result: Result | None = None
    problem: str = ""
    error: Exception | None = None


@dataclass(frozen=True)
class Shard:
    """Part `number` (from 1) of `count` parts of a list of tasks, neighbours together."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """Read "2/8"; UsageError when it is something else."""
        match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise UsageError(f"A shard is its number and how many there are, such as 1/8 to 8/8; found {text!r}.")
        return cls(int(match[1]), int(match[2]))

    def of_all(self, tasks: Sequence[_T]) -> Sequence[_T]:
        """Its part; all parts together are everything, each thing once."""
        return tasks[len(tasks) * (self.number - 1) // self.count:len(tasks) * self.number // self.count]


def spread(tasks: Sequence[_T], most: int) -> list[_T]:
    """Up to `most` of some tasks; any first few of them are spread over all: halves, quarters, eighths of the list."""
    size = min(most, len(tasks))
    bits = max(1, (size - 1).bit_length())
    order = sorted(range(size), key=lambda number: int(f"{number:0{bits}b}"[::-1], 2))
    return [tasks[(2 * number + 1) * len(tasks) // (2 * size)] for number in order]


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there is no memory; torch says so in a RuntimeError."""
    if isinstance(error, MemoryError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(
        words in said for words in ("can't allocate memory", "out of memory", "could not create a memory", "bad_alloc"))


def require_room() -> None:
    """MemoryError where little is left: a thread that finds none as it starts would be waited for without end.

    `Thread.start` waits for a flag that the new thread sets, and one that dies of a MemoryError before never does.
    """
    try:
        mmap.mmap(-1, ROOM_BYTES).close()
    except OSError as error:
        raise MemoryError from error
