"""Sizes of the reliability campaigns: small in every run of the tests, large when GEORETRIEVAL_CAMPAIGN=nightly."""

from __future__ import annotations

import os
import sys

WHICH = os.environ.get("GEORETRIEVAL_CAMPAIGN", "")
SEED = int(os.environ.get("GEORETRIEVAL_SEED", "20260"))


def size(small: int, nightly: int) -> int:
    """How many cases a campaign has; with GEORETRIEVAL_CAMPAIGN=tenth a tenth of them, for a busy machine."""
    return {"nightly": nightly, "tenth": max(1, small // 10)}.get(WHICH, small)


def told(name: str, **figures: object) -> None:
    """Print what a campaign did (`pytest -rP` or `-s` shows it)."""
    sys.stdout.write(f"{name}: seed {SEED}, {', '.join(f'{what} {value}' for what, value in figures.items())}\n")
