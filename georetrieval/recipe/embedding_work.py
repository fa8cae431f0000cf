"""The work of an index: the tiles of a sheet are read, embedded, and kept as a checksummed part until all are there."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pandas as pd

from georetrieval.embedding import embed
from georetrieval.errors import MismatchError, StoreError
from georetrieval.files import digest
from georetrieval.maps import ground_table
from georetrieval.nets.choice import asked, using
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.build import load_eye
from georetrieval.samples.sample import SampleSet
from georetrieval.search import segments
from georetrieval.search.building import Part, publish_part
from georetrieval.search.descriptors import Space
from georetrieval.search.manifest import SegmentRef
from georetrieval.tasks.journal import FILES, Journal
from georetrieval.tasks.task import Result, Task

FORMAT = 1
"""Raised when the same inputs would give other parts: those of older versions are then not used."""
BATCH = 32
"""Tiles at once, always: a descriptor's last bits may depend on its batch, and an index must not on who built it.

They depend on the engine too: all tasks of a build use one, see `one_engine`. And they depend on the processor:
machines give the same bytes only when theirs are of one kind."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class EyeName:
    """What an eye is loaded by, and the digest of its fingerprint: another machine may hold other weights."""

    model: str
    legend_digest: str
    px: int
    fingerprint: str

    @classmethod
    def of(cls, eye: Embedder, model: str, legend_digest: str, px: int) -> EyeName:
        """The name of an eye that is loaded."""
        return cls(model, legend_digest, px, digest(eye.fingerprint()))

    def load(self) -> Embedder:
        """The eye, loaded once in this process; MismatchError when it is another one here."""
        return once(("eye", self), self._load)

    def _load(self) -> Embedder:
        eye = load_eye(self.model, legend_digest=self.legend_digest, px=self.px)
        if digest(eye.fingerprint()) != self.fingerprint:
            raise MismatchError(f"The model {self.model} is another one here than where the work was planned; every "
                                "machine has to see the same files and have the same version of georetrieval.")
        return eye


@dataclass(frozen=True)
class Seen:
    """What a task is to embed: samples, their rows of a catalogue (None when all are blank), and how many are blank."""

    samples: SampleSet | None
    rows: pd.DataFrame
    blank: int


class Source(Protocol):
    """Where the pixels of tasks come from; it is pickled: paths and settings."""

    @property
    def crs(self) -> str: ...

    def read(self, what: Any, eye: Embedder) -> Seen:
        """The tiles of one task."""
        ...


@dataclass(frozen=True)
class EmbeddingWork:
    """Embeds tasks and keeps their parts in `folder`.

    Attributes
    ----------
    total
        Tiles of the whole work, shards or not: the engine is chosen by it.
    engine
        The word that was asked for where the work was planned: a worker elsewhere has its own environment.
    engines
        The engine that looks at tiles of some bands; a task that was done by another one counts as not done.
    """

    folder: Path
    eye: EyeName
    source: Source
    total: int
    engine: str = field(default_factory=asked)
    engines: Mapping[tuple[str, ...], str] = field(default_factory=dict)

    def done(self, task: Task) -> Result | None:
        """See `Work`."""
        found = Journal(self.folder).find(task.digest)
        if found is None or not found["part"] or not self.engines:
            return found
        engine = self.engines.get(tuple(found.get("bands", ())))
        return found if engine is not None and found.get("engine") == engine else None

    def read(self, task: Task) -> Seen:
        """See `Work`."""
        return self.source.read(task.what, self.eye.load())

    def make(self, task: Task, read: Seen) -> Result:
        """See `Work`."""
        result: dict[str, Any] = {"blank": read.blank, "part": None}
        if read.samples is not None:
            engine = self.engines.get(read.samples.bands)
            with using(self.engine):
                found = embed(read.samples, self.eye.load(), batch_size=BATCH, total=self.total, even=True,
                              engine=engine)
            table = segments.table_of(found, ground_table(read.rows, self.source.crs))
            name, ref = publish_part(self.folder, table)
            result |= {"part": ref.model_dump(), "dim": found.dim, "space": found.space.value,
                       FILES: {name: ref.sha256}, "engine": engine,
                       "bands": list(read.samples.bands)}
        Journal(self.folder).note(task.digest, result)
        return result


def parts_of(folder: Path, results: Iterable[Result]) -> Iterator[Part]:
    """The rows of some results in their order, in pieces as large as a segment."""
    kept = [one for one in results if one["part"] is not None]
    if not kept:
        return
    dim, space = int(kept[0]["dim"]), Space(kept[0]["space"])
    for table in segments.in_blocks(_table(folder, one, dim) for one in kept):
        yield segments.descriptors_of(table, dim, space), table


def _table(folder: Path, result: Result, dim: int) -> Any:
    ref = SegmentRef.model_validate(result["part"])
    try:
        data = (folder / f"{ref.sha256}.parquet").read_bytes()
    except OSError as error:
        raise StoreError(f"{folder} lost a part while the index was being built; run the command again.") from error
    return segments.decode(data, ref, dim)


def once(key: Any, make: Callable[[], _T]) -> _T:
    """What `make` gave for this key the last time in this process; a few are kept."""
    with _lock:
        if key not in _kept:
            _kept[key] = make()
            while len(_kept) > _MOST:
                _kept.popitem(last=False)
        _kept.move_to_end(key)
        found: _T = _kept[key]
        return found


_kept: OrderedDict[Any, Any] = OrderedDict()
_lock = threading.RLock()
_MOST = 8
