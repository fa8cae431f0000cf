"""Who does tasks, one after the other, and reads the next one meanwhile."""

from __future__ import annotations

import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from georetrieval.errors import GeoretrievalError, InputError, StoreError
from georetrieval.tasks.task import Outcome, Task, Work, out_of_memory, require_room

NO_MEMORY = "there was not enough memory for it, not even for a few tiles at a time"


class Hand:
    """Does the tasks of one work in this process; use it as a context."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="reading ahead")
        self._ahead: tuple[str, Future[Any]] | None = None

    def __enter__(self) -> Hand:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.shutdown(wait=True, cancel_futures=True)

    def do(self, task: Task, following: Task | None = None) -> Outcome:
        """Do one task; `following` is read while this one is being made. Whatever goes wrong is in the outcome."""
        try:
            return Outcome(task, self._work.make(task, self._read(task, following)))
        except (InputError, StoreError) as error:
            return Outcome(task, problem=str(error))
        except GeoretrievalError as error:
            return Outcome(task, error=error)
        except Exception as error:
            if out_of_memory(error):
                return Outcome(task, problem=NO_MEMORY)
            return Outcome(task, error=RuntimeError(f"{task.name}: {error}\n{traceback.format_exc()}"))

    def _read(self, task: Task, following: Task | None) -> Any:
        require_room()
        ahead, self._ahead = self._ahead, None
        future = ahead[1] if ahead and ahead[0] == task.digest else self._reader.submit(self._work.read, task)
        try:
            read = future.result()
        except Exception as error:
            if not out_of_memory(error):
                raise
            read = self._work.read(task)  # alone now: nothing is made beside it
        if following is not None:
            self._ahead = (following.digest, self._reader.submit(self._work.read, following))
        return read
