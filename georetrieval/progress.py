"""How long-running work speaks: one callable, so that no lower floor knows a terminal."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called after each unit of work; `total` 0 means that the end is not known."""

    def __call__(self, done: int, total: int, what: str) -> None: ...


def silent(done: int, total: int, what: str) -> None:
    """Say nothing: the default everywhere."""
