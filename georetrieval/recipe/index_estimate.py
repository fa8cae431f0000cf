"""What building an index will take: a few sheets are read and some of their tiles embedded to know."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil

from georetrieval.embedding import embed
from georetrieval.errors import InputError
from georetrieval.recipe.embedding_work import BATCH, Seen
from georetrieval.recipe.index_by_tasks import Plan
from georetrieval.samples.sample import Subset
from georetrieval.tasks.running import Hands
from georetrieval.tasks.task import Task, spread

LOOKED_AT, TRIED = 4, 16
"""Sheets with tiles that are read, and how many are tried to find them: the others may be blank or damaged."""
ROW_BYTES = 300
"""Of a row on disk, beside its vector."""
COPIES = 2
"""A row lies in its part and in its segment until the index is published."""


@dataclass(frozen=True)
class Estimate:
    """Counts and costs of a build, before it.

    Attributes
    ----------
    tasks, tiles
        Those still to be done; of the tiles, blank ones too.
    looked_at
        Tasks with tiles that it is reckoned from.
    """

    tasks: int
    done: int
    tiles: int
    looked_at: int
    disk_bytes: int
    memory_bytes: int
    seconds: float


@dataclass(frozen=True)
class _Look:
    """What one task took: seconds to read it, seconds a tile, tiles that are to be embedded, length of a descriptor."""

    reading: float
    each: float
    tiles: int
    dim: int


def estimate(plan: Plan, hands: Hands) -> Estimate:
    """Try some tasks that are not done, spread over the area, keep nothing, and reckon from them.

    Raises
    ------
    InputError
        When every sheet that was tried is damaged.
    """
    left = [task for task in plan.order if plan.work.done(task) is None]
    done, tiles = len(plan.order) - len(left), sum(task.weight for task in left)
    if not left:
        return Estimate(0, done, 0, 0, 0, psutil.Process().memory_info().rss, 0.0)
    tried = list(_looks(plan, spread(left, TRIED)))
    looks = [look for _, look in tried if look.tiles]
    share = sum(look.tiles for _, look in tried) / max(1, sum(task.weight for task, _ in tried))
    each = _mean([look.each for look in looks])
    reading = _mean([look.reading for _, look in tried])
    workers = hands.jobs if hands.scheduler is None else 1
    seconds = max(each * tiles * share, reading * len(left)) / min(workers, os.cpu_count() or 1) + reading
    memory = psutil.Process().memory_info().rss * (workers + (workers > 1))
    dim = max((look.dim for look in looks), default=0)
    disk = int(tiles * share) * (4 * dim + ROW_BYTES) * COPIES
    return Estimate(len(left), done, tiles, len(looks), disk, memory, seconds)


def _looks(plan: Plan, tasks: Sequence[Task]) -> Iterator[tuple[Task, _Look]]:
    """Tasks that could be read, until enough of them have tiles."""
    found, read, trouble = 0, 0, None
    for task in tasks:
        start = time.perf_counter()
        try:
            seen = plan.work.read(task)
        except InputError as error:  # the build will leave it out and say so
            trouble = error
            continue
        yield task, _look(plan, seen, time.perf_counter() - start, warm=found > 0)
        read += 1
        found += seen.samples is not None
        if found == LOOKED_AT:
            return
    if trouble is not None and not read:
        raise trouble


def _look(plan: Plan, seen: Seen, reading: float, *, warm: bool) -> _Look:
    """Some of its tiles embedded; the first task twice, for a net is slow at first."""
    if seen.samples is None:
        return _Look(reading, 0.0, 0, 0)
    some = Subset(seen.samples, range(min(BATCH, len(seen.samples))))
    eye, each, dim = plan.work.eye.load(), 0.0, 0
    for _ in range(1 if warm else 2):
        start = time.perf_counter()
        dim = embed(some, eye, batch_size=BATCH, total=plan.work.total, even=True).dim
        each = (time.perf_counter() - start) / len(some)
    return _Look(reading, each, len(seen.samples), dim)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
