"""The option `--engine` of commands that look at many pictures."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import rich_click as click

from georetrieval.nets.choice import ENGINES, VARIABLE, asked, using

_P = ParamSpec("_P")
_R = TypeVar("_R")


def engine_option(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Give a command `--engine`; what is asked for holds while the command runs."""
    @click.option("--engine", type=click.Choice(ENGINES), show_default=f"auto, or what {VARIABLE} says",
                  help="What nets run in. Whatever is faster than float32 is first checked on some of the pictures: "
                       "their nearest neighbours have to be the same. auto takes OpenVINO where it is installed and "
                       "there is enough to do; nets with a transformer stay with PyTorch.")
    @wraps(function)
    def with_engine(*arguments: _P.args, **options: _P.kwargs) -> _R:
        with using(str(options.pop("engine") or asked())):
            return function(*arguments, **options)

    return with_engine
