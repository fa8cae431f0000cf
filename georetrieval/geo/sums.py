"""Lists of checksums, as `sha256sum` and `md5sum` write them, and the checksums that files really have."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from georetrieval.errors import InputError
from georetrieval.foreign import read_bytes

MOST_BYTES = 64 << 20
"""A list of a quarter of a million files."""

_GNU = re.compile(r"(\\?)([0-9a-fA-F]{64}|[0-9a-fA-F]{32})(?: [ *]|\t+)(.+)")
_BSD = re.compile(r"(\\?)(?:SHA256|MD5) \((.+)\) ?= ?([0-9a-fA-F]{64}|[0-9a-fA-F]{32})")
_MD5_DIGITS = 32
_ESCAPED = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FileSum:
    """Size and hex SHA-256 of a file as it was read."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Sums:
    """A list of checksums.

    Attributes
    ----------
    path
        Where the list lies.
    listed
        Name, with / between folders, to hex checksum: SHA-256 (64 digits) or MD5 (32).
    """

    path: Path
    listed: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> Sums:
        """Read a list that `georetrieval sources sums`, `sha256sum` or `md5sum` wrote, or that came with a delivery.

        Raises
        ------
        InputError
            When it is missing, damaged, empty, or gives one name two checksums.
        """
        path = Path(path)
        listed: dict[str, str] = {}
        for number, line in enumerate(_lines(path), 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, found = _entry(line, path, number)
            if listed.setdefault(name, found) != found:
                raise InputError(f"{path} gives {name} two checksums (line {number}); write it again with: "
                                 "georetrieval sources sums.")
        if not listed:
            raise InputError(f"{path} lists no file; a list has lines of a checksum and a name, as `sha256sum` "
                             "writes them.")
        return cls(path, listed)

    def name_of(self, file: Path) -> str | None:
        """The longest name of the list that is the end of a file's path; None when there is none."""
        parts = file.absolute().parts[1:]
        names = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((name for name in names if name in self.listed), None)

    def compare(self, file: Path) -> tuple[FileSum | None, str]:
        """What a file is, and "" or what is wrong with it: "listed" when the list lacks it, "bytes" when it differs.

        The file is read once.

        Raises
        ------
        InputError
            When it cannot be read.
        """
        name = self.name_of(file)
        if name is None:
            return None, "listed"
        wanted = self.listed[name]
        if len(wanted) == _MD5_DIGITS:
            found, md5 = file_sum(file, with_md5=True)
            return found, "" if md5 == wanted else "bytes"
        found, _ = file_sum(file)
        return found, "" if found.sha256 == wanted else "bytes"


def file_sum(path: Path, *, with_md5: bool = False) -> tuple[FileSum, str]:
    """Size and SHA-256 of a file, and its MD5 (else ""), in one reading.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
    try:
        with path.open("rb") as file:
            if md5 is None:
                sha = hashlib.file_digest(file, "sha256")
            else:
                sha = hashlib.sha256()
                while block := file.read(_BLOCK):
                    sha.update(block)
                    md5.update(block)
            return FileSum(file.tell(), sha.hexdigest()), md5.hexdigest() if md5 else ""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def line_of(name: str, sha256: str) -> str:
    """The line of a list, as `sha256sum` writes it and `sha256sum --check` reads it."""
    written = name
    for escaped, plain in _ESCAPED.items():
        written = written.replace(plain, escaped)
    return f"{'' if written == name else chr(92)}{sha256}  {written}\n"


def _lines(path: Path) -> list[str]:
    """Lines of the list; names are kept as the bytes of a file's name, whatever their encoding."""
    data = read_bytes(path, MOST_BYTES, "a list of checksums").removeprefix(b"\xef\xbb\xbf")
    return os.fsdecode(data).replace("\r\n", "\n").split("\n")


def _entry(line: str, path: Path, number: int) -> tuple[str, str]:
    if match := _GNU.fullmatch(line):
        escaped, found, name = match[1], match[2], match[3]
    elif match := _BSD.fullmatch(line):
        escaped, name, found = match[1], match[2], match[3]
    else:
        raise InputError(f"{path}, line {number} is no checksum and name; a list is as `sha256sum` or `md5sum` "
                         "writes it, and may be damaged.")
    if escaped:
        name = re.sub(r"\\[\\nr]", lambda found: _ESCAPED[found[0]], name)
    elif "/" not in name:
        name = name.replace("\\", "/")
    return "/".join(part for part in name.split("/") if part not in ("", ".")), found.lower()
