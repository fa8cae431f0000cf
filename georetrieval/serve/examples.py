"""More like this, less like that: a descriptor moved towards some rows and away from others."""

from __future__ import annotations

import numpy as np

from georetrieval.search.descriptors import Space, Vectors
from georetrieval.search.index import unit

ALPHA, BETA, GAMMA = 1.0, 0.75, 0.25
"""Weights of the query itself, of the mean of what is like it, and of the mean of what is not.

*Source*: Salton and Buckley, Improving retrieval performance by relevance feedback, JASIS 41(4), 1990 (Rocchio's
formula with 0.75 and 0.25).
"""


def moved(query: Vectors | None, like: Vectors, unlike: Vectors, space: Space) -> Vectors:
    """The descriptor that is asked in place of `query`.

    In the cosine space ALPHA query + BETA mean(like) - GAMMA mean(unlike), each scaled to length 1 before. In the
    euclidean space, where a length means something, the weighted mean of query and like, moved away from
    mean(unlike) by the same share of their difference.

    Parameters
    ----------
    query : (1, d) float32; None when only examples are given
    like, unlike : (m, d) float32; not all three without a row

    Returns
    -------
    (1, d) float32.

    *Source*: Rocchio, Relevance feedback in information retrieval, in Salton (ed.), The SMART Retrieval System, 1971.
    """
    if space is Space.COSINE:
        query = None if query is None else unit(query)
        like, unlike = (unit(some) if len(some) else some for some in (like, unlike))
    parts = [] if query is None else [(ALPHA, query[0].astype(np.float64))]
    parts += [(BETA, like.astype(np.float64).mean(axis=0))] if len(like) else []
    wanted = np.sum([weight * vector for weight, vector in parts], axis=0)
    total = sum(weight for weight, _ in parts)
    if space is Space.EUCLIDEAN:
        wanted = wanted / total
    if len(unlike):
        away = unlike.astype(np.float64).mean(axis=0)
        wanted = wanted - GAMMA * away if space is Space.COSINE else wanted + GAMMA / total * (wanted - away)
    return np.asarray(wanted[None], np.float32)
