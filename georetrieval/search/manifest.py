"""What one version of an index consists of; the file's name carries the hash of its bytes."""

from __future__ import annotations

import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from georetrieval.errors import InputError, StoreError
from georetrieval.files import canonical_json, digest, publish, publish_json
from georetrieval.search.confidence import Calibration
from georetrieval.search.descriptors import Space
from georetrieval.search.outliers import Threshold
from georetrieval.search.prototypes import RowsKind

CURRENT = "CURRENT"
CURRENT_CAP = 4 << 10
MANIFEST_CAP = 64 << 20
MAX_DIM = 65_536
MAX_SEGMENT_ROWS = 1 << 20
CANARY_CAP = 64 << 20
"""Bytes of the pictures kept with an index, at most."""

_NAME = re.compile(r"manifests/(\d{8})-([0-9a-f]{64})\.json")
_SHA = r"^[0-9a-f]{64}$"
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class SegmentRef(_Part):
    """One immutable file of rows, named by its SHA-256."""

    sha256: str = Field(pattern=_SHA)
    bytes: Count
    rows: int = Field(ge=0, le=MAX_SEGMENT_ROWS)

    @property
    def file(self) -> str:
        """Path inside the index."""
        return f"segments/{self.sha256}.parquet"


class CanaryRef(_Part):
    """The immutable file of the pictures whose descriptors are the manifest's `canaries`; `half`: made in 16 bits."""

    sha256: str = Field(pattern=_SHA)
    bytes: int = Field(ge=0, le=CANARY_CAP)
    rows: int = Field(ge=1, le=64)
    half: bool

    @property
    def file(self) -> str:
        """Path inside the index."""
        return f"canaries/{self.sha256}.parquet"


class Counts(_Part):
    """Rows of the version, tiles left out because they are blank, and because their descriptor means nothing."""

    tiles: Count
    blank: Count
    failed: Count


class Pictures(_Part):
    """What an index of pictures (not of tiles) is, besides its rows.

    Attributes
    ----------
    rows : what the rows are made of the pictures
    role : "mask" when the rows show masks, each for the images of its own scope
    crop : pictures were cut out by the boxes of their list
    members : the pictures themselves, from which the rows are made again; none where each picture is a row
    unknown : beyond which distance an answer is "unknown"
    """

    rows: RowsKind
    role: Literal["image", "mask"]
    crop: bool
    members: list[SegmentRef] = []
    unknown: Threshold | None = None

    def told(self) -> dict[str, Any]:
        """For people: how many pictures, not in which files."""
        plain = self.model_dump(mode="json", exclude={"members"})
        return plain | ({"members": sum(ref.rows for ref in self.members)} if self.members else {})


class Manifest(_Part):
    """Everything a reader has to know; row ids are positions in the order of `segments`."""

    format: Literal["georetrieval-index-1"] = "georetrieval-index-1"
    version: int = Field(ge=1, le=99_999_999)
    parent: str | None
    package: str
    created_by: str
    dim: int = Field(ge=1, le=MAX_DIM)
    space: Literal["cosine", "euclidean"]
    crs: str
    cell_m: float
    px: Count
    model: str
    fingerprint: dict[str, Any]
    fingerprint_digest: str = Field(pattern=_SHA)
    legend_digest: str | None
    segments: list[SegmentRef]
    tombstones: list[str] = []
    counts: Counts
    canaries: list[list[float]] = []
    canary_file: CanaryRef | None = None
    sources: list[dict[str, Any]]
    calibration: Calibration | None = None
    pictures: Pictures | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        if sum(s.rows for s in self.segments) != self.counts.tiles + len(self.tombstones):
            raise ValueError("counts and segments disagree")
        if digest(self.fingerprint) != self.fingerprint_digest:
            raise ValueError("the fingerprint does not have its digest")
        if not all(map(_well_formed, self.sources)):
            raise ValueError("a source has words where numbers belong, or something else where words do")
        if any(len(vector) != self.dim for vector in self.canaries):
            raise ValueError("a canary has another length than dim")
        if self.canary_file is not None and self.canary_file.rows != len(self.canaries):
            raise ValueError("there are not as many canaries as pictures of them")
        if self.calibration is not None and self.calibration.fingerprint != self.fingerprint_digest:
            raise ValueError("the calibration belongs to another model")
        if self.pictures is not None and (self.pictures.rows == "each") == bool(self.pictures.members):
            raise ValueError("rows and members disagree")
        return self

    @property
    def files(self) -> list[SegmentRef]:
        """All segments of the version: rows, and the pictures that they were made of."""
        return [*self.segments, *(self.pictures.members if self.pictures else [])]

    @property
    def paths(self) -> set[str]:
        """Paths inside the index of all that the version needs besides its manifest."""
        return {ref.file for ref in self.files} | ({self.canary_file.file} if self.canary_file else set())

    @property
    def told_sources(self) -> list[dict[str, Any]]:
        """The sources for people: of how many files each was made, not of which."""
        return [{name: len(value) if name == "files" else value for name, value in source.items()}
                for source in self.sources]

    @property
    def metric_space(self) -> Space:
        """`space` as a `Space`."""
        return Space(self.space)

    @property
    def overlap(self) -> float:
        """Share of the side that neighbouring rows have in common, at most; 0 when they lie side by side."""
        return max((float(source.get("overlap", 0)) for source in self.sources), default=0.0)

    @property
    def zooms(self) -> list[float]:
        """Sides of the rows in tiles."""
        return sorted({float(zoom) for source in self.sources for zoom in source.get("zooms", [1.0])})

    def encoded(self) -> bytes:
        """Canonical JSON bytes; parts that came later and are not there are not named: older readers can read it."""
        unnamed = {name for name in ("calibration", "pictures", "canary_file") if getattr(self, name) is None}
        return canonical_json(self.model_dump(mode="json", exclude=unnamed))


def _well_formed(source: dict[str, Any]) -> bool:
    """Whether what is reckoned with in a source is what it has to be, as far as it is there."""
    zooms = source.get("zooms", [])
    words = [source[name] for name in ("scope", "date") if name in source]
    numbers = [source[name] for name in ("overlap", "blank", "failed") if name in source]
    files = source.get("files", [])
    listed = isinstance(files, list) and all(isinstance(one, dict) and {"name", "sha256"} <= set(one) for one in files)
    return listed and isinstance(zooms, list) and all(word is None or isinstance(word, str) for word in words) and all(
        isinstance(number, (int, float)) and -1e12 < number < 1e12 for number in [*numbers, *zooms])


def current_name(index: Path) -> str:
    """The manifest's path inside the index that CURRENT points to.

    Raises
    ------
    InputError
        When the folder is no index at all.
    StoreError
        When CURRENT is missing from an index, or damaged.
    """
    if not index.is_dir():
        raise InputError(f"There is no index at {index}; build one with: georetrieval index build.")
    path = index / CURRENT
    if not path.exists():
        if (index / "manifests").is_dir():
            raise StoreError(f"The index {index} has no {CURRENT}: it was lost, or its build did not end; mend it "
                             "with: georetrieval index repair.")
        if (index / "segments").is_dir():
            raise StoreError(f"The index {index} has no {CURRENT}: its build did not end; build it again.")
        raise InputError(f"{index} is not an index (it has no {CURRENT}); build one with: georetrieval index build.")
    try:
        value = json.loads(stored_bytes(path, CURRENT_CAP))
        name = value["manifest"] if isinstance(value, dict) and len(value) == 1 else ""
    except (ValueError, KeyError, RecursionError):
        name = ""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise StoreError(f"{path} is damaged: it does not name a manifest; mend it with: georetrieval index repair.")
    return name


def read_manifest(index: Path, name: str) -> Manifest:
    """Read and check one manifest; StoreError when it is damaged, FileNotFoundError when it is not there."""
    path = index / name
    match = _NAME.fullmatch(name)
    if not match:
        raise StoreError(f"{path} is not named like a manifest.")
    data = stored_bytes(path, MANIFEST_CAP)
    if sha256(data) != match[2]:
        raise StoreError(f"{path} is damaged: its bytes do not have the hash in its name.")
    try:
        manifest = Manifest.model_validate_json(data)
    except (ValidationError, RecursionError, InputError) as error:
        raise StoreError(f"{path} is not a manifest that this version of georetrieval can read: "
                         f"{_first_line(error)}.") from error
    if manifest.version != int(match[1]):
        raise StoreError(f"{path} is damaged: it holds version {manifest.version}.")
    return manifest


def manifest_name(manifest: Manifest) -> str:
    """`manifests/<version>-<sha256>.json`."""
    return f"manifests/{manifest.version:08d}-{sha256(manifest.encoded())}.json"


def publish_version(index: Path, manifest: Manifest) -> str:
    """Publish a manifest, then make it the current one; its segments are there and the lock is held."""
    name = manifest_name(manifest)
    publish(index / name, manifest.encoded())
    point_to(index, name)
    return name


def point_to(index: Path, name: str) -> None:
    """Publish CURRENT."""
    publish_json(index / CURRENT, {"manifest": name})


def sha256(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def stored_bytes(path: Path, cap: int) -> bytes:
    """The bytes of a regular file of ours, at most `cap`; FileNotFoundError is left to the caller."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise StoreError(f"{path} is not a regular file.")
        if found.st_size > cap:
            raise StoreError(f"{path} is damaged: {found.st_size} bytes where at most {cap} are expected.")
        return path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreError(f"{path} could not be read: {error.strerror or error}.") from error


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))} {first['msg']}".strip()
    return str(error).splitlines()[0]
