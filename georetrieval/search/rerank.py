"""Better orders of the first answers: k-reciprocal neighbours, and queries expanded by their answers.

Each function takes the queries, the gallery and the `Matches` of a first search, and changes the order and the scores
of the answers that are there; no row comes or goes, so filters, own scopes and left-out tiles hold as they did before.
An answer depends on its own query alone, never on what else was asked. Ask for more answers than are wanted
(`CANDIDATES`), re-rank, and keep the first ones with `Matches.first`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors, Space, Vectors
from georetrieval.search.gallery import Gallery
from georetrieval.search.index import Doubles, Rows, Scores
from georetrieval.search.matches import NO_ROW, Matches
from georetrieval.search.neighbours import Neighbours, pair_distances, prepared
from georetrieval.search.reciprocal import Encoding

CANDIDATES = 50
"""Answers per query that are put into a new order, when the caller has no other wish."""
K1, K2, WEIGHT = 20, 6, 0.3
"""*Source*: Zhong et al., Re-ranking person re-identification with k-reciprocal encoding, CVPR 2017, section 4.2."""
ANSWERS, ALPHA = 5, 3.0
"""alpha *Source*: Radenovic et al., Fine-tuning CNN image retrieval with no human annotation, PAMI 2018, section 5.2.
Fewer answers than their 50: here a place has one true row, not dozens."""

Rerank = Callable[[Descriptors, Gallery, Matches], Matches]


def k_reciprocal(
    queries: Descriptors, gallery: Gallery, matches: Matches, k1: int = K1, k2: int = K2, weight: float = WEIGHT
) -> Matches:
    """New order by the k-reciprocal encoding: two rows are near when they have the same mutual neighbours.

    A score becomes -((1 - weight) x Jaccard distance + weight x distance), the squared euclidean distance (of vectors
    of length 1 in the cosine space) divided by that to the gallery row farthest from the query: -1..0.

    Parameters
    ----------
    queries : as they were asked, rows that mean nothing included
    matches : of the first search; neighbours of gallery rows are looked up in the whole gallery, whatever its filter
    k1, k2 : neighbours that encode a row, and rows whose encodings are averaged; a row counts as its own first
    weight : of the first distance, 0..1

    Raises
    ------
    UsageError
        Unless 1 <= k2 <= k1.

    *Source*: Zhong et al., CVPR 2017, equations 3 to 12; the set is one probe and the gallery, as in their section 3.
    """
    if not 1 <= k2 <= k1:
        raise UsageError(f"k-reciprocal needs 1 <= k2 <= k1, and got k1 = {k1}, k2 = {k2}.")
    around = Neighbours(gallery, k1 + 1)
    asked = queries.take(matches.query_rows)
    vectors = prepared(asked.vectors, asked.valid, asked.space)
    far = around.farthest_from(vectors)
    scores = np.full(matches.scores.shape, -np.inf, np.float32)
    for i in range(len(matches)):
        found = matches.found[i]
        if found.any():
            rows = matches.rows[i][found]
            jaccard = Encoding(vectors[i], float(far[i]), rows, around, k1, k2).jaccard()
            first = pair_distances(around.vectors[rows], vectors[i]) / (far[i] or 1.0)
            scores[i, found] = -((1 - weight) * jaccard + weight * first)
    return _ordered(matches, scores)


def query_expansion(
    queries: Descriptors, gallery: Gallery, matches: Matches, n: int = ANSWERS, alpha: float = ALPHA, rows: int = 0
) -> Matches:
    """New order by the mean of a query and its first answers, each weighed by its similarity to the power alpha.

    The similarity is the cosine (at least 0); in the euclidean space, 1 - distance / distance of the last candidate.

    Parameters
    ----------
    n : answers that are added to a query
    rows : neighbours that are added to a gallery row in the same way (database-side augmentation); 0 is none

    *Source*: Radenovic et al., PAMI 2018, section 3.5; of the gallery's rows: Arandjelovic and Zisserman, Three things
    everyone should know to improve object retrieval, CVPR 2012, section 5.
    """
    if n < 0 or rows < 0:
        raise UsageError(f"A query cannot be expanded by {min(n, rows)} rows.")
    asked = queries.take(matches.query_rows)
    vectors = prepared(asked.vectors, asked.valid, asked.space)
    around = Neighbours(gallery, rows + 1)
    scores = np.full(matches.scores.shape, -np.inf, np.float32)
    for i in range(len(matches)):
        found = matches.found[i]
        if found.any():
            candidates = matches.rows[i][found]
            first = around.vectors[candidates]
            similar = _similarities(matches.scores[i][found], asked.space)
            wider = _weighted(vectors[i], first[:n], similar[:n] ** alpha)
            others = first if rows == 0 else _augmented(candidates, around, asked.space, alpha)
            scores[i, found] = _compared(others, wider, asked.space)
    return _ordered(matches, scores)


RERANKERS: dict[str, Rerank] = {"k-reciprocal": k_reciprocal, "query-expansion": query_expansion}
"""What recipes and the command line call them."""


def _similarities(scores: Scores, space: Space) -> Doubles:
    """0..1, one for a row that is the query itself."""
    wide = scores.astype(np.float64)
    if space is Space.COSINE:
        return np.asarray(np.clip(wide, 0, 1))
    last = wide.min(initial=0.0)
    return np.asarray(1 - wide / last if last < 0 else np.ones(len(wide)))


def _weighted(vector: Vectors, others: Vectors, weights: Doubles) -> Doubles:
    total = vector.astype(np.float64) + weights @ others.astype(np.float64)
    return np.asarray(total / (1 + weights.sum()))


def _augmented(candidates: Rows, around: Neighbours, space: Space, alpha: float) -> Vectors:
    """Each candidate with its neighbours added to it."""
    near, scores = around.of(candidates)
    wider = np.empty((len(candidates), around.vectors.shape[1]))
    for i, row in enumerate(candidates):
        others = near[i] != row
        weights = _similarities(scores[i], space)[others] ** alpha
        wider[i] = _weighted(around.vectors[row], around.vectors[near[i][others]], weights)
    return wider.astype(np.float32)


def _compared(vectors: Vectors, wider: Doubles, space: Space) -> Doubles:
    """Scores of the space; a query that its answers cancel out to nothing is as far from every row."""
    wide = vectors.astype(np.float64)
    if space is Space.EUCLIDEAN:
        return np.asarray(-np.sqrt(((wide - wider) ** 2).sum(axis=1)))
    lengths = np.linalg.norm(wide, axis=1) * np.linalg.norm(wider)
    return np.asarray((wide @ wider) / np.where(lengths > 0, lengths, 1))


def _ordered(matches: Matches, scores: Scores) -> Matches:
    """The answers by new scores; equal ones stay in their order, missing ones last."""
    order = np.argsort(np.where(matches.rows == NO_ROW, np.inf, -scores), axis=1, kind="stable")
    return replace(matches, scores=np.take_along_axis(scores, order, 1),
                   rows=np.take_along_axis(matches.rows, order, 1), hits=np.take_along_axis(matches.hits, order, 1))
