"""How many windows a tile has whose neighbours overlap."""

from __future__ import annotations

from math import ceil

from georetrieval.errors import UsageError

MOST_STEPS = 16
"""Windows per tile and direction at most: 256 rows of an index for each tile."""


def steps_of(overlap: float) -> int:
    """Windows per tile and direction so that neighbours share at least `overlap` of their side.

    Raises
    ------
    UsageError
        When that is below 0, or more than `MOST_STEPS`.
    """
    steps = ceil(1 / (1 - overlap) - 1e-9) if 0 <= overlap < 1 else 0
    if not 1 <= steps <= MOST_STEPS:
        raise UsageError(f"An overlap is 0 to {1 - 1 / MOST_STEPS}, the share of the side that neighbouring windows "
                         f"have in common; found {overlap:g}.")
    return steps
