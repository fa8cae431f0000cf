"""Everything that is expected to go wrong, under one root class.

A message is one sentence or two for a person: what was asked, what was found, what to do. The command line
prints it on one line without a traceback and ends with the class's exit code; anything else is a bug (1).
"""

from __future__ import annotations

from typing import ClassVar


class GeoretrievalError(Exception):
    """Root of the expected errors; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 2


class UsageError(GeoretrievalError):
    """The question itself makes no sense (k = 0, an unknown option value, a recipe that contradicts itself)."""


class InputError(GeoretrievalError):
    """A file or folder given by the user is missing, damaged, or is not what it has to be."""


class StoreError(GeoretrievalError):
    """A store of ours (tiles, run, index) is damaged or incomplete."""


class GapsError(GeoretrievalError):
    """The work is done, but parts were left out; the message lists them."""

    exit_code: ClassVar[int] = 3


class MismatchError(GeoretrievalError):
    """Index, model, legend or preprocessing do not belong together."""

    exit_code: ClassVar[int] = 4


class MissingExtraError(GeoretrievalError):
    """An optional part is not installed, and the message says which extra brings it; or this system has none."""

    exit_code: ClassVar[int] = 5


class BusyError(GeoretrievalError):
    """Locked by another writer, or no room on the disk: trying again later can help (EX_TEMPFAIL)."""

    exit_code: ClassVar[int] = 75


INTERRUPTED = 130
"""Exit code after Ctrl-C (128 + SIGINT)."""
ALARM = 10
"""Exit code of `classify --alarm` when an image raised one: the work is done, and somebody should look."""
