"""Tiles of a small frame of greys."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.made.greys import tiles_of_greys


@pytest.fixture
def frame(tmp_path: Path):
    """A function from {date: eight greys} to tiles of one place."""
    return partial(tiles_of_greys, tmp_path)
