"""A sample: named bands of pixels with the identity that a match is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError, UsageError
from georetrieval.samples.poses import Poses

Pixels: TypeAlias = npt.NDArray[np.float32]
Rows: TypeAlias = Sequence[int] | npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """One picture.

    Attributes
    ----------
    pixels
        `(C, H, W)` float32, 0..1.
    bands
        The names of the `C` bands.
    key
        The identity a match is judged by (a cell of the grid, an individual).
    name
        What tells this picture from every other one.
    scope
        Whom a query may meet (a département); "" is one scope for all.
    """

    pixels: Pixels
    bands: tuple[str, ...]
    key: str
    name: str
    scope: str = ""


class SampleSet(Protocol):
    """Many samples of the same bands and size. Keys, names and scopes are known without reading a pixel."""

    @property
    def bands(self) -> tuple[str, ...]: ...

    @property
    def keys(self) -> list[str]: ...

    @property
    def names(self) -> list[str]: ...

    @property
    def scopes(self) -> list[str]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, row: int) -> Sample: ...

    def batch(self, rows: Rows) -> Pixels:
        """Pixels `(len(rows), C, H, W)` float32, 0..1, of these rows, in this order."""
        ...


@runtime_checkable
class PosedSet(Protocol):
    """A set whose samples lie on continuous ground, so that its windows can be moved, turned and scaled."""

    def posed(self, rows: Rows, poses: Poses) -> Pixels:
        """What `batch` gives, each row in its own pose."""
        ...


def posed(samples: SampleSet, rows: Rows, poses: Poses) -> Pixels:
    """`(len(rows), C, H, W)` float32, 0..1: windows of the ground around the samples, one pose per row.

    Raises
    ------
    UsageError
        When there is no ground around the samples (single pictures).
    """
    if not isinstance(samples, PosedSet):
        raise UsageError(f"{type(samples).__name__} has no ground around its pictures to move, turn or scale them on; "
                         "use tiles, or leave learn.augment.ground out.")
    return samples.posed(rows, poses)


class Subset:
    """Some rows of a set, in a given order; nothing is copied."""

    def __init__(self, samples: SampleSet, rows: Rows) -> None:
        self._samples = samples
        self._rows = np.asarray(rows, dtype=np.int64)
        self.bands = samples.bands
        self.keys = [samples.keys[row] for row in self._rows]
        self.names = [samples.names[row] for row in self._rows]
        self.scopes = [samples.scopes[row] for row in self._rows]

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, row: int) -> Sample:
        return self._samples[int(self._rows[row])]

    def batch(self, rows: Rows) -> Pixels:
        return self._samples.batch(self._rows[np.asarray(rows, dtype=np.int64)])

    def posed(self, rows: Rows, poses: Poses) -> Pixels:
        return posed(self._samples, self._rows[np.asarray(rows, dtype=np.int64)], poses)


def aligned(queries: SampleSet, gallery: SampleSet) -> tuple[Subset, Subset]:
    """The rows of both sets whose keys are in both, in the order of `queries`: row i of one is row i of the other.

    Two sets whose keys are the same lists are taken row by row; only then may a key come more than once (one place
    at several pairs of dates).

    Raises
    ------
    InputError
        When no key is in both, or a key comes twice on one side.
    """
    if queries.keys == gallery.keys and len(queries) > 0:
        return Subset(queries, range(len(queries))), Subset(gallery, range(len(gallery)))
    place = _places(gallery)
    _places(queries)
    rows = [row for row, key in enumerate(queries.keys) if key in place]
    if not rows:
        raise InputError(
            f"None of the {len(queries)} queries has a counterpart among the {len(gallery)} gallery samples; "
            "give two sets that show the same places."
        )
    return Subset(queries, rows), Subset(gallery, [place[queries.keys[row]] for row in rows])


def _places(samples: SampleSet) -> dict[str, int]:
    place = {key: row for row, key in enumerate(samples.keys)}
    if len(place) != len(samples):
        repeated = len(samples) - len(place)
        raise InputError(f"{repeated} of {len(samples)} samples repeat a key; give one sample per place and side.")
    return place
