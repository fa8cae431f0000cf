"""A conversation with a PostgreSQL server: statements with parameters, and errors as sentences without a password."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from georetrieval.errors import BusyError, GeoretrievalError, InputError, MissingExtraError
from georetrieval.search.postgres_address import Address

CONNECT_S = 10
LATER = {"53": "has no room or no connection left", "57": "stopped the work", "40": "could not finish beside another",
         "55P03": "is waiting for other programs that use the table", "25P03": "ended the idle conversation"}
"""First letters of an SQLSTATE for which trying again later can help."""
WRONG_DOOR = {"28P01": "wrong user or password", "28000": "wrong user or password, or the server does not allow it",
              "3D000": "there is no such database"}


class Session:
    """One connection; `run` runs a statement. Close it, or use it in a `with`.

    Raises
    ------
    MissingExtraError
        When the driver is not installed.
    InputError
        When the server cannot be reached or does not let the user in.
    """

    def __init__(self, address: Address) -> None:
        native = driver()
        self.address = address
        with self._sentences():
            door = _connected(address)
            self._connection = native.Connection(
                address.user, host=None if address.socket else address.host, database=address.database,
                password=address.password or "", sock=door, ssl_context=_tls(address),
                application_name="georetrieval")
            self._connection._usock.settimeout(None)  # a statement may take as long as it takes; keep-alive watches
        self.run("SET extra_float_digits = 3")  # numbers come as exactly as they are stored
        self.run("SET bytea_output = 'hex'")
        self.run("SET jit = off")

    def run(self, sql: str, stream: Iterable[bytes] | None = None, **parameters: Any) -> list[Sequence[Any]]:
        """The rows that a statement gives; `:name` stands for a parameter, `stream` feeds a COPY."""
        with self._sentences():
            return self._connection.run(sql, stream=stream, **parameters) or []

    def close(self) -> None:
        """End the conversation; an open transaction is undone."""
        with suppress(driver().InterfaceError, OSError):  # it may have ended already
            self._connection.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements within take effect together at the end, or none does."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            self.close()  # even in the middle of a statement; the server undoes what was not committed
            raise
        self.run("COMMIT")

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Errors of the driver as ours; nothing of it is kept that could hold a password."""
        native = driver()
        try:
            yield
        except (native.Error, OSError, struct.error, AttributeError) as error:
            if isinstance(error, AttributeError) and not self._hung_up():
                self.close()  # in the middle of a statement: the next one would get its answer
                raise  # a mistake of ours, or of the driver
            said: BaseException | None = error
            while said is not None and not isinstance(said, native.DatabaseError):
                said = said.__context__  # that the server then hung up is not what went wrong
            if said is not None:
                told = said.args[0] if said.args and isinstance(said.args[0], dict) else {}
                raise self._error(str(told.get("C", "")), str(told.get("M", ""))) from None
            what = str(error).splitlines()[0] if str(error) else type(error).__name__
            if not hasattr(self, "_connection"):
                raise InputError(f"The PostgreSQL server at {self.address.server} cannot be spoken to "
                                 f"({self._clean(what)}); look at host, port and sslmode.") from None
            raise BusyError(f"The connection to the PostgreSQL server at {self.address.server} was lost; what was "
                            "not finished is undone: try again.") from None

    def _error(self, state: str, message: str) -> GeoretrievalError:
        where, told = self.address.server, self._clean(message)
        if state in WRONG_DOOR:
            bare = "" if self.address.password else " (none was given: set PGPASSWORD or write ~/.pgpass)"
            return InputError(f"The PostgreSQL server at {where} does not let {self.address.user!r} into the database "
                              f"{self.address.database!r}: {WRONG_DOOR[state]}{bare if state[:2] == '28' else ''}.")
        if state == "42501":
            return InputError(f"The user {self.address.user!r} may not do this in {self.address}: {told}.")
        if state == "42P01":
            return InputError(f"There is no index in {self.address}; write one with: georetrieval index export INDEX "
                              "--to ADDRESS.")
        if state == "3F000":
            return InputError(f"There is no schema {self.address.schema!r} in the database {self.address.database!r} "
                              f"at {where}; its owner makes one with: CREATE SCHEMA.")
        if later := next((words for start, words in LATER.items() if state.startswith(start)), None):
            return BusyError(f"The PostgreSQL server at {where} {later} ({told}); try again later.")
        return InputError(f"The PostgreSQL server at {where} did not do what was asked of {self.address}: {told} "
                          f"({state or 'no code'}).")

    def _hung_up(self) -> bool:
        """Whether the driver has no connection (any more): it then stumbles over what is None."""
        return getattr(getattr(self, "_connection", None), "_usock", None) is None

    def _clean(self, text: str) -> str:
        secret = self.address.password
        return "the server's words hold the password" if secret and secret in text else text.rstrip(".")


def driver() -> Any:
    """The module that speaks PostgreSQL's protocol, or `MissingExtraError`."""
    try:
        import pg8000.native
    except ImportError as error:
        raise MissingExtraError("Indexes on a PostgreSQL server need an optional part; install it with "
                                "pip install 'georetrieval[postgres]'.") from error
    return pg8000.native


def quoted(*names: str) -> str:
    """Names as an identifier of SQL, "" left out: always in quotes, quotes doubled."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name)


def as_json(values: Iterable[Any]) -> str:
    """A list as one parameter; texts that no row of a server can have are left out."""
    return json.dumps([value for value in values if not isinstance(value, str) or is_text(value)])


def is_text(text: str) -> bool:
    """Whether a server can hold a text: no zero byte, and none of a file name's bytes that are no letters."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _connected(address: Address) -> socket.socket:
    try:
        if address.socket:
            found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            found.settimeout(CONNECT_S)
            try:
                found.connect(address.socket)
            except OSError:
                found.close()
                raise
        else:
            found = socket.create_connection((address.host, address.port), CONNECT_S)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except (OSError, UnicodeError) as error:
        told = getattr(error, "strerror", None) or str(error) or "no answer"
        raise InputError(f"There is no PostgreSQL server at {address.server} ({told}); look at host and port, and "
                         "whether it runs.") from None
    return found


def _tls(address: Address) -> Any:
    """What pg8000 takes: False is none, None is TLS if the server has it, a context is TLS or nothing."""
    if address.socket or address.ssl_mode == "disable":
        return False
    if address.ssl_mode == "prefer":
        return None
    context = ssl.create_default_context()
    if address.ssl_mode == "require":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
