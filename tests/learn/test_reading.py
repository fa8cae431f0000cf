"""Reading ahead changes nothing but the waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from georetrieval.errors import StoreError
from georetrieval.learn.reading import read_ahead
from georetrieval.learn.relations import Pairs

BATCHES = [Pairs.of([n], [n + 1], True) for n in range(5)]


def read(pairs: Pairs, step: int) -> torch.Tensor:
    return torch.tensor([int(pairs.first[0]), step])


def test_each_batch_with_its_own_pixels_and_step() -> None:
    seen = list(read_ahead(BATCHES[2:], read, 2))
    assert [pairs for pairs, _ in seen] == BATCHES[2:]
    assert [pixels.tolist() for _, pixels in seen] == [[2, 2], [3, 3], [4, 4]]
    assert list(read_ahead([], read, 0)) == []


def test_the_next_batch_is_read_while_one_is_learnt_from() -> None:
    """Reading batch 1 waits for nothing but its turn: it is over before batch 1 is asked for."""
    second = threading.Event()

    def told(pairs: Pairs, step: int) -> torch.Tensor:
        if step == 1:
            second.set()
        return read(pairs, step)

    batches = read_ahead(BATCHES, told, 0)
    next(batches)
    assert second.wait(10)
    batches.close()


def test_at_most_two_batches_are_held() -> None:
    drawn: list[int] = []

    def drawing() -> Iterator[Pairs]:
        for n, pairs in enumerate(BATCHES):
            drawn.append(n)
            yield pairs

    batches = read_ahead(drawing(), read, 0)
    next(batches)
    assert drawn == [0, 1]


def test_an_error_comes_with_its_batch_and_the_thread_ends() -> None:
    def broken(pairs: Pairs, step: int) -> torch.Tensor:
        if step == 1:
            raise StoreError("The pack is damaged.")
        return read(pairs, step)

    batches = read_ahead(BATCHES, broken, 0)
    next(batches)
    with pytest.raises(StoreError, match="damaged"):
        next(batches)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]
