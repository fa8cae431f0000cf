"""The one module that writes to disk.

Whatever is published is either wholly there or not there at all: a temporary file in the same folder, fsync,
rename, fsync of the folder. A reader never meets half a file and a power cut never leaves a named empty one.
Libraries that write (GDAL, Parquet, safetensors) do so into memory, or into the path that `publishing` lends.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from georetrieval.errors import BusyError, GeoretrievalError, InputError

TEMPORARY_PREFIX = ".georetrieval-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_ROOM = 1 << 20
_MANY = 1000
"""Files above which one sync of all disks (Linux waits for its end) is quicker than one fsync each."""


def publish(path: Path, data: bytes | memoryview) -> None:
    """Write `data` to `path` so that it is wholly there, after a power cut too, or not at all.

    Raises
    ------
    BusyError
        When the disk is full; nothing is left behind.
    InputError
        When the folder may not be written to.
    """
    with publishing(path) as temporary:
        temporary.write_bytes(data)


def publish_json(path: Path, value: Any) -> None:
    """Publish `value` as indented UTF-8 JSON."""
    publish(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def publish_first(path: Path, data: bytes) -> bool:
    """Publish `data` unless there is such a file already; whether it was: of several who try at once, one is first.

    Raises
    ------
    BusyError, InputError
        As `publish`.
    """
    temporary: Path | None = None
    try:
        temporary = _beside(path)
        temporary.write_bytes(data)
        temporary.chmod(0o666 & ~_umask())
        _fsync(temporary)
        os.link(temporary, path)
        _fsync(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise _explained(error, path) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return True


@contextmanager
def publishing(path: Path) -> Iterator[Path]:
    """Lend a temporary path beside `path`; when the block ends well it becomes `path`, else it is removed.

    The temporary name keeps the suffix of `path`, since libraries choose a format by it.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        temporary = _beside(path)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _fsync(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    except Exception as error:
        if (ours := _ours(error, path, temporary)) is None:
            raise
        raise ours from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def publishing_folder(path: Path) -> Iterator[Path]:
    """Lend a temporary folder beside `path`; when the block ends well it becomes `path`, which must not exist."""
    path = Path(path)
    if path.exists():
        raise InputError(f"{path} exists already; choose another output folder or remove it first.")
    temporary: Path | None = None
    try:
        _make_folder(path.parent)
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent))
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        _fsync_tree(temporary)
        temporary.replace(path)
        _fsync(path.parent)
    except Exception as error:
        if (ours := _ours(error, path, temporary and temporary / "room")) is None:
            raise
        raise ours from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def put(path: Path, data: bytes | memoryview) -> None:
    """Write a file of a folder that `publishing_folder` lends: the folder's own publishing makes it durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the writers' lock `path`; the kernel frees it when the process dies, kill -9 included.

    Raises
    ------
    BusyError
        At once, when another process holds it.
    InputError
        When its folder cannot be made or written to.
    """
    lock = FileLock(path, timeout=0)
    try:
        _make_folder(path.parent)
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"{path.parent} is being written by another process; try again when it is done.") from error
    except OSError as error:
        raise _explained(error, path) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Lend a folder outside every store, removed at the end whatever happens."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY_PREFIX) as name:
        yield Path(name)


def remove_tree(path: Path) -> None:
    """Remove a folder of ours, if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def remove_file(path: Path) -> None:
    """Remove a file of ours, if it is there."""
    Path(path).unlink(missing_ok=True)


def remove_orphans(folder: Path, suffixes: tuple[str, ...]) -> None:
    """Remove what a killed process of ours was writing in a folder, of these kinds; its lock is held, so none lives."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if path.suffix in suffixes:
            path.unlink(missing_ok=True)


def remove_files(paths: Iterable[Path]) -> None:
    """Remove files of ours in this order; the files of one folder are gone for good before those of the next go."""
    for folder, some in groupby(paths, key=lambda path: path.parent):
        for path in some:
            path.unlink(missing_ok=True)
        _fsync(folder)


def set_aside(paths: Iterable[Path], folder: Path) -> None:
    """Move files of ours, one after the other, into another folder of the same disk, where they keep their names."""
    for path in paths:
        _make_folder(folder)
        path.replace(folder / path.name)
        _fsync(folder)
        _fsync(path.parent)


def reserve(path: Path) -> None:
    """Take the room of a sparse file on the disk now: writing to its memory map could not say that the disk is full.

    Raises
    ------
    OSError
        When there is no room; inside `publishing` it becomes a `BusyError`.
    """
    with path.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, path.stat().st_size))


def free_bytes(path: Path) -> int:
    """Free bytes on the disk that holds `path` (or its nearest existing parent)."""
    path = Path(path).absolute()
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def sha256_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> bytes:
    """JSON bytes that depend on the value alone: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """Hex SHA-256 of `canonical_json(value)`: the identity of a setting, a legend, a stage's inputs."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _beside(path: Path) -> Path:
    """A new temporary file in the folder of `path`, of the same suffix."""
    _make_folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    return Path(name)


def _ours(error: Exception, path: Path, room: Path | None) -> GeoretrievalError | None:
    """What went wrong in writing `path`; None when it is something else. Libraries have their own words for it."""
    if isinstance(error, OSError) and error.errno is not None:
        return _explained(error, path)
    if not isinstance(error, GeoretrievalError) and room is not None and _is_full(room):
        return _explained(OSError(errno.ENOSPC, ""), path)
    return None


def _is_full(path: Path) -> bool:
    """Whether a file cannot become a MiB larger, or had no room for copies of it (SQLite's journal, gone by now)."""
    try:
        with path.open("ab") as file:
            size = file.tell()
            os.posix_fallocate(file.fileno(), 0, size + _ROOM)
    except OSError as error:
        return error.errno in _FULL
    return path.suffix == ".gpkg" and shutil.disk_usage(path).free < max(8 * _ROOM, 4 * size)


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each name surely on the disk: all that lies in it would be lost with it."""
    missing = [folder, *folder.parents]
    for new in reversed([place for place in missing if not place.exists()]):
        new.mkdir(exist_ok=True)
        _fsync(new.parent)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fsync_tree(folder: Path) -> None:
    files = sorted(folder.rglob("*"))
    if len(files) > _MANY:
        os.sync()
        return
    for file in files:
        _fsync(file)


def _explained(error: OSError, path: Path) -> BusyError | InputError:
    if error.errno in _FULL:
        return BusyError(f"The disk is full: {path} could not be written. Free some space and run the command again.")
    return InputError(f"{path} could not be written: {error.strerror or error}.")
