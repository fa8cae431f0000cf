"""Blocks of a tile set made as tasks, in several processes or on a cluster: the same files as by threads."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from georetrieval.geo.blocks import Block
from georetrieval.geo.making import BlockPixels, Record, Settings, finished, record_of, write_block
from georetrieval.geo.straight import OpenSurvey, absolute
from georetrieval.geo.tile import Survey
from georetrieval.progress import Progress
from georetrieval.tasks.running import Hands, run
from georetrieval.tasks.task import Result, Task

KEPT_SURVEYS = 2


@dataclass(frozen=True)
class TileWork:
    """Makes the sheets of blocks in `folder`; what is done is told by their records.

    Attributes
    ----------
    plan
        Another one every time: a process that works for long must not remember what was wrong with a sheet.
    """

    survey: Survey
    settings: Settings
    folder: Path
    plan: str

    def done(self, task: Task) -> Result | None:
        """See `Work`."""
        record = finished(self.folder, self._name(task), task.digest)
        return None if record is None else asdict(record)

    def read(self, task: Task) -> BlockPixels:
        """See `Work`."""
        return self._opened().pixels(task.what)

    def make(self, task: Task, read: BlockPixels) -> Result:
        """See `Work`."""
        return asdict(write_block(task.what, read, self.settings, self.folder, task.digest))

    def _name(self, task: Task) -> str:
        block: Block = task.what
        return self.settings.grid.name(block.cells[0])

    def _opened(self) -> OpenSurvey:
        with _lock:
            if self.plan not in _opened:
                while len(_opened) >= KEPT_SURVEYS:
                    _opened.pop(next(iter(_opened)))
                _opened[self.plan] = OpenSurvey(self.survey, self.settings)
            return _opened[self.plan]


def records_by_tasks(
    survey: Survey, blocks: Sequence[Block], digests: Sequence[str], settings: Settings, folder: Path, hands: Hands,
    progress: Progress,
) -> tuple[list[Record | None], list[str]]:
    """The record of each block, None where its sheet is damaged; and what was wrong."""
    work = TileWork(absolute(survey), settings, folder.absolute(), secrets.token_hex(8))
    tasks = [Task(f"{survey.name} {settings.grid.name(block.cells[0])}", digest, len(block.cells), block)
             for block, digest in zip(blocks, digests, strict=True)]
    done = run(work, tasks, hands, what=f"tiles {survey.name}", progress=progress)
    records = [record_of(done.results[task.digest]) if task.digest in done.results else None for task in tasks]
    return records, sorted(set(done.problems.values()))


_opened: dict[str, OpenSurvey] = {}
_lock = threading.Lock()
