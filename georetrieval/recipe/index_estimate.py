"""What building an index will take: one sheet is read and a few of its tiles embedded to know."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import psutil

from georetrieval.embedding import embed
from georetrieval.recipe.embedding_work import BATCH
from georetrieval.recipe.index_by_tasks import Plan
from georetrieval.samples.sample import Subset
from georetrieval.tasks.running import Hands

LOOKS = 2
"""Batches that are embedded: the first one warms up."""
ROW_BYTES = 300
"""Of a row on disk, beside its vector."""
COPIES = 2
"""A row lies in its part and in its segment until the index is published."""


@dataclass(frozen=True)
class Estimate:
    """Counts and costs of a build, before it; `tasks` and `tiles` are those still to be done."""

    tasks: int
    done: int
    tiles: int
    disk_bytes: int
    memory_bytes: int
    seconds: float


def estimate(plan: Plan, hands: Hands) -> Estimate:
    """Try one task that is not done, keep nothing, and reckon from it.

    Raises
    ------
    InputError
        When its sheet is damaged.
    """
    left = [task for task in plan.order if plan.work.done(task) is None]
    done, tiles = len(plan.order) - len(left), sum(task.weight for task in left)
    if not left:
        return Estimate(0, done, 0, 0, psutil.Process().memory_info().rss, 0.0)
    start = time.perf_counter()
    seen = plan.work.read(left[len(left) // 2])
    reading = time.perf_counter() - start
    dim, each = 0, 0.0
    if seen.samples is not None:
        eye = plan.work.eye.load()
        for _ in range(LOOKS):
            some = Subset(seen.samples, range(min(BATCH, len(seen.samples))))
            start = time.perf_counter()
            dim = embed(some, eye, batch_size=BATCH, total=plan.work.total, even=True).dim
            each = (time.perf_counter() - start) / len(some)
    workers = hands.jobs if hands.scheduler is None else 1
    seconds = max(each * tiles, reading * len(left)) / min(workers, os.cpu_count() or 1) + reading
    memory = psutil.Process().memory_info().rss * (workers + (workers > 1))
    return Estimate(len(left), done, tiles, tiles * (4 * dim + ROW_BYTES) * COPIES, memory, seconds)
