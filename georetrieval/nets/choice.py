"""Which engine is asked for: one word for this process and for those that it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from georetrieval.errors import MissingExtraError, UsageError

ENGINES = ("auto", "torch", "openvino")
"""What nets run in: "auto" is OpenVINO where it is installed and there is enough to do, else PyTorch."""
VARIABLE = "GEORETRIEVAL_ENGINE"
"""Of the environment, so that workers of a pool get it too; to those of a cluster it goes with their work."""


def asked() -> str:
    """The engine asked for, one of `ENGINES`.

    Raises
    ------
    UsageError
        When the environment names another one.
    """
    word = os.environ.get(VARIABLE) or "auto"
    if word not in ENGINES:
        raise UsageError(f"{VARIABLE} is {word!r}, which is no engine; set it to {', '.join(ENGINES)}.")
    return word


@contextmanager
def using(engine: str) -> Iterator[None]:
    """Ask for an engine while the block runs.

    Raises
    ------
    UsageError
        When there is no such engine.
    MissingExtraError
        When it is OpenVINO and that is not installed.
    """
    if engine not in ENGINES:
        raise UsageError(f"There is no engine {engine!r}; choose {', '.join(ENGINES)}.")
    if engine == "openvino":
        require_openvino()
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = engine
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


@contextmanager
def preferring(engine: str) -> Iterator[None]:
    """As `using`, unless openvino or torch is asked for already: a recipe counts less than a command line."""
    with using(engine if asked() == "auto" else asked()):
        yield


def has_openvino() -> bool:
    """Whether OpenVINO is installed; it is not loaded."""
    return find_spec("openvino") is not None


def require_openvino() -> None:
    """`MissingExtraError` unless OpenVINO is installed."""
    if not has_openvino():
        raise MissingExtraError("The engine openvino is an optional part; install it with "
                                "pip install 'georetrieval[openvino]', or leave --engine out.")
