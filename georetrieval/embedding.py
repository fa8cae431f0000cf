"""From samples to descriptors: the only embed loop of the project."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.nets.engines import engine_called, engine_for
from georetrieval.nets.inference import InferenceNet
from georetrieval.nets.memory import keep_memory
from georetrieval.progress import Progress, silent
from georetrieval.samples.sample import Pixels, SampleSet
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.tasks.task import out_of_memory, require_room

BATCH_BYTES, LEAST_BATCH, MOST_BATCH = 48 << 20, 8, 64
"""Pixels of one batch, and how many pictures that may be: 32 of six bands at 256 px."""
EVEN = 8
"""Of batches of a multiple of so many pictures the bits of a descriptor depend neither on the pictures beside it nor on
the number of threads. For 1, 2, 3, 5 or 7 pictures torch computes another way, with other threads another again:
measured with 1, 2, 3 and 8 threads on four nets, where multiples of four up to 64 gave the same bits."""


def embed(
    samples: SampleSet, eye: Embedder, *, batch_size: int | None = None, total: int | None = None, even: bool = False,
    engine: str | None = None, progress: Progress = silent,
) -> Descriptors:
    """One descriptor per sample, in the order of the samples.

    Parameters
    ----------
    samples
        Pixels are read one batch ahead of the eye.
    eye
        A `DescriptorNet` is taken through its fast copy (`for_inference`), so that it may be in training. Any other net
        is run by the engine that is asked for, once that has found the same neighbours as float32 among some of the
        samples: see `nets.engines`.
    batch_size
        Pictures at once, >= 1; None is by their bytes. Where memory is wanting half as many, down
        to one (with `even`, to `EVEN`).
    total
        Pictures of the whole work when these are a part of it: a slow start of an engine is weighed against it.
    even
        Fill the last batch up to a multiple of `EVEN` pictures: for rows that are kept.
    engine
        What runs a net, as `nets.engines.name_of` calls it, where that was chosen and checked before.

    Raises
    ------
    UsageError
        When there is no sample, or `batch_size` < 1.
    MissingExtraError
        When this machine does not have that engine.
    """
    batch_size = _batch_of(eye, samples.bands) if batch_size is None else batch_size
    if batch_size < 1 or len(samples) == 0:
        raise UsageError(f"Nothing to embed: {len(samples)} samples in batches of {batch_size}.")
    keep_memory()
    sight = _sight(samples, eye, total, engine)
    vectors: list[npt.NDArray[np.float32]] = []
    done = 0
    for pixels in _batches(samples, batch_size):
        vectors += _seen(sight, pixels, samples.bands, even)
        done += len(pixels)
        progress(done, len(samples), "embedding")
    return Descriptors(
        vectors=np.concatenate(vectors).astype(np.float32, copy=False),
        keys=np.asarray(samples.keys, dtype=str),
        names=np.asarray(samples.names, dtype=str),
        scopes=np.asarray(samples.scopes, dtype=str),
        space=Space(sight.space),
    )


def _seen(sight: Embedder, pixels: Pixels, bands: tuple[str, ...], even: bool) -> list[npt.NDArray[np.float32]]:
    """Descriptors of a batch, in one piece or, for want of memory, in halves."""
    whole = _filled(pixels) if even else pixels
    try:
        return [sight(torch.from_numpy(whole), bands).numpy()[:len(pixels)]]
    except (MemoryError, RuntimeError) as error:
        if len(pixels) <= (EVEN if even else 1) or not out_of_memory(error):
            raise
    half = len(pixels) // 2
    return [*_seen(sight, pixels[:half], bands, even), *_seen(sight, pixels[half:], bands, even)]


def _sight(samples: SampleSet, eye: Embedder, total: int | None, engine: str | None) -> Embedder:
    """The eye as it looks fastest."""
    if isinstance(eye, DescriptorNet):
        return eye.for_inference()
    if not isinstance(eye, InferenceNet):
        return eye
    if engine is not None and eye.free:
        return engine_called(eye, engine, samples.bands)
    count = len(samples)
    return engine_for(eye, lambda rows: torch.from_numpy(samples.batch(rows)), samples.bands, count=count,
                      total=max(total or 0, count))


def _batch_of(eye: Embedder, bands: tuple[str, ...]) -> int:
    """Pictures of a batch, by their bytes."""
    px = getattr(eye, "px", None) or 256
    return max(LEAST_BATCH, min(MOST_BATCH, BATCH_BYTES // (4 * len(bands) * px * px) // EVEN * EVEN))


def _filled(pixels: Pixels) -> Pixels:
    """The pictures, and the last one again until they are a multiple of `EVEN`."""
    more = -len(pixels) % EVEN
    return np.concatenate([pixels, np.repeat(pixels[-1:], more, axis=0)]) if more else pixels


def _batches(samples: SampleSet, batch_size: int) -> Iterator[Pixels]:
    """Batches in order; the next one is read while the current one is being looked at."""
    starts = range(0, len(samples), batch_size)
    require_room()
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead = reader.submit(samples.batch, range(min(batch_size, len(samples))))
        for start in starts:
            pixels = ahead.result()
            if start + batch_size < len(samples):
                ahead = reader.submit(
                    samples.batch, range(start + batch_size, min(start + 2 * batch_size, len(samples)))
                )
            yield pixels
