"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import rich_click as click

from georetrieval.progress import Progress

LINE_EVERY_S = 10.0


@contextmanager
def progress() -> Iterator[Progress]:
    """Lend a `Progress` that draws on stderr while the block runs."""
    if sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _Lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"), rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(), rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, rich_progress.TaskID] = {}

        def report(done: int, total: int, what: str) -> None:
            work = _work(what)
            if work not in tasks:
                tasks[work] = bars.add_task(what, total=total or None)
            bars.update(tasks[work], completed=done, total=total or None, description=what)
            if done == total:
                del tasks[work]

        yield report


class _Lines:
    """One line at the start, at the end and every ten seconds of each kind of work."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._spoken: dict[str, float] = {}

    def __call__(self, done: int, total: int, what: str) -> None:
        now, work = time.monotonic(), _work(what)
        started = self._started.setdefault(work, now)
        if done != total and now - self._spoken.get(work, started) < LINE_EVERY_S:
            return
        self._spoken[work] = now
        if done == total:
            self._started.pop(work), self._spoken.pop(work)
        left = (now - started) / done * (total - done) if done and total else 0.0
        ahead = f", {left:.0f} s left" if left >= 1 else ""
        click.echo(f"{what}: {done}/{total or '?'}{ahead}", err=True)


def _work(what: str) -> str:
    """What kind of work a message is about: "training, epoch 3, loss 0.2" is about "training"."""
    return what.partition(",")[0]
