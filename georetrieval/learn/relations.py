"""Who belongs to whom in a batch: what objectives read and miners write.

Rows are those of the data; `in_batch` gives the same relations among the rows of the batch that was read for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError

RowArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of rows with a verdict.

    Attributes
    ----------
    first, second
        `(n,)` int64 rows.
    positive
        `(n,)` bool: both show the same place.
    places
        `(n,)` int64: number of the place that the first member shows; the same place may come in several pairs.
    """

    first: RowArray
    second: RowArray
    positive: npt.NDArray[np.bool_]
    places: RowArray

    def __post_init__(self) -> None:
        shapes = {self.first.shape, self.second.shape, self.positive.shape, self.places.shape}
        if len(shapes) != 1 or self.first.ndim != 1:
            raise UsageError(f"Pairs need four lists of one length, found {', '.join(map(str, sorted(shapes)))}.")

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(
        cls, first: RowArray | list[int], second: RowArray | list[int], positive: bool, places: RowArray | None = None
    ) -> Pairs:
        """Pairs that are all positive, or all negative; each its own place when `places` is None."""
        rows = np.asarray(first, dtype=np.int64)
        places = np.arange(len(rows), dtype=np.int64) if places is None else places
        return cls(rows, np.asarray(second, dtype=np.int64), np.full(len(rows), positive), places)

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.positive, other.positive]),
            np.concatenate([self.places, other.places]),
        )

    def in_batch(self) -> Pairs:
        """The same pairs as rows of a batch that holds all first members, then all second members."""
        count = np.arange(len(self), dtype=np.int64)
        return Pairs(count, count + len(self), self.positive, self.places)


@dataclass(frozen=True, eq=False)
class Among:
    """Pairs among a few rows, each of which is read once however many pairs it is in.

    Attributes
    ----------
    rows
        `(m,)` int64 rows.
    pairs
        Positions in `rows`.
    """

    rows: RowArray
    pairs: Pairs

    def in_batch(self) -> Pairs:
        """The pairs as rows of a batch that holds `rows` in their order."""
        return self.pairs


@dataclass(frozen=True, eq=False)
class Labels:
    """Rows with a label each; those of one label belong together, all others do not.

    Attributes
    ----------
    rows, labels
        `(n,)` int64.
    """

    rows: RowArray
    labels: RowArray

    def __post_init__(self) -> None:
        if self.rows.shape != self.labels.shape or self.rows.ndim != 1:
            raise UsageError(f"Labels need two lists of one length, found {self.rows.shape} and {self.labels.shape}.")

    def __len__(self) -> int:
        return len(self.rows)

    def in_batch(self) -> Labels:
        """The same labels as rows of a batch that holds `rows` in their order."""
        return Labels(np.arange(len(self), dtype=np.int64), self.labels)


@dataclass(frozen=True, eq=False)
class Located:
    """Rows with a region each.

    Attributes
    ----------
    rows
        `(n,)` int64.
    numbers
        `(n, 6)` float32, see `nets.axis.numbers_of`.
    """

    rows: RowArray
    numbers: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)

    def in_batch(self) -> Located:
        """The same regions as rows of a batch that holds `rows` in their order."""
        return Located(np.arange(len(self), dtype=np.int64), self.numbers)


Relations = Pairs | Among | Labels | Located
"""What a batch is drawn as."""
