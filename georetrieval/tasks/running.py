"""Tasks of one work, done by this process, by several, or by a cluster; what is done already is not done again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from georetrieval.errors import UsageError
from georetrieval.progress import Progress, silent
from georetrieval.tasks.cluster import on_cluster
from georetrieval.tasks.hand import Hand
from georetrieval.tasks.pool import in_processes
from georetrieval.tasks.task import Outcome, Result, Task, Work


@dataclass(frozen=True)
class Hands:
    """Who works.

    Attributes
    ----------
    jobs
        Processes of this machine; 1 is this process itself.
    scheduler
        Address of a Dask scheduler instead.

    Raises
    ------
    UsageError
        When there is no process, or both are asked.
    """

    jobs: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise UsageError(f"There is at least one job; found {self.jobs}.")
        if self.scheduler is not None and self.jobs > 1:
            raise UsageError("Give --jobs (processes of this machine) or --scheduler (a Dask cluster), not both.")


@dataclass
class Done:
    """Results by the digest of the task, problems by its name, and how many tasks were done before."""

    results: dict[str, Result] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    before: int = 0


def run(
    work: Work, tasks: Sequence[Task], hands: Hands | None = None, *, what: str = "tasks", progress: Progress = silent,
) -> Done:
    """Do the tasks that are not done, in about this order.

    Parameters
    ----------
    what
        The word for the progress.

    Returns
    -------
    A result or a problem of every task.

    Raises
    ------
    GeoretrievalError
        What ends the whole work (disk full, another model); everything done until then is kept.
    """
    done, left = Done(), []
    for task in tasks:
        if (result := work.done(task)) is not None:
            done.results[task.digest] = result
        else:
            left.append(task)
    done.before = len(done.results)
    total, weight = sum(task.weight for task in left), 0
    progress(0, total, f"{what}, {done.before} of {len(tasks)} done before")
    for count, outcome in enumerate(_outcomes(work, left, hands or Hands()), 1):
        if outcome.error is not None:
            raise outcome.error
        if outcome.result is not None:
            done.results[outcome.task.digest] = outcome.result
        else:
            done.problems[outcome.task.name] = outcome.problem
        weight += outcome.task.weight
        progress(weight, total, f"{what}, {done.before + count} of {len(tasks)}")
    return done


def _outcomes(work: Work, tasks: Sequence[Task], hands: Hands) -> Iterator[Outcome]:
    if not tasks:
        return
    if hands.scheduler is not None:
        yield from on_cluster(work, tasks, hands.scheduler)
    elif hands.jobs > 1:
        yield from in_processes(work, tasks, hands.jobs)
    else:
        with Hand(work) as hand:
            for task, following in zip_longest(tasks, tasks[1:]):
                yield hand.do(task, following)
