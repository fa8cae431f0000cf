"""Who belongs to whom in a batch: what objectives read and miners write."""

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
    """

    first: RowArray
    second: RowArray
    positive: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not self.first.shape == self.second.shape == self.positive.shape or self.first.ndim != 1:
            raise UsageError(
                f"Pairs need three lists of one length, found {self.first.shape}, {self.second.shape}, "
                f"{self.positive.shape}."
            )

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, first: RowArray | list[int], second: RowArray | list[int], positive: bool) -> Pairs:
        """Pairs that are all positive, or all negative."""
        rows = np.asarray(first, dtype=np.int64)
        return cls(rows, np.asarray(second, dtype=np.int64), np.full(len(rows), positive))

    def __add__(self, other: Pairs) -> Pairs:
        return Pairs(
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.positive, other.positive]),
        )

    def in_batch(self) -> Pairs:
        """The same pairs as rows of a batch that holds all first members, then all second members."""
        count = np.arange(len(self), dtype=np.int64)
        return Pairs(count, count + len(self), self.positive)
