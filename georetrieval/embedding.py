"""From samples to descriptors: the only embed loop of the project."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.nets.memory import keep_memory
from georetrieval.progress import Progress, silent
from georetrieval.samples.sample import Pixels, SampleSet
from georetrieval.search.descriptors import Descriptors, Space

EVEN = 8
"""Of batches of a multiple of so many pictures the bits of a descriptor depend neither on the pictures beside it nor on
the number of threads. For 1, 2, 3, 5 or 7 pictures torch computes another way, with other threads another again:
measured with 1, 2, 3 and 8 threads on four nets, where multiples of four up to 64 gave the same bits."""


def embed(
    samples: SampleSet, eye: Embedder, *, batch_size: int = 32, even: bool = False, progress: Progress = silent
) -> Descriptors:
    """One descriptor per sample, in the order of the samples.

    Parameters
    ----------
    samples
        Pixels are read one batch ahead of the eye.
    eye
        A `DescriptorNet` is taken through its fast copy (`for_inference`), so that it may be in training.
    batch_size
        Pictures at once, >= 1.
    even
        Fill the last batch up to a multiple of `EVEN` pictures: for rows that are kept.

    Raises
    ------
    UsageError
        When there is no sample, or `batch_size` < 1.
    """
    if batch_size < 1 or len(samples) == 0:
        raise UsageError(f"Nothing to embed: {len(samples)} samples in batches of {batch_size}.")
    keep_memory()
    sight: Embedder = eye.for_inference() if isinstance(eye, DescriptorNet) else eye
    vectors, done = [], 0
    for pixels in _batches(samples, batch_size):
        whole = _filled(pixels) if even else pixels
        vectors.append(sight(torch.from_numpy(whole), samples.bands).numpy()[:len(pixels)])
        done += len(pixels)
        progress(done, len(samples), "embedding")
    return Descriptors(
        vectors=np.concatenate(vectors).astype(np.float32, copy=False),
        keys=np.asarray(samples.keys, dtype=str),
        names=np.asarray(samples.names, dtype=str),
        scopes=np.asarray(samples.scopes, dtype=str),
        space=Space(sight.space),
    )


def _filled(pixels: Pixels) -> Pixels:
    """The pictures, and the last one again until they are a multiple of `EVEN`."""
    more = -len(pixels) % EVEN
    return np.concatenate([pixels, np.repeat(pixels[-1:], more, axis=0)]) if more else pixels


def _batches(samples: SampleSet, batch_size: int) -> Iterator[Pixels]:
    """Batches in order; the next one is read while the current one is being looked at."""
    starts = range(0, len(samples), batch_size)
    with ThreadPoolExecutor(max_workers=1) as reader:
        ahead = reader.submit(samples.batch, range(min(batch_size, len(samples))))
        for start in starts:
            pixels = ahead.result()
            if start + batch_size < len(samples):
                ahead = reader.submit(
                    samples.batch, range(start + batch_size, min(start + 2 * batch_size, len(samples)))
                )
            yield pixels
