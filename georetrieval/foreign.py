"""Opening what others made: regular local files only, and no more bytes of them than expected.

A link to a file is that file; a device, a pipe or a socket is refused without waiting for it. Below a folder of sheets
or layers, which is copied as a whole from elsewhere, a link may only lead to a file of the same folder (`kept_inside`);
lists and folders of pictures, which a person puts together, may lead to pictures anywhere.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

from georetrieval.errors import InputError


def regular(path: Path, what: str = "a file") -> int:
    """Size in bytes of a regular file.

    Raises
    ------
    InputError
        When it does not exist, or is a folder, device, pipe or socket.
    """
    try:
        found = Path(path).stat()
    except (OSError, ValueError) as error:
        gone = isinstance(error, (FileNotFoundError, NotADirectoryError))
        why = "does not exist" if gone else f"cannot be read ({getattr(error, 'strerror', None) or error})"
        raise InputError(f"{path} {why}; {what} was asked for.") from error
    if stat.S_ISREG(found.st_mode):
        return found.st_size
    kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a device, pipe or socket"
    raise InputError(f"{path} is not a file but {kind}; {what} was asked for.")


def read_bytes(path: Path, most: int, what: str = "a file") -> bytes:
    """All bytes of a regular file of at most `most` bytes.

    Raises
    ------
    InputError
        When it is no such file, larger, or cannot be read.
    """
    size = regular(path, what)
    try:
        with Path(path).open("rb") as file:
            data = file.read(most + 1) if size <= most else b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error
    if size > most or len(data) > most:
        said = f"{most >> 20} MiB" if most >= 1 << 20 else f"{most} bytes"
        raise InputError(f"{path} is larger than {said}, which {what} is not.")
    return data


def read_json(path: Path, most: int, what: str = "a JSON file") -> Any:
    """The value of a JSON file (UTF-8, with or without a mark).

    Raises
    ------
    InputError
        As `read_bytes`, and when it is no JSON or nested too deeply.
    """
    data = read_bytes(path, most, what)
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON; it is damaged, or not {what}.") from error


def kept_inside(path: Path, folder: Path) -> bool:
    """Whether what is found at `path` below `folder` lies there and not behind a link that leads out, or nowhere."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a ring
        return False
