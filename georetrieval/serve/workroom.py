"""Work that takes a while is done beside the server's loop: a few at a time, and a few that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from georetrieval.serve.replies import RefusedError

T = TypeVar("T")


class Workroom:
    """So many workers, and so many pieces of work that may be there at once; more are turned away (503)."""

    def __init__(self, name: str, workers: int, most: int) -> None:
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
        self.name, self.most, self._held = name, most, 0

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` gives; work whose client has left is done to its end, and counts until then."""
        if self._held >= self.most:
            raise RefusedError(503, "Too much was asked at once; ask again in a moment.")
        self._held += 1
        future = self._pool.submit(work)
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave))
        return await asyncio.wrap_future(future)

    def _leave(self) -> None:
        self._held -= 1
