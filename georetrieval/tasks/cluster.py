"""Tasks on the machines of a Dask cluster; all of them have to see the same folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from georetrieval.errors import InputError, MissingExtraError
from georetrieval.tasks.hand import Hand
from georetrieval.tasks.task import Outcome, Task, Work

CONNECT_S = 15.0


def on_cluster(work: Work, tasks: Sequence[Task], scheduler: str) -> Iterator[Outcome]:
    """The outcomes as they come. Dask gives a task whose worker died to another one, a few times.

    Parameters
    ----------
    scheduler
        Address such as "tcp://host:8786".

    Raises
    ------
    MissingExtraError
        When Dask is not installed.
    InputError
        When no scheduler answers there, it has no worker, or the workers write where this machine does not see it.
    """
    distributed = _library()
    with _client(distributed, scheduler) as client:
        futures = {client.submit(partial(_do, work), task, pure=False, key=None): task for task in tasks}
        try:
            for future in distributed.as_completed(list(futures), loop=client.loop):
                yield _checked(work, _outcome(distributed, future, futures[future]))
        finally:
            client.cancel(list(futures))


def _library() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingExtraError("A --scheduler needs Dask; pip install 'georetrieval[dask]', here and on the workers, "
                                "or use --jobs.") from error
    return distributed


def _client(distributed: Any, scheduler: str) -> Any:
    try:
        client = distributed.Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"No Dask scheduler answers at {scheduler}; start one with: dask scheduler.") from error
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
    except TimeoutError as error:
        client.close()
        raise InputError(f"The Dask scheduler {scheduler} has no worker; start some with: dask worker "
                         f"{scheduler}.") from error
    return client


def _do(work: Work, task: Task) -> Outcome:
    with Hand(work) as hand:
        return hand.do(task)


def _outcome(distributed: Any, future: Any, task: Task) -> Outcome:
    try:
        found = future.result()
    except distributed.KilledWorker as error:
        return Outcome(task, problem=f"the workers that were at it died ({str(error).splitlines()[0]})")
    assert isinstance(found, Outcome)
    return found


def _checked(work: Work, outcome: Outcome) -> Outcome:
    if outcome.result is not None and work.done(outcome.task) is None:
        raise InputError(f"A Dask worker made {outcome.task.name}, but it is not to be seen from here; the workers "
                         "have to see the same folders under the same paths.")
    return outcome
