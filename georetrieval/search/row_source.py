"""Where the rows of an index come from when a question is asked: a folder that is read whole, or a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from georetrieval.search.building import Part
from georetrieval.search.canaries import Canaries
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import EVERYTHING, Filter, Gallery
from georetrieval.search.manifest import Manifest

Rectangles = npt.NDArray[np.float64]


class RowSource(Protocol):
    """Rows of one version of an index, in its order: as many as a question needs, or more.

    What is brought is enough for the answer of the whole index: who searches it again by `Gallery` gets the same rows,
    order and scores.
    """

    def whole(self) -> Part:
        """All rows."""
        ...

    def nearest(self, views: Sequence[Descriptors], k: int, where: Filter = EVERYTHING) -> Part:
        """Rows among which are the k nearest of each query that may answer, and all that have a query's key."""
        ...

    def named(self, names: Sequence[str]) -> Part:
        """Rows among which are those of these names."""
        ...

    def touching(self, boxes: Rectangles) -> Part:
        """Rows among which are all that share a point with one of (m, 4) rectangles: xmin, ymin, xmax, ymax."""
        ...

    def extent(self) -> tuple[float, float, float, float]:
        """xmin, ymin of the corners of all rows and xmax, ymax; NaN where rows have no place."""
        ...


class Store(Protocol):
    """One version of an index that can be asked."""

    @property
    def path(self) -> Any:
        """Where it is, for people."""
        ...

    @property
    def manifest(self) -> Manifest:
        """What there is to know about it."""
        ...

    def require(self, fingerprint: Mapping[str, Any]) -> None:
        """MismatchError unless the eye is the one that built the index."""
        ...

    def canaries(self) -> Canaries | None:
        """The pictures that are kept with it; StoreError when they are damaged."""
        ...

    def source(self) -> tuple[Store, RowSource]:
        """The version that is current, and its rows."""
        ...

    def info(self) -> dict[str, Any]:
        """What there is to know, for people."""
        ...

    def gallery(self) -> Gallery:
        """All rows behind an index."""
        ...


def called(path: Path | str) -> str:
    """What people call an index, from where it is: the last part of its path, also of "." and of an address."""
    plain = Path(path)
    return plain.name if plain.name not in ("", "..") else plain.resolve().name


@dataclass(frozen=True, eq=False)
class HeldRows:
    """All rows in memory: whatever is asked for, all are there."""

    rows: Part

    def whole(self) -> Part:
        """All rows."""
        return self.rows

    def nearest(self, views: Sequence[Descriptors], k: int, where: Filter = EVERYTHING) -> Part:  # noqa: ARG002
        """All rows."""
        return self.rows

    def named(self, names: Sequence[str]) -> Part:  # noqa: ARG002
        """All rows."""
        return self.rows

    def touching(self, boxes: Rectangles) -> Part:  # noqa: ARG002
        """All rows."""
        return self.rows

    def extent(self) -> tuple[float, float, float, float]:
        """Corners of all rows."""
        table = self.rows[1]
        low = [float(np.min(table.column(name).to_numpy())) for name in ("xmin", "ymin")]
        high = [float(np.max(table.column(name).to_numpy())) for name in ("xmax", "ymax")]
        return low[0], low[1], high[0], high[1]
