"""Same or different: pairs of pictures, how far apart they are, and the distance that divides them best."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.learn.relations import Among, Pairs, RowArray
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.outliers import most_balanced

Doubles = npt.NDArray[np.float64]


class Partners:
    """For each row, who has its key and who has another one, within its scope.

    Raises
    ------
    InputError
        When a scope has one key only, or not one key has two pictures.
    """

    def __init__(self, keys: Sequence[str], scopes: Sequence[str]) -> None:
        names = np.asarray([f"{scope}\n{key}" for scope, key in zip(scopes, keys, strict=True)], dtype=np.str_)
        self.labels = np.unique(names, return_inverse=True)[1].astype(np.int64)
        self._own = {int(label): np.flatnonzero(self.labels == label) for label in np.unique(self.labels)}
        places = np.asarray(list(scopes), dtype=np.str_)
        self._peers = {str(scope): np.flatnonzero(places == scope) for scope in np.unique(places)}
        self._scopes = places
        self.twice = np.asarray([len(self._own[int(label)]) > 1 for label in self.labels], dtype=np.bool_)
        alone = [scope for scope, rows in self._peers.items() if len(np.unique(self.labels[rows])) < 2]
        if alone or not self.twice.any():
            what = f"the scope {alone[0]!r} has one key only" if alone else "no key has two pictures"
            raise InputError(f"Same and different cannot be told: {what}; give two pictures of two keys at least.")

    def same(self, row: int, random: np.random.Generator) -> int:
        """Another row of the same key; `twice` says whether there is one."""
        own = self._own[int(self.labels[row])]
        return int(random.choice(own[own != row]))

    def different(self, row: int, random: np.random.Generator) -> int:
        """A row of another key of the scope: first the key is drawn, then its picture."""
        peers = self._peers[str(self._scopes[row])]
        others = np.unique(self.labels[peers])
        label = random.choice(others[others != self.labels[row]])
        return int(random.choice(self._own[int(label)]))

    def pairs(self, first: RowArray, random: np.random.Generator) -> Pairs:
        """A partner for each row: half of the rows, chosen by chance, get one of their key, the others do not."""
        wanted = random.permutation(len(first)) < len(first) // 2
        same = wanted & self.twice[first]
        second = [self.same(int(row), random) if alike else self.different(int(row), random)
                  for row, alike in zip(first, same, strict=True)]
        return Pairs(first, np.asarray(second, dtype=np.int64), same, self.labels[first])

    def among(self, rows: RowArray) -> Among:
        """All pairs of one key among some rows, and all of two keys of a scope.

        Pairs of the rarer kind come several times, so that either kind is half of all.
        """
        one, other = np.triu_indices(len(rows), 1)
        apart = rows[one] != rows[other]  # a row with itself says nothing
        same = apart & (self.labels[rows[one]] == self.labels[rows[other]])
        different = apart & ~same & (self._scopes[rows[one]] == self._scopes[rows[other]])
        kinds = [np.flatnonzero(kind) for kind in (same, different) if kind.any()]
        chosen = np.concatenate([np.resize(kind, max(map(len, kinds))) for kind in kinds])
        first, second = one[chosen].astype(np.int64), other[chosen].astype(np.int64)
        return Among(rows, Pairs(first, second, same[chosen], self.labels[rows[first]]))


def fixed_pairs(keys: Sequence[str], scopes: Sequence[str], count: int, seed: int) -> Pairs:
    """The same pairs for everybody who is judged by them: every row comes as often as any other, half are positive."""
    random = np.random.default_rng([seed, count])
    partners = Partners(keys, scopes)
    rounds = [random.permutation(len(keys)) for _ in range(-(-count // len(keys)))]
    return partners.pairs(np.concatenate(rounds)[:count].astype(np.int64), random)


def pair_distances(descriptors: Descriptors, pairs: Pairs) -> Doubles:
    """`(n,)` float64: euclidean distance, or 1 - cosine in the cosine space, of both members of each pair."""
    first, second = (descriptors.vectors[rows].astype(np.float64) for rows in (pairs.first, pairs.second))
    if descriptors.space is Space.EUCLIDEAN:
        return np.asarray(np.linalg.norm(first - second, axis=1))
    lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.asarray(1 - (first * second).sum(axis=1) / np.maximum(lengths, 1e-12))


def best_threshold(distances: Doubles, same: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The distance within which two pictures are called the same, and the accuracy that it gives, both halves alike.

    *Source*: papers/003, section IV (accuracy on pairs, half of them of one category).
    """
    limit = most_balanced(distances[same], distances[~same])
    return limit, accuracy(distances, same, limit)


def accuracy(distances: Doubles, same: npt.NDArray[np.bool_], limit: float) -> float:
    """Share of pairs that are judged rightly, 0..1."""
    return float(((distances <= limit) == same).mean())
