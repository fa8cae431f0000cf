"""From pictures to gallery rows: one mean per key, or several prototypes where one mean falls between clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Descriptors, Space, Vectors
from georetrieval.search.index import unit
from georetrieval.search.row_ids import row_id

RowsKind = Literal["each", "mean", "prototypes"]
ROWS: tuple[RowsKind, ...] = get_args(RowsKind)
MOST = 4
"""Prototypes of one key at most."""
SILHOUETTE = 0.25
"""Mean silhouette below which there are no clusters. *Source*: Kaufman and Rousseeuw, Finding groups in data, 1990,
table 4 of chapter 2: 0.25 and less is "no substantial structure"."""
LOOKED_AT = 1000
"""Members that a silhouette is measured on, at most: its cost is their square."""
FAILING = 0.1
"""Share of a key's members beyond which its mean does not do. Ours: from 0 to 0.05 a key was divided for a few odd
pictures of it, which cost more than it brought; with 0.1 nothing was lost (pipelines/README.md)."""
STARTS = 8
"""Starts of the k-means; the best of them counts."""
CANCELLED = 1e-6
"""A mean of unit vectors shorter than this has no direction."""

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def rows_of(members: Descriptors, kind: RowsKind | str) -> Descriptors:
    """The gallery rows of some pictures: "each" of them, their "mean" per key, or "prototypes" per key.

    Raises
    ------
    UsageError
        For another word than these three.
    """
    ways: dict[str, Callable[[Descriptors], Descriptors]] = {
        "each": lambda found: found, "mean": means, "prototypes": prototypes}
    if kind not in ways:
        raise UsageError(f"Rows can be {', '.join(ROWS)}, not {kind!r}.")
    return ways[kind](members)


def means(members: Descriptors) -> Descriptors:
    """One row per key and scope: the mean of its members.

    In the cosine space members are scaled to length 1 first, and so is their mean. Where they cancel each other and
    the mean has no direction, the row is the member that is nearest to all of them, so that no key is lost.

    Parameters
    ----------
    members : pictures; rows that mean nothing (`Descriptors.valid`) count for nothing

    Returns
    -------
    Descriptors sorted by scope and key; names are made of these.

    *Source*: papers/004, section on mean embeddings (the nearest mean of each individual).
    """
    return _collected(members, lambda own, _key, _scope: np.zeros(len(own), np.int64))


def prototypes(
    members: Descriptors, *, most: int = MOST, silhouette: float = SILHOUETTE, seed: int = 0
) -> Descriptors:
    """One to `most` rows per key and scope: one mean, or the means of its clusters where one mean does not do.

    It does not do where more than `FAILING` of the members are nearer to the mean of another key of their scope than to
    the mean of their own key's other members: then one mean may have fallen between clusters. (More rows for every key
    that has clusters cost more than they bring: pipelines/README.md.) A key that is alone in its scope has no
    rivals to be told from, and is divided wherever there are clusters. Clusters are those of k-means (in the cosine
    space of vectors of length 1); their number is the one whose mean silhouette is the greatest, and 1 where none
    reaches `silhouette`. With one cluster a row is what `means` gives.

    Parameters
    ----------
    most : of one key, >= 1
    silhouette : least mean silhouette of more than one cluster, -1..1
    seed : of the k-means' starts

    Raises
    ------
    UsageError
        When `most` is below 1.

    *Source*: papers/004, outlook (several prototypes where one mean falls between clusters); Rousseeuw, Silhouettes,
    J. Comput. Appl. Math. 20, 1987, equation for s(i).
    """
    if most < 1:
        raise UsageError(f"A key needs one prototype at least, and {most} were asked for.")
    one = means(members)

    def divided(own: Vectors, key: str, scope: str) -> Labels:
        rivals = one.vectors[(one.scopes == scope) & (one.keys != key)]
        if len(rivals) and failing(own, rivals, cosine=members.space is Space.COSINE) <= FAILING:
            return np.zeros(len(own), np.int64)
        return clusters(own, most, silhouette, seed)

    return _collected(members, divided)


def failing(own: Vectors, rivals: Vectors, *, cosine: bool) -> float:
    """Share of the members, 0..1, that are nearer to a rival than to the mean of the other members.

    Parameters
    ----------
    own : (n, d) members of a key, in the cosine space of length 1
    rivals : (m, d) means of other keys, m >= 1
    """
    if len(own) < 2:
        return 0.0
    wide = own.astype(np.float64)
    rest = (wide.sum(axis=0) - wide) / (len(wide) - 1)
    if cosine:
        length = np.linalg.norm(rest, axis=1, keepdims=True)
        rest = np.divide(rest, length, out=np.zeros_like(rest), where=length > CANCELLED)
    away = np.linalg.norm(wide - rest, axis=1)
    nearest = np.full(len(wide), np.inf)
    for rival in rivals.astype(np.float64):  # one at a time: their differences are never in memory at once
        np.minimum(nearest, np.linalg.norm(wide - rival, axis=1), out=nearest)
    return float((nearest < away).mean())


def clusters(vectors: Vectors, most: int = MOST, silhouette: float = SILHOUETTE, seed: int = 0) -> Labels:
    """(n,) int64 labels 0.. of the clusters of (n, d) vectors, all 0 where the silhouette says that there are none."""
    different = len(np.unique(vectors, axis=0))
    best, labels = silhouette, np.zeros(len(vectors), np.int64)
    for count in range(2, min(most, different, len(vectors) - 1) + 1):
        found = _k_means(vectors, count, seed)
        value = mean_silhouette(vectors, found, seed)
        if value > best or (count == 2 and value == best):
            best, labels = value, found
    return labels


def mean_silhouette(vectors: Vectors, labels: Labels, seed: int = 0) -> float:
    """Mean silhouette, -1..1, of euclidean distances, on at most `LOOKED_AT` vectors; -1 for a single cluster."""
    from sklearn.metrics import silhouette_score

    if len(vectors) > LOOKED_AT:
        some = np.random.default_rng(seed).choice(len(vectors), LOOKED_AT, replace=False)
        vectors, labels = vectors[some], labels[some]
    if not 2 <= len(np.unique(labels)) < len(labels):
        return -1.0
    return float(silhouette_score(vectors.astype(np.float64), labels))


def _k_means(vectors: Vectors, count: int, seed: int) -> Labels:
    from sklearn.cluster import KMeans

    found = KMeans(count, n_init=STARTS, random_state=seed).fit_predict(vectors.astype(np.float64))
    _, labels = np.unique(found, return_inverse=True)
    return labels.astype(np.int64)


def _collected(members: Descriptors, labelled: Callable[[Vectors, str, str], Labels]) -> Descriptors:
    """The means of the clusters of each key; `labelled` is told its members, key and scope."""
    known = members.take(members.valid)
    cosine = members.space is Space.COSINE
    vectors, keys, scopes, names = [], [], [], []
    for scope, key, rows in _groups(known):
        own = unit(known.vectors[rows]) if cosine else known.vectors[rows]
        labels = labelled(own, key, scope)
        for label in range(int(labels.max()) + 1):
            vectors.append(_mean(own[labels == label], cosine))
            keys.append(key)
            scopes.append(scope)
            names.append(row_id("/".join(part for part in (scope, key, str(label + 1) if label else "") if part)))
    shape = (len(vectors), members.dim)
    return Descriptors(np.asarray(vectors, np.float32).reshape(shape), np.asarray(keys, np.str_),
                       np.asarray(names, np.str_), np.asarray(scopes, np.str_), members.space)


def _groups(members: Descriptors) -> Iterator[tuple[str, str, npt.NDArray[np.int64]]]:
    """Scope, key and rows of each individual, sorted."""
    order = np.lexsort((members.keys, members.scopes))
    keys, scopes = members.keys[order], members.scopes[order]
    new = np.flatnonzero((keys[1:] != keys[:-1]) | (scopes[1:] != scopes[:-1])) + 1
    for rows in np.split(order, new):
        if len(rows):
            yield str(members.scopes[rows[0]]), str(members.keys[rows[0]]), rows


def _mean(vectors: Vectors, cosine: bool) -> Doubles:
    wide = vectors.astype(np.float64)
    mean = wide.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length > (CANCELLED if cosine else 0.0):
        return np.asarray(mean / length if cosine else mean)
    apart = np.linalg.norm(wide[:, None] - wide[None], axis=2).sum(axis=1) if len(wide) <= LOOKED_AT else np.zeros(1)
    return np.asarray(wide[int(apart.argmin())])
