"""One batch is read while the one before is learnt from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from torch import Tensor

from georetrieval.learn.relations import Pairs


def read_ahead(
    batches: Iterable[Pairs], read: Callable[[Pairs, int], Tensor], first: int
) -> Iterator[tuple[Pairs, Tensor]]:
    """Batches and their pixels, in order; one background thread reads the next batch.

    Parameters
    ----------
    batches
        Of the steps `first`, `first` + 1, ...
    read
        Pairs and step to pixels; must depend on nothing else, so that it does not matter when it is called. Its errors
        are raised when their batch is due.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="reading") as reader:
        waiting = None
        for step, pairs in enumerate(batches, first):
            coming = pairs, reader.submit(read, pairs, step)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = coming
        if waiting is not None:
            yield waiting[0], waiting[1].result()
