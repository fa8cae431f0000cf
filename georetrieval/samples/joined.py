"""Several sample sets, one after the other, as one: every pair of dates of the same places in one training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.samples.poses import Poses
from georetrieval.samples.sample import Pixels, Rows, Sample, SampleSet, posed


class Joined:
    """Sets with the same bands, in the order given; nothing is copied.

    Parameters
    ----------
    sets
        At least one.
    scopes
        One per set: it becomes the scope of all its samples and is put before their keys, so that the same place may
        be in several sets and meets itself only within one.

    Raises
    ------
    UsageError
        When there is no set, or their bands differ.
    """

    def __init__(self, sets: Sequence[SampleSet], scopes: Sequence[str] | None = None) -> None:
        if len({s.bands for s in sets}) != 1:
            raise UsageError("Only sample sets with the same bands, at least one, can be joined.")
        self._sets = list(sets)
        self._ends = np.cumsum([len(s) for s in sets])
        self.bands = sets[0].bands
        self.keys = [key for s in sets for key in s.keys]
        self.names = [name for s in sets for name in s.names]
        self.scopes = [scope for s in sets for scope in s.scopes]
        if scopes is not None:
            self.scopes = [scope for s, scope in zip(sets, scopes, strict=True) for _ in range(len(s))]
            self.keys = [f"{scope} {key}" for scope, key in zip(self.scopes, self.keys, strict=True)]

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, row: int) -> Sample:
        number, inside = self._place(np.asarray([row]))
        sample = self._sets[int(number[0])][int(inside[0])]
        return replace(sample, key=self.keys[row], scope=self.scopes[row])

    def batch(self, rows: Rows) -> Pixels:
        numbers, inside = self._place(np.asarray(rows, dtype=np.int64))
        return self._put({int(n): self._sets[int(n)].batch(inside[numbers == n]) for n in np.unique(numbers)}, numbers)

    def posed(self, rows: Rows, poses: Poses) -> Pixels:
        numbers, inside = self._place(np.asarray(rows, dtype=np.int64))
        mine = {int(n): numbers == n for n in np.unique(numbers)}
        return self._put({n: posed(self._sets[n], inside[own], poses.take(own)) for n, own in mine.items()}, numbers)

    def _put(self, parts: dict[int, Pixels], numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Pixels:
        """The pixels of each set at the rows that are its own."""
        first = next(iter(parts.values())) if parts else self._sets[0].batch([])
        out = np.empty((len(numbers), *first.shape[1:]), dtype=np.float32)
        for number, pixels in parts.items():
            out[numbers == number] = pixels
        return out

    def _place(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[
        np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.int64]]
    ]:
        numbers = np.searchsorted(self._ends, rows, side="right")
        return numbers, rows - np.concatenate([[0], self._ends])[numbers]
