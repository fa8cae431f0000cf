"""Search that looks at codes first: FAISS proposes rows by short codes, their vectors decide.

FAISS holds the codes only. The vectors that decide are those of the index's own rows, so that nothing is stored twice,
scores are those of the exact index, and filters and ties are as exact as there. What is approximate is which rows are
proposed; `choosing` measures how many of the true ones that leaves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.search.descriptors import Space, Vectors
from georetrieval.search.flat import SPARE, FlatIndex, best_first
from georetrieval.search.index import CHUNK_BYTES, Rows, Scores, checked, fitting

EXACT = "exact"
REFINED = ",RFlat"
"""How FAISS spells "and the vectors decide"; here they always do."""
LEAST_K = 5
"""For fewer answers as many rows are proposed as for so many."""
TRAINED_ON = 16_384
"""Rows that codes are learnt from, drawn evenly; of lists at least `PER_LIST` each."""
PER_LIST = 40
"""As few as FAISS thinks enough; 256 find no more where there are `choosing.LISTS` times the root of the rows."""
ROUNDS = 10
"""Of k-means for the lists; FAISS's own 25 find no more (.2122 and .2116 of few clusters, .9784 and .9788 of many)."""
BLOCK = 65_536
"""Rows added at once."""
MOST_PROPOSED = 0.25
"""Where more than this share of the rows would be proposed, all are compared instead."""

_CODES = re.compile(r"PQ(\d+)x4fs")
_LISTS = re.compile(r"IVF(\d+)")


@dataclass(frozen=True)
class Plan:
    """A kind of index and how it is asked.

    Attributes
    ----------
    factory : "exact", or a factory string of FAISS, such as "PQ64x4fs,RFlat"
    k_factor : rows proposed per answer
    nprobe : lists looked into, of an index that has lists; 0 where it has none
    """

    factory: str
    k_factor: int = 40
    nprobe: int = 0

    @property
    def codes(self) -> str:
        """The factory string of what FAISS holds."""
        return self.factory.removesuffix(REFINED)

    @property
    def lists(self) -> int:
        """How many lists the kind has; 0 when it has none."""
        found = _LISTS.search(self.factory)
        return int(found[1]) if found else 0

    def width(self, dim: int) -> int:
        """Length of the vectors that FAISS sees: `dim`, or with zeros up to the next multiple of the code's parts."""
        found = _CODES.search(self.factory)
        parts = int(found[1]) if found and int(found[1]) else 1
        return -(-dim // parts) * parts


def trained(flat: FlatIndex, plan: Plan) -> Any:
    """A FAISS index of codes of all rows of `flat`, in their order.

    Raises
    ------
    UsageError
        For a factory string that FAISS does not know or cannot train on these vectors.
    """
    import faiss

    data, width = flat.prepared, plan.width(flat.prepared.shape[1])
    wanted = max(TRAINED_ON, PER_LIST * plan.lists)
    sample = np.unique(np.linspace(0, max(0, len(data) - 1), wanted).astype(np.int64)) if len(data) else slice(0)
    index = untrained(flat, plan)
    try:
        if plan.lists:
            faiss.extract_index_ivf(index).cp.niter = ROUNDS
        index.train(_padded(data[sample], width))
        for start in range(0, len(data), BLOCK):
            index.add(_padded(data[start:start + BLOCK], width))
    except RuntimeError as error:
        raise _impossible(flat, plan) from error
    return index


def require_readable(factory: str) -> None:
    """UsageError for a factory string that FAISS cannot read, whatever the vectors: known before hours of embedding."""
    import faiss

    try:
        faiss.index_factory(64, Plan(factory).codes)
    except RuntimeError as error:
        if "could not parse" in str(error):  # what does not fit vectors of this length may fit others
            raise UsageError(f"FAISS knows no kind of index {factory!r}; use auto, exact or a factory string such as "
                             "PQ64x4fs,RFlat.") from error


def untrained(flat: FlatIndex, plan: Plan) -> Any:
    """A FAISS index of a kind for the vectors of `flat`, without any; UsageError when FAISS knows no such kind."""
    import faiss

    metric = faiss.METRIC_L2 if flat.space is Space.EUCLIDEAN else faiss.METRIC_INNER_PRODUCT
    try:
        return faiss.index_factory(plan.width(flat.vectors.shape[1]), plan.codes, metric)
    except RuntimeError as error:
        raise _impossible(flat, plan) from error


def _impossible(flat: FlatIndex, plan: Plan) -> UsageError:
    return UsageError(f"FAISS cannot build an index {plan.factory!r} on {flat.size} vectors of length "
                      f"{flat.vectors.shape[1]}; use auto, exact or another factory string.")


class FaissIndex:
    """The nearest of the rows that FAISS proposes; never fewer than k when k exist, equal ones in the order of rows.

    A query is answered by the exact index where FAISS proposes too few rows, or where rows that look like an answer to
    it could have been cut off the end of the proposals (many equal rows).

    Parameters
    ----------
    flat : the rows, and the exact index of them
    plan : kind, k_factor, nprobe
    codes : what `trained` returns; None trains here

    Raises
    ------
    UsageError
        As `trained`.
    """

    def __init__(self, flat: FlatIndex, plan: Plan, codes: Any = None) -> None:
        import faiss

        self.flat, self.plan, self.space = flat, plan, flat.space
        self.codes = trained(flat, plan) if codes is None else codes
        self._width = plan.width(flat.vectors.shape[1])
        if plan.nprobe:
            faiss.extract_index_ivf(self.codes).nprobe = plan.nprobe

    @property
    def size(self) -> int:
        """Number of rows."""
        return self.flat.size

    def search(self, vectors: Vectors, k: int) -> tuple[Scores, Rows]:
        """The min(k, size) nearest rows of each of (nq, d) vectors: scores float32, rows int64."""
        return self.among(vectors, k, None)

    def among(self, vectors: Vectors, k: int, rows: Rows | None) -> tuple[Scores, Rows]:
        """The same among `rows` only (ascending; None: all)."""
        queries = checked(vectors, "The question")
        fitting(queries, self.flat.vectors, k)
        size = self.size if rows is None else len(rows)
        wanted = max(k, LEAST_K) * self.plan.k_factor
        wide = wanted if rows is None else 1 + (5 * wanted * self.size) // (4 * max(1, size))  # a quarter to spare
        if wide > MOST_PROPOSED * self.size or size <= wanted:
            return self.flat.among(queries, k, rows)
        may = None if rows is None else _mask(self.size, rows)
        scores, found = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        step = max(1, CHUNK_BYTES // (32 * wide))
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            left = self._asked(queries[part], k, wide, wanted, may, scores[part], found[part])
            if len(left):
                left += start
                scores[left], found[left] = self.flat.among(queries[left], k, rows)
        return scores, found

    def proposed(self, prepared: Vectors, count: int) -> tuple[Scores, Rows]:
        """What FAISS finds by codes alone: (nq, count) its own scores, best first, and rows, -1 where it has none."""
        far, rows = self.codes.search(_padded(prepared, self._width), count)
        return (np.negative(far) if self.space is Space.EUCLIDEAN else far), rows

    def _asked(
        self, queries: Vectors, k: int, wide: int, wanted: int, may: npt.NDArray[np.bool_] | None, scores: Scores,
        found: Rows,
    ) -> Rows:
        """Fill in scores and rows; the queries that only the exact index can answer."""
        prepared = self.flat.prepare(queries)
        far, rows = self.proposed(prepared, wide)
        known = rows >= 0
        if may is not None:
            known &= may[rows]
        whole = known.all()
        rough = self.flat.rough_of(prepared, rows if whole else np.where(rows < 0, 0, rows))
        if not whole:
            rough[~known] = -np.inf
        best, places = best_first(rough, min(wide, k + SPARE))
        line = np.arange(len(rows))[:, None]
        near = rows[line, places]
        doubt = self.flat.doubt(prepared)
        unsure = ~(best[:, -1] < best[:, k - 1] - doubt)
        cut_off = (far[line, places[:, :k]] <= far[:, -1:]).any(axis=1)
        short = ~np.isfinite(best[:, -1])
        if not whole:
            short |= known.sum(axis=1) < (k if may is None else wanted)
        if not short.any():
            scores[:], found[:] = self.flat.decided(queries, best, near, k, doubt)
        else:
            good = np.flatnonzero(~short)
            scores[good], found[good] = self.flat.decided(queries[good], best[good], near[good], k, doubt[good])
        return np.flatnonzero(short | unsure | cut_off)


def _padded(vectors: Vectors, width: int) -> Vectors:
    missing = width - vectors.shape[1]
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, missing))) if missing else vectors)


def _mask(size: int, rows: Rows) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[rows] = True
    return mask
