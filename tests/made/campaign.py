"""Sizes of the reliability campaigns: small in every run of the tests, those of CI, and those of the night.

GEORETRIEVAL_CAMPAIGN says which: nothing, `ci` (make campaigns) or `nightly` (make nightly); `tenth` is for a busy
machine. GEORETRIEVAL_SEED draws other cases.
"""

from __future__ import annotations

import os
import sys

WHICH = os.environ.get("GEORETRIEVAL_CAMPAIGN", "")
SEED = int(os.environ.get("GEORETRIEVAL_SEED", "20260"))


def size(small: int, nightly: int, *, ci: int | None = None) -> int:
    """How many cases a campaign has; without sizes for CI the small ones are large enough for it."""
    return {"ci": small if ci is None else ci, "nightly": nightly, "tenth": max(1, small // 10)}.get(WHICH, small)


def told(name: str, **figures: object) -> None:
    """Print what a campaign did (`pytest -rP` or `-s` shows it)."""
    sys.stdout.write(f"{name}: seed {SEED}, {', '.join(f'{what} {value}' for what, value in figures.items())}\n")
