"""FAISS files beside an index: derived from its rows, checked, made again at will, never exchanged.

    INDEX/ann/<rows>.json      which kind was chosen for these rows, what was measured, and the file's size and SHA-256
    INDEX/ann/<sha256>.faiss   the codes, where the kind has any, in the order of the names of the rows

`<rows>` is the digest of what the rows of a version are (segments, removed rows, length, space), so that the manifest
need not name the file: what is measured differs from machine to machine, and the same rows give the same manifest
everywhere. A record that is damaged, or of another FAISS or another version, is as if it were not there; then all rows
are compared, and the answers are exact.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from georetrieval import files
from georetrieval.errors import BusyError, StoreError, UsageError
from georetrieval.search.ann import EXACT, FaissIndex, Plan
from georetrieval.search.choosing import AUTO, RECALL, SMALL, Choice, choose
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.flat import flat_of
from georetrieval.search.index import Index
from georetrieval.search.manifest import Manifest, current_name, read_manifest, sha256, stored_bytes

FOLDER = "ann"
RECORD_CAP = 1 << 20
SPARE_BYTES = 1 << 20
AGAIN = "make it again with: georetrieval index tune"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Codes(_Part):
    """The file of codes."""

    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    bytes: int = Field(ge=1)

    @property
    def file(self) -> str:
        """Path inside the index."""
        return f"{FOLDER}/{self.sha256}.faiss"


class Measured(_Part):
    """One kind that was tried."""

    factory: str
    k_factor: int
    nprobe: int
    recall: float
    single_ms: float


class Record(_Part):
    """What was chosen for the rows of a version."""

    format: Literal["georetrieval-ann-1"] = "georetrieval-ann-1"
    rows: str
    tiles: int
    faiss: str
    asked: str
    recall: float
    queries: int
    k: int
    factory: str
    k_factor: int = Field(ge=1, le=1 << 16)
    nprobe: int = Field(ge=0, le=1 << 20)
    measured: list[Measured]
    codes: Codes | None

    @property
    def plan(self) -> Plan:
        """As the index is asked."""
        return Plan(self.factory, self.k_factor, self.nprobe)

    def told(self) -> dict[str, Any]:
        """For people."""
        return self.model_dump(exclude={"format", "rows", "tiles", "codes"}) | {
            "bytes": self.codes.bytes if self.codes else 0}


def record_file(manifest: Manifest) -> str:
    """Where the record of a version's rows is, inside the index."""
    what = {"segments": [ref.sha256 for ref in manifest.segments], "tombstones": sorted(manifest.tombstones),
            "dim": manifest.dim, "space": manifest.space}
    return f"{FOLDER}/{files.digest(what)}.json"


def read_record(index: Path, manifest: Manifest, *, any_faiss: bool = False) -> Record | None:
    """The record of a version; None when there is none, or it is damaged or (unless `any_faiss`) of another FAISS."""
    name = record_file(manifest)
    if not (index / name).exists():
        return None
    import faiss

    try:
        value = json.loads(stored_bytes(index / name, RECORD_CAP))
        seal = value.pop("sha256")
        record = Record.model_validate(value)
    except (FileNotFoundError, StoreError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    fits = (record.rows, record.tiles) == (Path(name).stem, manifest.counts.tiles)
    fits &= any_faiss or record.faiss == faiss.__version__
    return record if fits and seal == files.digest(value) else None


def write_choice(index: Path, manifest: Manifest, choice: Choice) -> Record:
    """Publish the codes and then the record of a choice; the lock is held.

    Raises
    ------
    BusyError
        When the disk is (nearly) full; what was there before stays.
    """
    import faiss

    name, codes = record_file(manifest), None
    if choice.codes is not None:
        data = faiss.serialize_index(choice.codes).tobytes()
        codes = Codes(sha256=sha256(data), bytes=len(data))
        if files.free_bytes(index) < len(data) + SPARE_BYTES:
            raise BusyError(f"The disk is nearly full: {index / codes.file} needs {len(data)} bytes; free some space "
                            "and try again.")
        files.publish(index / codes.file, data)
    record = Record(
        rows=Path(name).stem, tiles=manifest.counts.tiles, faiss=faiss.__version__, asked=choice.asked,
        recall=float(choice.recall), queries=choice.queries, k=choice.k, factory=choice.plan.factory,
        k_factor=choice.plan.k_factor, nprobe=choice.plan.nprobe, codes=codes,
        measured=[Measured(**asdict(trial)) for trial in choice.trials])
    value = record.model_dump(mode="json")
    files.publish_json(index / name, value | {"sha256": files.digest(value)})
    return record


def tune(
    index: Path, name: str, manifest: Manifest, rows: Descriptors, *, asked: str = AUTO, recall: float = RECALL
) -> Choice:
    """Choose the kind of index for the rows of the version `name`, and keep it.

    Nothing is kept where "auto" has nothing to measure (few rows).

    Raises
    ------
    BusyError
        When another writer holds the index, or has published another version meanwhile.
    UsageError
        As `choose`.
    """
    choice = choose(flat_of(rows), asked=asked, recall=recall)
    with files.locked(index / ".lock"):
        if current_name(index) != name:
            raise BusyError(f"The index {index} was changed while it was being measured; measure it again.")
        if choice.trials or asked != AUTO:
            write_choice(index, manifest, choice)
        else:
            files.remove_file(index / record_file(manifest))
    return choice


def kept_index(index: Path, manifest: Manifest, rows: Descriptors) -> tuple[Index | str, str]:
    """The index that was chosen for these rows, or the exact one; and what is wrong with the chosen one's file."""
    if not rows.valid.all():
        return EXACT, ""
    flat = flat_of(rows)
    record = read_record(index, manifest)
    if record is None or record.codes is None or record.factory == EXACT:
        there = (index / record_file(manifest)).exists()
        return flat, "" if record or not there else f"{index / record_file(manifest)} is damaged or of another version"
    try:
        return FaissIndex(flat, record.plan, loaded(index, record, manifest)), ""
    except StoreError as error:
        return flat, str(error)


def loaded(index: Path, record: Record, manifest: Manifest) -> Any:
    """The codes of a record, after every check.

    Raises
    ------
    StoreError
        When they are not there, not the bytes of the record, or no index of these rows.
    """
    import faiss

    assert record.codes is not None
    path = index / record.codes.file
    try:
        data = stored_bytes(path, record.codes.bytes)
    except FileNotFoundError as error:
        raise StoreError(f"{path} is not there") from error
    if len(data) != record.codes.bytes or sha256(data) != record.codes.sha256:
        raise StoreError(f"{path} is damaged")
    faiss.set_deserialization_vector_byte_limit(max(1 << 20, 2 * len(data)))
    try:
        codes = faiss.deserialize_index(np.frombuffer(data, np.uint8))
    except (RuntimeError, MemoryError) as error:
        raise StoreError(f"{path} cannot be read by FAISS {faiss.__version__}") from error
    metric = faiss.METRIC_L2 if manifest.space == "euclidean" else faiss.METRIC_INNER_PRODUCT
    if (codes.ntotal, codes.d, codes.metric_type) != (record.tiles, record.plan.width(manifest.dim), metric):
        raise StoreError(f"{path} is not an index of these rows")
    return codes


def retune(index: Path, name: str, manifest: Manifest, rows: Callable[[], Descriptors]) -> Choice | None:
    """Choose again for a version that came after another one, in the way that was asked for that one.

    Parameters
    ----------
    rows : reads them; not asked where there is nothing to measure

    Returns
    -------
    None where there are few rows and nothing else was asked for.
    """
    before = None
    with contextlib.suppress(StoreError, FileNotFoundError):
        parent = read_manifest(index, manifest.parent) if manifest.parent else None
        before = read_record(index, parent, any_faiss=True) if parent else None
    if before is None and manifest.counts.tiles <= SMALL:
        return None
    asked, recall = (before.asked, before.recall) if before else (AUTO, RECALL)
    try:
        return tune(index, name, manifest, rows(), asked=asked, recall=recall)
    except UsageError:  # the rows that are left are too few for the kind that was asked for
        return tune(index, name, manifest, rows(), recall=recall)


def named_by(index: Path, manifest: Manifest) -> Iterator[str]:
    """The derived files of a version that are used, inside the index."""
    record = read_record(index, manifest, any_faiss=True)  # what was asked for is still worth keeping
    if record is not None:
        yield record_file(manifest)
        if record.codes is not None:
            yield record.codes.file


def problem_of(index: Path, manifest: Manifest) -> str:
    """What is wrong with the derived files of a version; "" when nothing is, or there are none."""
    record = read_record(index, manifest)
    if record is None:
        there = (index / record_file(manifest)).exists()
        return f"{record_file(manifest)} is damaged or of another version" if there else ""
    if record.codes is None:
        return ""
    try:
        loaded(index, record, manifest)
    except StoreError as error:
        return str(error)
    return ""
