"""Ctrl-C at the right moment: after the step that is being made, never in the middle of it."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

from georetrieval.progress import Progress


class Interruption:
    """While the block runs, the first Ctrl-C is remembered and `check` raises it; the second one raises at once."""

    def __init__(self) -> None:
        self.asked = False
        self._previous: signal.Handlers | signal._HANDLER = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._remember)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)

    def check(self) -> None:
        """Raise KeyboardInterrupt when Ctrl-C was pressed."""
        if self.asked:
            raise KeyboardInterrupt

    def watching(self, progress: Progress) -> Progress:
        """A progress that checks first, for long work that changes nothing."""

        def report(done: int, total: int, what: str) -> None:
            self.check()
            progress(done, total, what)

        return report

    def _remember(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
