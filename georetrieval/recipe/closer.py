"""A second, closer look at the first answers: from poses around those that found them, each round with finer steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.spatial.distance import cdist

from georetrieval.embedding import embed
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.progress import Progress, silent
from georetrieval.samples.poses import Values
from georetrieval.samples.sample import Sample
from georetrieval.samples.views import Looks
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery
from georetrieval.search.index import Rows, Scores
from georetrieval.search.matches import Matches
from georetrieval.search.neighbours import prepared

BATCH = 128
"""Looks that are embedded at once."""


@dataclass(frozen=True)
class Closer:
    """How closely the first answers are looked at again.

    Attributes
    ----------
    candidates
        Answers per query that are compared again; no row comes or goes.
    looks
        Poses that are refined in each round: those of the best answers.
    rounds
        Of which each halves the steps of the one before.
    angle_deg, scale, shift
        Steps of the first round: a turn, a factor, and a share of the picture's side.

    Notes
    -----
    The steps are a third of what lies between the poses of 16 turns, five scales from 0.7 to 1.4 and windows every
    eighth of a tile. *Source*: first tried on the made-up département 93, their number on 92 (pipelines/README.md).
    """

    candidates: int = 400
    looks: int = 40
    rounds: int = 2
    angle_deg: float = 7.5
    scale: float = 1.06
    shift: float = 1 / 24


@dataclass(frozen=True, eq=False)
class CloserLook:
    """A `Rerank` that puts first answers into the order of their best score over the first poses and all finer ones.

    Attributes
    ----------
    picture
        The picture of the n-th query; None where there is none: such a query's answers stay as they are.
    poses, views
        Angle in degrees and scale of the first looks, and what was seen, row by row the queries.
    """

    eye: Embedder
    picture: Callable[[int], Sample | None]
    poses: Sequence[tuple[float, float]]
    views: Sequence[Descriptors]
    settings: Closer = Closer()
    progress: Progress = silent

    def __call__(self, queries: Descriptors, gallery: Gallery, matches: Matches) -> Matches:
        """Re-rank the first `settings.candidates` answers of each query; those after them fall away.

        Parameters
        ----------
        queries
            Row by row those of `views`; what was seen of them is there already.
        """
        del queries
        matches = matches.first(self.settings.candidates)
        rows, scores, hits = matches.rows.copy(), matches.scores.copy(), matches.hits.copy()
        for line, query in enumerate(matches.query_rows.tolist()):
            there = np.flatnonzero(matches.found[line])
            picture = self.picture(query)
            if picture is not None:
                best = self._best(picture, query, gallery.descriptors.take(matches.rows[line, there]))
                order = there[np.argsort(-best, kind="stable")]
                rows[line, there], hits[line, there] = matches.rows[line, order], matches.hits[line, order]
                scores[line, there] = best[order]
            self.progress(line + 1, len(matches), "looking closer")
        return replace(matches, rows=rows, scores=scores, hits=hits)

    @cached_property
    def _sight(self) -> Embedder:
        return self.eye.for_inference() if isinstance(self.eye, DescriptorNet) else self.eye

    def _best(self, picture: Sample, query: int, candidates: Descriptors) -> Scores:
        """(m,) best score of each candidate."""
        known = np.column_stack([np.asarray(self.poses, np.float64), np.zeros((len(self.poses), 2))])
        hunt = _Hunt(candidates, known, Descriptors.concatenate([view.take([query]) for view in self.views]))
        for number in range(self.settings.rounds):
            for moves in _moves(self.settings, 0.5**number):
                poses = hunt.around(moves, self.settings.looks)
                hunt.add(poses, embed(Looks(picture, poses), self._sight, batch_size=BATCH))
        return hunt.best


class _Hunt:
    """The poses of one query so far, and how alike each makes it to each candidate."""

    def __init__(self, candidates: Descriptors, poses: Values, seen: Descriptors) -> None:
        self._candidates, self._poses = candidates, poses
        self._scores = _scores(seen, candidates)

    @property
    def best(self) -> Scores:
        """`(m,)` score of each candidate over all poses."""
        return np.asarray(self._scores.max(axis=0))

    def around(self, moves: Values, count: int) -> Values:
        """Poses moved away from those that the best candidates like best, `count` of them."""
        liked = self._scores.argmax(axis=0)[np.argsort(-self.best, kind="stable")]
        chosen: Rows = np.asarray(list(dict.fromkeys(liked.tolist()))[:count], np.int64)
        bases = self._poses[chosen][:, None]
        moved = np.concatenate([bases[..., :1] + moves[:, :1], bases[..., 1:2] * moves[:, 1:2],
                                bases[..., 2:] + moves[:, 2:]], axis=2)
        return np.asarray(moved.reshape(-1, 4))

    def add(self, poses: Values, seen: Descriptors) -> None:
        """Take note of what was seen from more poses."""
        self._poses = np.concatenate([self._poses, poses])
        self._scores = np.concatenate([self._scores, _scores(seen, self._candidates)])


def _scores(seen: Descriptors, candidates: Descriptors) -> Scores:
    """`(n, m)` float32, as an index would give them; -inf for looks that mean nothing."""
    a, b = (prepared(rows.vectors, rows.valid, rows.space) for rows in (seen, candidates))
    scores = a @ b.T if seen.space is Space.COSINE else -cdist(a, b)
    scores[~seen.valid] = -np.inf
    return np.asarray(scores, np.float32)


def _moves(settings: Closer, share: float) -> tuple[Values, Values]:
    """Angle, scale factor, right and down: the eight neighbours in angle and scale, then the eight in place."""
    steps = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)]
    angle, scale, shift = settings.angle_deg * share, settings.scale**share, settings.shift * share
    return (np.asarray([(a * angle, scale**b, 0, 0) for a, b in steps], np.float64),
            np.asarray([(0, 1, a * shift, b * shift) for a, b in steps], np.float64))
