"""A disk of which so many pages are free: a small one in memory where mounting is allowed, else a limit on files."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from georetrieval import files
from georetrieval.geo import planning
from tests.made.forked import Ending, forked

PAGE = 4096
DISK_BYTES = 32 << 20


class SmallDisk:
    """A tmpfs at `folder`; a file takes what is not to be free."""

    way = "tmpfs"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, step: Callable[[], object], pages: int) -> Ending:
        """The step in a child, with so many pages free."""
        ballast = self.folder / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, (_free_pages(self.folder) - pages) * PAGE))
        try:
            assert _free_pages(self.folder) == pages
            return forked(lambda: _unwarned(step))
        finally:
            ballast.unlink()


class SmallFiles:
    """No file may grow beyond so many pages (RLIMIT_FSIZE); writing more fails as on a full disk."""

    way = "RLIMIT_FSIZE"

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, step: Callable[[], object], pages: int) -> Ending:
        """The step in a child, with files of so many pages (at least one: its own words need it)."""
        return forked(lambda: _unwarned(step), limits=[(resource.RLIMIT_FSIZE, max(1, pages) * PAGE)])


@contextmanager
def full_disks(folder: Path) -> Iterator[list[SmallDisk | SmallFiles]]:
    """The ways to have a full disk here, the best first."""
    mounted, plain = folder / "mounted", folder / "plain"
    mounted.mkdir()
    plain.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", str(mounted)]
    try:
        done = subprocess.run(mount, check=False, capture_output=True).returncode == 0
    except OSError:
        done = False
    try:
        yield [SmallDisk(mounted), SmallFiles(plain)] if done else [SmallFiles(plain)]
    finally:
        if done:
            subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def _free_pages(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize // PAGE


def _unwarned(step: Callable[[], object]) -> None:
    """Without the looks at the room that is left, as if another program took it right after them."""
    files.free_bytes = planning.free_bytes = lambda _: 1 << 60
    step()
