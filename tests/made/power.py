"""Power cuts: what a run of `georetrieval.files` asked of the disk, and every state that the disk may be left in.

The model is a file system that promises nothing that was not synced: bytes of a file that were not synced may be lost
wholly, by half, or be zeros; names made, moved or removed in a folder that was not synced may be there or not, each on
its own. That is harsher than the file systems in use.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

Event = tuple[str, str, object]
State = dict[str, bytes]
MOST_SUBSETS = 64
"""Of names that are not synced, at one moment; more are drawn at random."""


class Recorder:
    """Notes each change of the disk below `root` while it is in the place of the real functions.

    Attributes
    ----------
    events : (what, path from the root, bytes or path)
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.root, self.events = root, list[Event]()
        self._real = {name: getattr(Path, name) for name in ("write_bytes", "replace", "unlink", "mkdir")}
        self._fsync, self._mkstemp = os.fsync, tempfile.mkstemp
        for name in self._real:
            method = getattr(self, name)
            monkeypatch.setattr(Path, name, lambda *given, _method=method, **named: _method(*given, **named))
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(tempfile, "mkstemp", self.mkstemp)

    def note(self, what: str, path: object, more: object = b"") -> None:
        """Remember a change, when it is below the root."""
        place = Path(os.path.realpath(str(path)))
        if place.is_relative_to(self.root):
            self.events.append((what, str(place.relative_to(self.root)), more))

    def write_bytes(self, path: Path, data: bytes) -> int:
        self.note("write", path, bytes(data))
        return int(self._real["write_bytes"](path, data))

    def replace(self, path: Path, target: Path) -> object:
        self.note("rename", path, str(Path(os.path.realpath(target)).relative_to(self.root)))
        return self._real["replace"](path, target)

    def unlink(self, path: Path, missing_ok: bool = False) -> None:
        if path.exists():
            self.note("unlink", path)
        self._real["unlink"](path, missing_ok=missing_ok)

    def mkdir(self, path: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        if not path.exists() and path.parent.exists():
            self.note("mkdir", path)
        self._real["mkdir"](path, mode, parents, exist_ok)

    def fsync(self, handle: int) -> None:
        self._fsync(handle)
        self.note("sync", Path(f"/proc/self/fd/{handle}").readlink())

    def mkstemp(self, *given: object, **named: object) -> tuple[int, str]:
        handle, name = self._mkstemp(*given, **named)
        self.note("write", name)
        return handle, name


class Disk:
    """What is surely there, and what is not sure."""

    def __init__(self) -> None:
        self.bytes: list[bytes] = []            # of each file, as written last
        self.sure: list[bytes | None] = []      # of each file, as synced last
        self.names: dict[str, int] = {}         # as the running system sees them
        self.kept: dict[str, int | None] = {"": None}   # as they are on the disk; None is a folder
        self.pending: list[tuple[str, tuple[tuple[str, int | None, bool], ...]]] = []

    def apply(self, event: Event) -> None:
        """One change."""
        what, path, more = event
        if what == "write":
            if path not in self.names:
                self.names[path] = len(self.bytes)
                self.bytes.append(b"")
                self.sure.append(None)
                self._pend(path, ((path, self.names[path], True),))
            self.bytes[self.names[path]] = bytes(more)  # type: ignore[arg-type]
        elif what == "rename":
            target = str(more)
            self.names[target] = self.names.pop(path)
            self._pend(path, ((path, None, False), (target, self.names[target], True)))
        elif what == "unlink":
            self.names.pop(path)
            self._pend(path, ((path, None, False),))
        elif what == "mkdir":
            self._pend(path, ((path, None, True),))
        elif path in self.names:
            self.sure[self.names[path]] = self.bytes[self.names[path]]
        else:
            folder = "" if path == "." else path
            for _, change in [p for p in self.pending if p[0] == folder]:
                _change(self.kept, change)
            self.pending = [p for p in self.pending if p[0] != folder]

    def _pend(self, path: str, change: tuple[tuple[str, int | None, bool], ...]) -> None:
        self.pending.append((path.rpartition("/")[0], change))

    def states(self, random: np.random.Generator) -> Iterator[State]:
        """The states that a power cut may leave now."""
        count = len(self.pending)
        subsets = itertools.product((False, True), repeat=count) if 2**count <= MOST_SUBSETS else (
            [tuple(random.random(count) < 0.5) for _ in range(MOST_SUBSETS - 2)] + [(True,) * count, (False,) * count])
        for chosen in subsets:
            names = dict(self.kept)
            for (_, change), there in zip(self.pending, chosen, strict=True):
                if there:
                    _change(names, change)
            for damage in range(4):
                yield {path: self._found(inode, damage) for path, inode in names.items()
                       if inode is not None and all(f in names for f in _folders(path))}

    def _found(self, inode: int, damage: int) -> bytes:
        data = self.bytes[inode]
        if self.sure[inode] == data:
            return data
        return (data, self.sure[inode] or b"", data[:len(data) // 2], b"\0" * len(data))[damage]


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:n + 1]) for n in range(len(parts))]


def _change(names: dict[str, int | None], change: tuple[tuple[str, int | None, bool], ...]) -> None:
    for path, inode, there in change:
        if there:
            names[path] = inode
        else:
            names.pop(path, None)


def lay_out(state: State, folder: Path) -> None:
    """Write a state below a folder."""
    for path, data in state.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
