"""In what order tests run; and property tests draw the same examples in CI every time, new ones elsewhere."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.made.server import postgis_server, server

__all__ = ["postgis_server", "server"]

settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

FIRST = ("reliability", "pipelines", "recipe", "search")
"""Folders that fork children, the quicker the less this process has loaded yet; and those of long tests, so that no
worker is left with one of them when the other is done (`make test`)."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders of `FIRST` first, all else as it stands."""
    folders = [item.path.parent.name for item in items]
    order = [FIRST.index(folder) if folder in FIRST else len(FIRST) for folder in folders]
    items[:] = [items[place] for place in sorted(range(len(items)), key=order.__getitem__)]
