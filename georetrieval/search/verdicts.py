"""Which key is nearest: a reading of `Matches` as classes, with the distance to every key and the margin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.search.descriptors import Descriptors, Texts
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.index import Doubles
from georetrieval.search.outliers import Threshold, distances

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """What one query is.

    Attributes
    ----------
    name, scope : of the query
    key : that of the nearest row of its scope; "unknown" beyond the threshold; None when the query means nothing
    distance : to that row, >= 0
    margin : distance of the nearest row of another key less `distance`; None where there is no other key
    distances : of each key, nearest first
    """

    name: str
    scope: str
    key: str | None
    distance: float | None
    margin: float | None
    distances: dict[str, float]

    @property
    def nearest(self) -> str | None:
        """Key of the nearest row, also where the verdict is "unknown"."""
        return next(iter(self.distances), None)


def scopes_of(gallery: Gallery) -> list[str]:
    """Scopes whose rows can answer, sorted."""
    return sorted(set(gallery.descriptors.scopes[gallery.valid].tolist()))


def known_scope(gallery: Gallery, scope: str) -> str:
    """The scope that a query is judged in: that of the index where it has one for all.

    Raises
    ------
    InputError
        When the index has several and the query names none, or one that is not there.
    """
    known = scopes_of(gallery)
    if known == [""]:
        return ""
    if not scope and len(known) == 1:
        return known[0]
    if scope not in known:
        told = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
        what = f"Nothing of the scope {scope!r} is in the index" if scope else "The index has several scopes"
        raise InputError(f"{what}, and an image is judged by the rows of its own scope only: it has {told}. Give "
                         "--scope, or add its rows with: georetrieval index add.")
    return scope


def judged(queries: Descriptors, gallery: Gallery, unknown: Threshold | None = None) -> Iterator[Verdict]:
    """One verdict per query, in order. Scopes are those that `known_scope` gives.

    *Source*: papers/000, equation 3 (the nearer of its own two masks); papers/004 (the nearest mean embedding).
    """
    rows = len(gallery.descriptors)
    matches = gallery.search(queries, rows, where=Filter(own_scope=True))
    place = {int(row): i for i, row in enumerate(matches.query_rows)}
    away = distances(matches.scores, gallery.descriptors.space)
    for row in range(len(queries)):
        name, scope = str(queries.names[row]), str(queries.scopes[row])
        if row not in place:
            yield Verdict(name, scope, None, None, None, {})
            continue
        found = matches.found[place[row]]
        keys = matches.gallery_keys[matches.rows[place[row]][found]]
        yield _verdict(name, scope, keys, away[place[row]][found], unknown)


def nearest_distances(queries: Descriptors, gallery: Gallery) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    """(n,) distance of each query to the nearest row of its scope, infinite without one; (n,) whether its key is there.

    The input of `outliers.threshold`.
    """
    matches = gallery.search(queries, 1, where=Filter(own_scope=True))
    out, known = np.full(len(queries), np.inf), np.zeros(len(queries), np.bool_)
    out[matches.query_rows] = distances(matches.scores[:, 0], gallery.descriptors.space)
    known[matches.query_rows] = matches.truths > 0
    return out, known


def own_and_other(queries: Descriptors, gallery: Gallery) -> tuple[Doubles, Doubles]:
    """Distances of queries whose key is in the gallery to their nearest row, and to their nearest row of another key.

    The second is what they would get if their key were not there: strangers to set a threshold on, where none are at
    hand. Queries without their key, or without any other one, are left out.
    """
    matches = gallery.search(queries, len(gallery.descriptors), where=Filter(own_scope=True))
    away = distances(matches.scores, gallery.descriptors.space)
    own, other = matches.found & matches.hits, matches.found & ~matches.hits
    asked = own.any(axis=1) & other.any(axis=1)
    nearest = np.where(matches.found, away, np.inf).min(axis=1, initial=np.inf)
    return nearest[asked], np.where(other, away, np.inf).min(axis=1, initial=np.inf)[asked]


def _verdict(name: str, scope: str, keys: Texts, away: Doubles, unknown: Threshold | None) -> Verdict:
    if len(keys) == 0:
        return Verdict(name, scope, None, None, None, {})
    first = np.sort(np.unique(keys, return_index=True)[1])
    each = {str(keys[i]): float(away[i]) for i in first}
    distance = float(away[0])
    margin = float(away[first[1]] - away[0]) if len(first) > 1 else None
    strange = unknown is not None and bool(unknown.beyond(away[:1])[0])
    return Verdict(name, scope, UNKNOWN if strange else str(keys[0]), distance, margin, each)
