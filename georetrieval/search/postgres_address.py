"""Addresses of indexes on a PostgreSQL server: postgresql://user@host:port/database?table=name."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from georetrieval.errors import UsageError

SCHEMES = ("postgresql://", "postgres://")
OPTIONS = ("table", "schema", "host", "sslmode", "ann")
SSL_MODES = ("disable", "prefer", "require", "verify-full")
PORT = 5432
SOCKETS = "/var/run/postgresql"
LONGEST_NAME = 63
"""Bytes of a name in PostgreSQL; longer ones would be cut in silence."""
SHAPE = "postgresql://USER@HOST/DATABASE?table=NAME"


def is_address(text: str) -> bool:
    """Whether a word names an index on a server, not a folder."""
    return text.strip().lower().startswith(SCHEMES)


@dataclass(frozen=True)
class Address:
    """One index on a server.

    Attributes
    ----------
    host : name, number, or folder of a Unix socket
    schema : "" is the first one of the user's search path
    ssl_mode : "disable", "prefer", "require", or "verify-full", as libpq knows them
    ann : answer by the approximate index of the table
    password : never shown; from the address, PGPASSWORD, or the password file
    """

    user: str
    host: str
    port: int
    database: str
    schema: str
    table: str
    ssl_mode: str
    ann: bool
    password: str | None = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Address:
        """The parts of an address.

        Raises
        ------
        UsageError
            When it is none, or names no table. The message does not repeat it: there may be a password in it.
        """
        if not is_address(text):
            raise UsageError(f"What the rows are to go to is no address of a table; write {SHAPE}.")
        split, port = _split(text)
        options = dict(parse_qsl(split.query, keep_blank_values=True))
        if unknown := sorted(set(options) - set(OPTIONS)):
            raise UsageError(f"The address of a table has no option {unknown[0][:40]!r}; it may have "
                             f"{', '.join(OPTIONS)}.")
        schema, table = _names(options)
        mode = options.get("sslmode", "prefer")
        if mode not in SSL_MODES or options.get("ann", "hnsw") != "hnsw":
            raise UsageError(f"In the address of a table, sslmode is one of {', '.join(SSL_MODES)}, and ann is hnsw.")
        user = unquote(split.username or "") or os.environ.get("PGUSER") or _who()
        host = options.get("host") or unquote(split.hostname or "") or os.environ.get("PGHOST") or SOCKETS
        database = unquote(split.path.lstrip("/")) or user
        given = None if split.password is None else unquote(split.password)
        if any("\0" in part for part in (user, host, database, schema, table, given or "")):
            raise UsageError("The address of a table holds a zero byte, which no name has.")
        password = given or os.environ.get("PGPASSWORD") or _from_file(host, port, database, user)
        return cls(user, host, port, database, schema, table, mode, "ann" in options, password)

    @property
    def server(self) -> str:
        """Host and port, or the socket, for people."""
        return self.socket or f"{self.host}:{self.port}"

    @property
    def socket(self) -> str:
        """The file of the Unix socket; "" for a server on the network."""
        return f"{self.host}/.s.PGSQL.{self.port}" if self.host.startswith("/") else ""

    @property
    def name(self) -> str:
        """The table as people write it."""
        return f"{self.schema}.{self.table}" if self.schema else self.table

    def __str__(self) -> str:
        """The address without a password."""
        local = self.host.startswith("/")
        where = f"{quote(self.user)}@{'' if local else self.host}{'' if self.port == PORT else f':{self.port}'}"
        options = ([f"host={quote(self.host)}"] if local and self.host != SOCKETS else []) + [
            f"table={quote(self.name)}"] + (["ann=hnsw"] if self.ann else [])
        return f"postgresql://{where}/{quote(self.database)}?{'&'.join(options)}"


def _split(text: str) -> tuple[SplitResult, int]:
    try:
        split = urlsplit(text.strip())
        return split, split.port or int(os.environ.get("PGPORT") or PORT)
    except ValueError:
        raise UsageError(f"The address of the table cannot be read; write {SHAPE}, with %-signs for the letters "
                         "@ : / ? # in a name or password.") from None


def _names(options: dict[str, str]) -> tuple[str, str]:
    """Schema and table; "a.b" is the table b of the schema a unless a schema is named."""
    schema, table = options.get("schema", ""), options.get("table", "")
    if not schema and table.count(".") == 1:
        schema, table = table.split(".")
    if not table:
        raise UsageError(f"Which table of the server is meant? Write {SHAPE}.")
    for name in (schema, table):
        if len(name.encode("utf-8", "replace")) > LONGEST_NAME:
            raise UsageError(f"The name {name[:20]!r}... is longer than {LONGEST_NAME} bytes, which PostgreSQL would "
                             "cut; take a shorter one.")
    return schema, table


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise UsageError("As whom? This account has no name; write postgresql://USER@HOST/... or set PGUSER.") from None


def _from_file(host: str, port: int, database: str, user: str) -> str | None:
    """The password that ~/.pgpass (or PGPASSFILE) has for this connection; a file that others may read counts not."""
    path = Path(os.environ.get("PGPASSFILE") or Path.home() / ".pgpass")
    try:
        if not path.is_file() or path.stat().st_mode & 0o077:
            return None
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    wanted = ("localhost" if host == SOCKETS else host, str(port), database, user)
    for fields in _fields(lines):
        if all(told in ("*", value) for told, value in zip(fields, wanted, strict=False)):
            return fields[4]
    return None


def _fields(lines: list[str]) -> Iterator[list[str]]:
    """Lines of five fields, colons and backslashes escaped by a backslash."""
    for line in lines:
        parts = re.findall(r"((?:\\.|[^:\\])*)(?::|$)", line)[:5]
        if not line.startswith("#") and len(parts) == 5:
            yield [re.sub(r"\\(.)", r"\1", part) for part in parts]
