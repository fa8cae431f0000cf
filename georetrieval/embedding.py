"""From samples to descriptors: the only embed loop of the project."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch

from georetrieval.errors import UsageError
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.nets.memory import keep_memory
from georetrieval.progress import Progress, silent
from georetrieval.samples.sample import Pixels, SampleSet
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.tasks.task import out_of_memory, require_room


def embed(samples: SampleSet, eye: Embedder, *, batch_size: int = 32, progress: Progress = silent) -> Descriptors:
    """One descriptor per sample, in the order of the samples.

    Parameters
    ----------
    samples
        Pixels are read one batch ahead of the eye.
    eye
        A `DescriptorNet` is taken through its fast copy (`for_inference`), so that it may be in training.
    batch_size
        Pictures at once, >= 1; where there is not enough memory for so many, half as many, down to one.

    Raises
    ------
    UsageError
        When there is no sample, or `batch_size` < 1.
    """
    if batch_size < 1 or len(samples) == 0:
        raise UsageError(f"Nothing to embed: {len(samples)} samples in batches of {batch_size}.")
    keep_memory()
    sight: Embedder = eye.for_inference() if isinstance(eye, DescriptorNet) else eye
    vectors: list[npt.NDArray[np.float32]] = []
    done = 0
    for pixels in _batches(samples, batch_size):
        vectors += _seen(sight, torch.from_numpy(pixels), samples.bands)
        done += len(pixels)
        progress(done, len(samples), "embedding")
    return Descriptors(
        vectors=np.concatenate(vectors).astype(np.float32, copy=False),
        keys=np.asarray(samples.keys, dtype=str),
        names=np.asarray(samples.names, dtype=str),
        scopes=np.asarray(samples.scopes, dtype=str),
        space=Space(sight.space),
    )


def _seen(sight: Embedder, pixels: torch.Tensor, bands: tuple[str, ...]) -> list[npt.NDArray[np.float32]]:
    """Descriptors of a batch, in one piece or, for want of memory, in halves."""
    try:
        return [sight(pixels, bands).numpy()]
    except (MemoryError, RuntimeError) as error:
        if len(pixels) == 1 or not out_of_memory(error):
            raise
    half = len(pixels) // 2
    return [*_seen(sight, pixels[:half], bands), *_seen(sight, pixels[half:], bands)]


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
