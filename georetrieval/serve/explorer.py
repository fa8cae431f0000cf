"""What a server holds: the version of the index that is shown, the pictures that were dropped, the page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from georetrieval.errors import GeoretrievalError
from georetrieval.geo.tileset import TileSet
from georetrieval.search.postgres_address import Address
from georetrieval.serve.evaluations import Layer
from georetrieval.serve.page import page_files
from georetrieval.serve.replies import RefusedError
from georetrieval.serve.settings import Settings
from georetrieval.serve.shown import Shown
from georetrieval.serve.sources import source_of
from georetrieval.serve.uploads import Uploads


class Explorer:
    """An index, its tile sets and an evaluation of it, ready to be shown.

    Parameters
    ----------
    where : folder of the index, or its table on a server
    model : instead of the one that the index names
    evaluation : what `evaluations.read_answers` takes; read when it is first asked for

    Raises
    ------
    InputError, StoreError, MismatchError
        When the index, the tiles or the evaluation are not there, or index and tiles are damaged or do not belong
        together.
    """

    def __init__(
        self, where: Path | Address, settings: Settings, *, tiles: Sequence[Path] = (), model: str | None = None,
        evaluation: Path | None = None,
    ) -> None:
        self.source, self.settings, self.model = source_of(where), settings, model
        self.tilesets = tuple(TileSet.open(folder) for folder in tiles)
        self.layer = None if evaluation is None else Layer(evaluation)
        self.uploads = Uploads(settings)
        self.page = page_files()
        self._shown = self._load()
        self._lock = threading.Lock()

    def held(self, version: str | None) -> Shown:
        """The version in memory, when it is the current one and the one that the page knows.

        Raises
        ------
        RefusedError
            409, when it is not: rows have other numbers now.
        """
        shown = self._shown
        if self._named(self.source.current) != shown.name or version not in (None, shown.tag):
            raise RefusedError(409, "The index was changed since this page was loaded; load it again.", reload=True)
        return shown

    def fresh(self) -> Shown:
        """The current version, loaded when it is another one than the one in memory."""
        with self._lock:
            if self._named(self.source.newest) != self._shown.name:
                self._shown = self._load()
            return self._shown

    def about(self, shown: Shown) -> dict[str, Any]:
        """What the page is told first; of an evaluation its name alone."""
        return shown.about(self.settings) | {"evaluation": None if self.layer is None else {"name": self.layer.name}}

    def checked(self) -> dict[str, Any]:
        """`about`, all read: the evaluation with its figures, and how many files the page has.

        Raises
        ------
        InputError, MismatchError
            When the evaluation is damaged, or of other tiles.
        """
        shown = self.fresh()
        figures = {} if self.layer is None else {"evaluation": self.layer.on(shown.tiles, shown.name)["summary"]}
        return self.about(shown) | figures | {"page": len(self.page)}

    def _named(self, asked: Callable[[], str]) -> str:
        """The current version's name; that of the one in memory where there is none to be read any more."""
        try:
            return asked() or self._shown.name
        except GeoretrievalError:
            return self._shown.name

    def _load(self) -> Shown:
        return Shown.of(self.source.load(), self.tilesets, model=self.model)
