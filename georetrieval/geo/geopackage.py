"""A GeoPackage is a database that somebody else wrote: it may hold tables that stand for files and hosts elsewhere."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from urllib.parse import quote

from georetrieval.errors import InputError
from georetrieval.foreign import regular
from georetrieval.geo.traps import reading

SIGNATURE = b"SQLite format 3\x00"
_VIRTUAL = re.compile(r"using\s+[\"'`\[]?(\w+)", re.IGNORECASE)
_CREATES = re.compile(r"\s*create\s+virtual\b", re.IGNORECASE)  # SQLite itself refuses a comment before it
_INNOCENT = {"rtree", "fts3", "fts4", "fts5"}
_CALLS = re.compile(r"\b(?:ogr_\w+|gdal_\w+|load_extension|readfile|writefile|edit|fts3_tokenizer)"
                    r"\s*[\"'`\]]?\s*\(", re.IGNORECASE)
MOST_TABLES = 10_000


def check_geopackage(path: Path) -> None:
    """Look at the definitions of a GeoPackage before GDAL runs them.

    GDAL makes a virtual table ("VirtualOGR") or a view with its own functions follow any path or host that is written
    in the database; spatial and text indexes are the only virtual tables of a delivery.

    Raises
    ------
    InputError
        When it holds such a table, view or trigger, is damaged, or is being written by somebody else.
    """
    _check_journals(path)
    try:
        base = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        try:
            rows = base.execute("SELECT name, type, sql FROM sqlite_master LIMIT ?", (MOST_TABLES + 1,)).fetchall()
        finally:
            base.close()
    except (sqlite3.Error, ValueError, OverflowError, UnicodeError) as error:
        raise InputError(f"{path} cannot be read; it looks damaged: {error}.") from error
    if len(rows) > MOST_TABLES:
        raise InputError(f"{path} holds more than {MOST_TABLES} tables; it is not a delivery.")
    for name, kind, sql in rows:
        text = sql if isinstance(sql, str) else ""
        if _CREATES.match(text):
            found = [name.lower() for name in _VIRTUAL.findall(text)]
            if not found or not set(found) <= _INNOCENT:
                raise InputError(f"{path} is refused: its table {name!r} stands for something outside the file.")
        elif kind in ("view", "trigger") and _CALLS.search(text):
            raise InputError(f"{path} is refused: its {kind} {name!r} calls functions that can reach outside the file.")


def _check_journals(path: Path) -> None:
    """Refuse what a program has begun to write and not finished: SQLite would read the file as that journal says.

    An empty journal says nothing, and one that begins with a zero is done with. *Source*: SQLite, "File Locking And
    Concurrency", section 4, and "WAL-mode File Format", section 1.
    """
    for file in dict.fromkeys((path, path.resolve())):
        for kind in ("-journal", "-wal"):
            beside = Path(f"{file}{kind}")
            if beside.is_symlink() or beside.exists():
                regular(beside, "what lies beside a GeoPackage")
                with reading(beside), beside.open("rb") as journal:
                    begun = journal.read(1)
                if begun and (kind == "-wal" or begun != b"\0"):
                    raise InputError(f"{path} is open in another program, or was not closed ({beside.name} lies beside "
                                     "it): close it there, or open and close it once in QGIS, and try again.")
