"""Deliveries in archives: members are checked before anything is unpacked, into a folder that goes away again."""

from __future__ import annotations

import stat
import struct
import weakref
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from georetrieval.errors import BusyError, InputError, MissingExtraError
from georetrieval.files import free_bytes, scratch_folder

MAX_UNPACKED_BYTES = 64 << 30
"""A département of BD TOPO unpacks to 3-10 GB; more than this is not a delivery."""

VECTOR_SUFFIXES = frozenset({".shp", ".shx", ".dbf", ".prj", ".cpg", ".gpkg"})
ARCHIVE_SUFFIXES = (".zip", ".7z", ".7z.001")


class Unpacked:
    """A folder with the vector files of an archive; it lives as long as this object."""

    def __init__(self, archive: Path) -> None:
        stack = ExitStack()
        self._end = weakref.finalize(self, stack.close)
        self.folder = stack.enter_context(scratch_folder())
        try:
            (_unpack_zip if archive.suffix.lower() == ".zip" else _unpack_7z)(archive, self.folder)
        except BaseException:
            self._end()
            raise


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    link: bool
    locked: bool = False


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive that can be opened."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def checked_members(archive: Path, members: Iterable[_Member], *, cap_bytes: int = MAX_UNPACKED_BYTES) -> list[str]:
    """Refuse an archive with links, passwords, names that leave the folder, or too many bytes.

    Returns
    -------
    list of str
        The names of the vector files among the members.

    Raises
    ------
    InputError
        With the first member that is refused.
    BusyError
        When the disk has no room to unpack it.
    """
    names: list[str] = []
    total = 0
    for member in members:
        parts = PurePosixPath(member.name.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in member.name or "\0" in member.name:
            raise InputError(f"{archive} is refused: its member {member.name!r} would be written outside the folder.")
        if member.link:
            raise InputError(f"{archive} is refused: its member {member.name!r} is a link.")
        if parts.suffix.lower() not in VECTOR_SUFFIXES:
            continue
        if member.locked:
            raise InputError(f"{archive} is locked with a password; unpack it yourself and give the folder.")
        total += member.size
        names.append(member.name)
    if total > cap_bytes:
        raise InputError(f"{archive} is refused: it unpacks to {total >> 20} MB, {cap_bytes >> 20} MB are allowed.")
    if not names:
        raise InputError(f"{archive} holds no vector layers (.shp or .gpkg).")
    return names


def _unpack_zip(archive: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(archive) as opened:
            if not all(info.filename for info in opened.infolist()):
                raise zipfile.BadZipFile("a member has no name")
            infos = {info.filename: info for info in opened.infolist() if not info.is_dir()}
            members = [
                _Member(name, info.file_size, stat.S_ISLNK(info.external_attr >> 16), bool(info.flag_bits & 1))
                for name, info in infos.items()
            ]
            wanted = [infos[name] for name in checked_members(archive, members)]
            _check_room(archive, folder, sum(info.file_size for info in wanted))
            for info in wanted:  # no member gives more bytes than it announces: zipfile stops there and checks the CRC
                info.filename = info.filename.replace("\\", "/")
                opened.extract(info, folder)
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, LookupError,
            NotImplementedError) as error:
        raise InputError(f"{archive} cannot be unpacked; it looks damaged: {error}.") from error


def _unpack_7z(archive: Path, folder: Path) -> None:
    try:
        import py7zr
        from py7zr.exceptions import ArchiveError
    except ImportError as error:
        raise MissingExtraError(f"{archive}: reading .7z archives needs an optional part; install it with "
                                "pip install 'georetrieval[archives]', or unpack the archive yourself.") from error
    import lzma

    try:
        with _opened_7z(archive) as file, py7zr.SevenZipFile(file, "r", max_extract_size=MAX_UNPACKED_BYTES) as opened:
            locked = opened.needs_password()
            found = [item for item in opened.list() if not item.is_directory]
            members = [_Member(item.filename, int(item.uncompressed), bool(item.is_symlink), locked) for item in found]
            names = checked_members(archive, members)
            _check_room(archive, folder, sum(member.size for member in members if member.name in set(names)))
            opened.extract(path=folder, targets=names)
    except (ArchiveError, lzma.LZMAError, EOFError, OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise InputError(f"{archive} cannot be unpacked; it looks damaged: {error or type(error).__name__}.") from error
    if any(path.is_symlink() for path in folder.rglob("*")):
        raise InputError(f"{archive} is refused: it holds links.")


def _opened_7z(archive: Path) -> Any:
    """Open one .7z, or the volumes .7z.001, .7z.002... as one file."""
    if not archive.name.lower().endswith(".001"):
        return archive.open("rb")
    import multivolumefile

    stem = archive.with_suffix("")
    volumes = sorted(archive.parent.glob(f"{stem.name}.[0-9][0-9][0-9]"))
    if [int(path.suffix[1:]) for path in volumes] != list(range(1, len(volumes) + 1)):
        raise InputError(f"{archive}: a volume is missing; found {', '.join(path.name for path in volumes)}.")
    return multivolumefile.open(stem, mode="rb")


def _check_room(archive: Path, folder: Path, needed: int) -> None:
    if (free := free_bytes(folder)) < needed:
        raise BusyError(f"{archive} unpacks to {needed >> 20} MB, but {folder.parent} has {free >> 20} MB free; free "
                        "some space, or set TMPDIR to a larger disk.")
