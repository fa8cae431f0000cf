"""Sets one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.joined import Joined


def greys(*values: int) -> ArraySamples:
    pixels = np.array(values, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return ArraySamples(pixels, ("grey",), keys=[f"k{v}" for v in values], scopes=[f"s{v}" for v in values])


def test_rows_run_on_from_one_set_to_the_next() -> None:
    joined = Joined([greys(1, 2), greys(3), greys(4, 5)])
    assert len(joined) == 5
    assert joined.keys == ["k1", "k2", "k3", "k4", "k5"]
    assert (joined.batch([4, 0, 2, 1]).ravel() * 255).round().tolist() == [5, 1, 3, 2]
    assert joined[3].scope == "s4"
    assert joined.batch([]).shape == (0, 1, 1, 1)


def test_bands_must_agree() -> None:
    coloured = ArraySamples(np.zeros((1, 3, 1, 1), dtype=np.uint8), ("r", "g", "b"), keys=["a"])
    with pytest.raises(UsageError, match="bands"):
        Joined([greys(1), coloured])
    with pytest.raises(UsageError, match="at least one"):
        Joined([])


def test_with_scopes_the_same_place_meets_itself_only_within_one_set() -> None:
    joined = Joined([greys(1, 2), greys(1)], ["1961-64", "1961-76"])
    assert joined.scopes == ["1961-64", "1961-64", "1961-76"]
    assert joined.keys == ["1961-64 k1", "1961-64 k2", "1961-76 k1"]
    samples = [joined[row] for row in range(3)]
    assert ([s.key for s in samples], [s.scope for s in samples]) == (joined.keys, joined.scopes)
    assert joined.names == greys(1, 2).names + greys(1).names
    with pytest.raises(ValueError):
        Joined([greys(1), greys(2)], ["only one"])
