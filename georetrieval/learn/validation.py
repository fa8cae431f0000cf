"""How good an eye is on two dates of the same places."""

from __future__ import annotations

from georetrieval.embedding import embed
from georetrieval.learn.mining import answers
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.samples.sample import SampleSet
from georetrieval.search.matches import Matches


def matches_between(
    queries: SampleSet,
    gallery: SampleSet,
    eye: Embedder,
    *,
    k: int = 5,
    batch_size: int = 32,
    progress: Progress = silent,
) -> Matches:
    """Embed both sets and find the k nearest gallery rows of each query, within its scope."""
    asked = embed(queries, eye, batch_size=batch_size, progress=progress)
    known = embed(gallery, eye, batch_size=batch_size, progress=progress)
    return answers(asked, known, k)
