"""Where the index that is shown comes from: a folder or a table on a server. It is read whole, version by version."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from georetrieval.errors import GeoretrievalError
from georetrieval.search import manifest
from georetrieval.search.building import Part
from georetrieval.search.index import Index
from georetrieval.search.kept_ann import kept_index
from georetrieval.search.postgres_address import Address
from georetrieval.search.row_source import Store
from georetrieval.search.store import IndexStore

CHECK_S = 5.0
"""A server is asked at most so often whether it has another version."""


@dataclass(frozen=True, eq=False)
class Loaded:
    """One version of an index, its rows in memory.

    Attributes
    ----------
    name : of the version, 25 characters of which tell it from any other
    index : that answers over the rows; "exact", or one that was kept with them
    """

    store: Store
    name: str
    rows: Part
    index: Index | str = "exact"


class Source(Protocol):
    """Gives the current version of an index."""

    def load(self) -> Loaded:
        """Read it; InputError when there is none, StoreError when it is damaged."""
        ...

    def current(self) -> str:
        """Its name, at once; errors as of `load`."""
        ...

    def newest(self) -> str:
        """Its name, found out now however long that takes; errors as of `load`."""
        ...


class Folder:
    """An index in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Loaded:
        """The current version, with the index that was kept beside it."""
        store, rows = IndexStore.open(self.path).load_current()
        index, _ = kept_index(store.path, store.manifest, rows[0])
        return Loaded(store, store.name, rows, index)

    def current(self) -> str:
        """What CURRENT names."""
        return manifest.current_name(self.path)

    newest = current


class Table:
    """An index on a PostgreSQL server: its rows are brought once for each version, and the conversation is ended."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._known, self._checked = "", time.monotonic()
        self._asking = threading.Lock()

    def load(self) -> Loaded:
        """The version that is there now, all its rows held against their digest."""
        from georetrieval.search.postgres import PostgresStore

        store = PostgresStore.open(self.address)
        try:
            rows = store.source()[1].whole()
        finally:
            store.close()
        self._known, self._checked = store.name, time.monotonic()
        return Loaded(store, store.name, rows)

    def current(self) -> str:
        """What the server said last; it is asked again beside, so that nobody waits for it."""
        if time.monotonic() - self._checked > CHECK_S and self._asking.acquire(blocking=False):
            threading.Thread(target=self._ask, daemon=True).start()
        return self._known

    def newest(self) -> str:
        """What the server says."""
        from georetrieval.search.postgres import current_name

        self._known, self._checked = current_name(self.address), time.monotonic()
        return self._known

    def _ask(self) -> None:
        try:
            with suppress(GeoretrievalError):  # away for a while: what is in memory is whole, and goes on being shown
                self.newest()
        finally:
            self._checked = time.monotonic()
            self._asking.release()


def source_of(where: Path | Address) -> Source:
    """The source of an index that lies there."""
    return Table(where) if isinstance(where, Address) else Folder(where)
