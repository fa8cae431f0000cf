"""The eye of an index, loaded when it is first needed, and what it sees of pictures and tiles."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from georetrieval.errors import InputError, MismatchError
from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.asking import Asker, Queries
from georetrieval.recipe.models import BASELINES, weights_file
from georetrieval.recipe.word import Word
from georetrieval.samples.bands import SEMANTIC
from georetrieval.search.building import Part
from georetrieval.search.canaries import Canaries
from georetrieval.search.gallery import Gallery
from georetrieval.search.manifest import Manifest
from georetrieval.search.row_source import HeldRows, Store, called
from georetrieval.serve.replies import RefusedError

if TYPE_CHECKING:  # torch is loaded with the eye: a page of tiles is shown seconds sooner
    from georetrieval.nets.embedder import Embedder


@dataclass(frozen=True, eq=False)
class OneVersion:
    """An index whose rows are in memory: it stays the version that it is, whatever is published meanwhile."""

    store: Store
    rows: Part

    @property
    def path(self) -> Any:
        """Where it is, for people."""
        return self.store.path

    @property
    def name(self) -> str:
        """What people call it."""
        return called(self.store.path)

    @property
    def manifest(self) -> Manifest:
        """What there is to know about it."""
        return self.store.manifest

    def require(self, fingerprint: Mapping[str, Any]) -> None:
        """MismatchError unless the eye is the one that built the index."""
        self.store.require(fingerprint)

    def canaries(self) -> Canaries | None:
        """The pictures that are kept with it."""
        return self.store.canaries()

    def source(self) -> tuple[OneVersion, HeldRows]:
        """This version, and its rows."""
        return self, HeldRows(self.rows)

    def info(self) -> dict[str, Any]:
        """What there is to know, for people."""
        return self.store.info()

    def gallery(self) -> Gallery:
        """All rows behind an index."""
        return Gallery.of(self.rows[0], attributes=self.rows[1], fingerprint=self.manifest.fingerprint)


class Looker:
    """Looks at pictures and tiles with the eye of one version of an index; one at a time."""

    def __init__(self, version: OneVersion, model: str | None) -> None:
        self.version, self.model = version, model or version.manifest.model
        self._eye: Embedder | None = None
        self._lock = threading.Lock()

    @property
    def at_hand(self) -> bool:
        """Whether there is such a model here; whether it is the index's is only known when it is loaded."""
        if self.model in BASELINES or self.model.startswith("untrained:"):
            return True
        try:
            weights_file(self.model)
        except InputError:
            return False
        return True

    def tile(self, tileset: TileSet, name: str, date: str) -> Queries:
        """What the eye sees of a tile.

        Raises
        ------
        RefusedError
            409, when the model is not at hand.
        MismatchError
            When it is not the index's.
        """
        return self._asker(tileset, date, Word(name, "tile"))[0]

    def picture(self, path: Path) -> tuple[Queries, list[str]]:
        """What the eye sees of a picture, and how it was read; errors as of `tile`, and InputError for the picture."""
        return self._asker(None, None, Word(str(path), "file"))

    def _asker(self, tileset: TileSet | None, date: str | None, word: Word) -> tuple[Queries, list[str]]:
        if not self.at_hand:
            raise RefusedError(409, f"The model that made this index ({Path(self.model).name}) is not at hand here, so "
                                    "only tiles of the index can be asked; start the server with --model RUN.")
        from georetrieval.recipe.sight import takes_parts

        with self._lock:
            asker = Asker(self.version, model=self.model, tileset=tileset, date=date)
            if self._eye is None:
                self._eye = asker.eye  # held against the fingerprint and the canaries
            asker.eye = self._eye
            if word.kind == "file" and set(self._eye.bands) & set(SEMANTIC) and not takes_parts(self._eye):
                raise MismatchError("The model of this index sees a map besides the photo, and a picture that is "
                                    "dropped here brings none; use georetrieval search with --classes or --vectors.")
            return asker.ask([word]), asker.notes


def placed(asked: Queries, piece: int) -> bool:
    """Whether the place of a piece on the ground is known."""
    return bool(np.isfinite(asked.bounds[piece]).all())
