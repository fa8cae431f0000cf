"""Tasks in several processes of this machine; one that is killed costs the task it was at one try, and nothing else.

Each process has a pipe of its own: who died is known, so that no other task is blamed, and when the parent is gone
(kill -9) the pipe is closed and the process ends after its task.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait

from georetrieval.tasks.hand import Hand
from georetrieval.tasks.task import Outcome, Task, Work

TRIES = 3
"""A task that ends its process this often is left out."""
LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS")
PATIENCE_S = 5.0


def in_processes(work: Work, tasks: Sequence[Task], jobs: int) -> Iterator[Outcome]:
    """The outcomes as they come; each process has its share of the cores.

    Parameters
    ----------
    jobs
        Processes at most, >= 1.
    """
    threads = max(1, (os.cpu_count() or 1) // jobs)
    waiting, deaths = deque(tasks), Counter[str]()
    workers = [_Worker(work, threads) for _ in range(min(jobs, len(tasks)))]
    try:
        for worker in workers:
            worker.take(waiting)
        while busy := {worker.pipe: worker for worker in workers if worker.task is not None}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # type: ignore[index]
                outcome = worker.answer()
                if outcome is None:
                    workers[workers.index(worker)] = fresh = _Worker(work, threads)
                    outcome = _after_death(worker, waiting, deaths)
                    worker = fresh
                worker.take(waiting)
                if outcome is not None:
                    yield outcome
    finally:
        for worker in workers:
            worker.end()


def _after_death(worker: _Worker, waiting: deque[Task], deaths: Counter[str]) -> Outcome | None:
    """The task goes to the end of the queue, what was read ahead for it to the front; or it is given up."""
    task, how = worker.task, worker.end()
    assert task is not None
    if worker.following is not None:
        waiting.appendleft(worker.following)
    deaths[task.digest] += 1
    if deaths[task.digest] < TRIES:
        waiting.append(task)
        return None
    return Outcome(task, problem=f"the process that made it was ended {TRIES} times ({how}), perhaps for want of "
                                 "memory; try fewer --jobs")


class _Worker:
    """A process, what it is doing, and what it will do next."""

    def __init__(self, work: Work, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.task: Task | None = None
        self.following: Task | None = None
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        with _environment({name: str(threads) for name in LIMITS}):
            self._process.start()
        theirs.close()
        with suppress(OSError):  # dead already: its first task will tell
            self.pipe.send(work)

    def take(self, waiting: deque[Task]) -> None:
        """Give it a task, and another one to read ahead."""
        self.task, self.following = self.following or (waiting.popleft() if waiting else None), None
        if self.task is None:
            return
        self.following = waiting.popleft() if waiting else None
        with suppress(OSError):
            self.pipe.send((self.task, self.following))

    def answer(self) -> Outcome | None:
        """What came of its task; None when the process is dead."""
        try:
            found = self.pipe.recv()
        except (EOFError, OSError):
            return None
        assert isinstance(found, Outcome)
        return found

    def end(self) -> str:
        """Let it go, or kill it when it is at something; how it ended."""
        self.pipe.close()
        if self.task is not None and self._process.is_alive():
            self._process.join(0.2)  # a dying one is let die
            self._process.kill()
        self._process.join(PATIENCE_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        code = self._process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _serve(pipe: Connection) -> None:
    """The life of a process: a work, then task after task, until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    try:
        work: Work = pipe.recv()
        with Hand(work) as hand:
            while True:
                task, following = pipe.recv()
                pipe.send(hand.do(task, following))
    except (EOFError, OSError):
        return


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables that a process started within inherits; libraries read them when they are loaded."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
