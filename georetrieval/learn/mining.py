"""Which pairs go into the batches: random ones, and those that the net gets wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from georetrieval.errors import InputError
from georetrieval.learn.relations import Pairs, RowArray
from georetrieval.learn.settings import MiningSettings
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import map_at_k, reciprocal_ranks


@dataclass(frozen=True, eq=False)
class HardPairs:
    """Queries whose answer is wrong, and what was answered in place of the truth.

    Attributes
    ----------
    rows
        `(h,)` int64, rows of the queries (and of their true tiles: both sets are aligned).
    wrong
        `(h, k)` int64, gallery rows that came before the truth, nearest first; -1 where there are fewer.
    score
        map@k of the whole set, 0..1.
    """

    rows: RowArray
    wrong: RowArray
    score: float

    def __len__(self) -> int:
        return len(self.rows)


def answers(queries: Descriptors, gallery: Descriptors, k: int) -> Matches:
    """The k nearest gallery rows of each query within its scope."""
    return Gallery.of(gallery).search(queries, k, where=Filter(own_scope=True))


def hard_pairs(matches: Matches, below: float) -> HardPairs:
    """Read the hard queries off some matches between two aligned sets.

    A query is hard when its precision, 1 / rank of the truth or 0 when the truth is not among the k, is below
    `below`. With 0.5: the truth is neither first nor second.

    *Source*: papers/002, section 4.
    """
    precision = reciprocal_ranks(matches, matches.k)
    hard = np.flatnonzero(precision < below)
    before = np.cumsum(matches.hits[hard], axis=1) == 0
    wrong = np.where(before & matches.found[hard], matches.rows[hard], -1)
    return HardPairs(matches.query_rows[hard], wrong, map_at_k(matches, matches.k))


class PairSampler:
    """Batches of one epoch: every place once at random, topped up with hard pairs.

    Without negative pairs (InfoNCE and its like) all places of a batch are of one scope, since they are each other's
    negatives; scopes take turns at random. Hard pairs then bring what they were taken for.

    Rows are those of both aligned sets laid end to end: 0..n-1 are the queries, n..2n-1 their true gallery tiles.

    Parameters
    ----------
    keys, scopes
        Of each row; a negative pair never has one key, nor mixes two scopes.
    batch
        Pairs in one batch.
    mining
        None draws everything at random.
    negatives
        True: half of the pairs are negative; False: positive pairs only.
    """

    def __init__(
        self, keys: list[str], scopes: list[str], *, batch: int, mining: MiningSettings | None, negatives: bool
    ) -> None:
        self.count = len(scopes)
        self.batch = min(batch, 2 * self.count if negatives else self.count)
        self.mining = mining
        self.negatives = negatives
        self._place = np.unique(np.asarray(keys), return_inverse=True)[1].astype(np.int64)
        names = np.asarray(scopes)
        peers = {scope: np.flatnonzero(names == scope) for scope in dict.fromkeys(scopes)}
        self._peers = list(peers.values())
        self._peers_of = [peers[scope] for scope in scopes]
        self._scope_of = np.unique(names, return_inverse=True)[1]
        alone = [scope for scope, rows in peers.items() if len(np.unique(self._place[rows])) < 2]
        if alone and negatives:
            raise InputError(f"The scope {alone[0]!r} has one place only; negative pairs need at least two.")

    def steps(self, hard: HardPairs | None) -> int:
        """Batches in one epoch."""
        size = self._random_places(hard)
        return sum(-(-len(group) // min(size, len(group))) for group in self._groups())

    def epoch(self, seed: int, epoch: int, hard: HardPairs | None) -> Iterator[Pairs]:
        """The batches of this epoch; the same three values give the same batches."""
        random = np.random.default_rng([seed, epoch])
        batches: list[RowArray] = []
        for group in self._groups():
            order = random.permutation(group)
            size = min(self._random_places(hard), len(order))
            order = np.concatenate([order, order[: -len(order) % size]])  # the last batch is as full as the others
            batches += np.split(order, len(order) // size)
        turns = random.permutation(len(batches)) if len(self._groups()) > 1 else range(len(batches))
        for turn in turns:
            yield self._batch(batches[turn], hard, random)

    def _groups(self) -> list[RowArray]:
        """Places that may be drawn together: where everything else in a batch is a negative, those of one scope."""
        return [np.arange(self.count)] if self.negatives else self._peers

    def _places(self) -> int:
        """Places in one batch; each gives a positive pair, and a negative one where those are wanted."""
        return max(1, self.batch // 2) if self.negatives else self.batch

    def _random_places(self, hard: HardPairs | None) -> int:
        places = self._places()
        if self.mining is None or hard is None or len(hard) == 0:
            return places
        return max(1, places - round(places * self.mining.hard_share))

    def _batch(self, places: RowArray, hard: HardPairs | None, random: np.random.Generator) -> Pairs:
        wanted = self._places() - len(places)
        if hard is None or wanted == 0:
            return self._random(places, random)
        if self.negatives:
            picks = random.choice(len(hard), wanted, replace=wanted > len(hard))  # too few are used again
            return self._random(places, random) + self._hard(hard, picks, random)
        near = np.flatnonzero(self._scope_of[hard.rows] == self._scope_of[places[0]])
        picks = random.choice(near, wanted, replace=wanted > len(near)) if len(near) else near
        return self._confusers(places, hard, picks, random)

    def _random(self, places: RowArray, random: np.random.Generator) -> Pairs:
        if not self.negatives:
            return self._positive(places)
        others = np.asarray([self._stranger(int(place), random) for place in places], dtype=np.int64)
        return self._positive(places) + self._negative(places, others)

    def _hard(self, hard: HardPairs, picks: RowArray, random: np.random.Generator) -> Pairs:
        rows = hard.rows[picks]
        others = np.empty_like(rows)
        for place, (row, wrong) in enumerate(zip(rows, hard.wrong[picks], strict=True)):
            known = wrong[wrong >= 0]
            others[place] = random.choice(known) if len(known) else self._stranger(int(row), random)
        return self._positive(rows) + self._negative(rows, others)

    def _confusers(
        self, places: RowArray, hard: HardPairs, picks: RowArray, random: np.random.Generator
    ) -> Pairs:
        """Positive pairs of the places, of hard ones, and of what these were taken for, each place once.

        Where these are too few, other places of the scope fill the batch.
        """
        wrong = hard.wrong[picks]
        bold = np.column_stack([hard.rows[picks], wrong[:, :1]]).ravel()
        candidates = np.concatenate([places, bold, random.permutation(self._peers_of[places[0]])])
        candidates = candidates[candidates >= 0]
        _, first = np.unique(candidates, return_index=True)
        rows = candidates[np.sort(first)][: self._places()]
        return self._positive(rows)

    def _positive(self, rows: RowArray) -> Pairs:
        return Pairs.of(rows, rows + self.count, True, self._place[rows])

    def _negative(self, places: RowArray, others: RowArray) -> Pairs:
        other_date = self.mining is not None and self.mining.negatives == "other_date"
        return Pairs.of(places, others + self.count if other_date else others, False, self._place[places])

    def _stranger(self, row: int, random: np.random.Generator) -> int:
        """A row of another place of the same scope."""
        peers = self._peers_of[row]
        while True:
            drawn = int(peers[random.integers(len(peers))])
            if self._place[drawn] != self._place[row]:
                return drawn
