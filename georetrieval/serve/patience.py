"""A connection that is not waited for: who sends or takes too slowly is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
"""For a request's first line and headers, and for what is left of a body that nobody reads any more."""
WHOLE_S = 300.0
"""From there to the last byte of the answer; a net may have to be loaded in between."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP, which itself waits for ever for headers and for readers, with two deadlines."""

    head_s, whole_s = HEAD_S, WHOLE_S
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there: it has to ask soon."""
        super().connection_made(transport)
        self._allow(self.head_s)

    def data_received(self, data: bytes) -> None:
        """Bytes came; with the end of the headers the time for the whole request starts."""
        self._watched(super().data_received, data)

    def on_response_complete(self) -> None:
        """An answer is out: the next request has to come soon."""
        self._allow(self.head_s)
        self._watched(super().on_response_complete)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _watched(self, work: Callable[..., None], *arguments: Any) -> None:
        before = self.cycle
        work(*arguments)
        if self.cycle is not before:
            self._allow(self.whole_s)

    def _allow(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)
