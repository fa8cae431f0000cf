"""Killed (as by kill -9) before the n-th operation on files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.made.forked import KILLED, forked

OPERATIONS = ((os, "fsync"), (Path, "write_bytes"), (Path, "replace"), (Path, "unlink"), (Path, "mkdir"),
              (tempfile, "mkstemp"))


def killed_at(last: int, step: Callable[[], object]) -> bool:
    """Run a step in a child that dies before its operation number `last`; whether it did, else it ended well."""
    def counted() -> None:
        _count(last)
        step()

    ending = forked(counted)
    assert ending.code in (0, KILLED), ending.err
    return ending.code == KILLED


def _count(last: int) -> None:
    done = [0]

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*args: Any, **kwargs: Any) -> Any:
            done[0] += 1
            if done[0] == last:
                os._exit(KILLED)
            return real(*args, **kwargs)
        return operation

    for place, name in OPERATIONS:
        setattr(place, name, counted(getattr(place, name)))
