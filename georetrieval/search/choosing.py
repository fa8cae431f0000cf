"""Which kind of index answers soonest and still finds what the exact one finds: measured on the rows at hand.

Size alone does not say: where many rows lie in few clusters, codes cannot tell the members of one apart, and an index
that is fast elsewhere misses answers or falls back to comparing all. So rows of the index ask the others, each kind's
answers are held against the exact ones, and one query at a time is timed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.search.ann import EXACT, MOST_PROPOSED, REFINED, FaissIndex, Plan, trained, untrained
from georetrieval.search.descriptors import Vectors
from georetrieval.search.flat import FlatIndex
from georetrieval.search.index import Index, Rows, Scores

AUTO = "auto"
RECALL = 0.999
MEASURED_K = 5
QUERIES = 2000
TIMED = 40
SMALL = 20_000
"""Up to so many rows the exact index answers within about two milliseconds, and nothing is measured."""
LISTS_FROM = 50_000
"""Lists are tried from so many rows on: below, there are too few rows to learn where they should lie."""
LISTS = 4
"""So many times the square root of the rows: with fewer, neighbours lie in many lists (600,000 clustered rows: 1,024
lists find .979 in 64 of them, 4,096 lists .990 in 4), and learning more takes minutes."""
K_FACTORS = (4, 10, 20, 40, 100, 200, 400)
PROBES = (4, 8, 16, 32, 64, 128, 256)
WORTH = 0.8
"""An index that is not exact has to take less than this share of the exact one's time."""


@dataclass(frozen=True)
class Trial:
    """What was measured of one kind: recall 0..1, milliseconds of the median single query."""

    factory: str
    k_factor: int
    nprobe: int
    recall: float
    single_ms: float


@dataclass(frozen=True)
class Choice:
    """The kind that was taken and why.

    Attributes
    ----------
    plan : kind, k_factor, nprobe
    asked : "auto", "exact" or a factory string
    recall : the target, 0..1
    queries, k : how the recall was measured; 0 queries when it was not
    trials : what was measured
    codes : the FAISS index of the plan; None when it is exact
    """

    plan: Plan
    asked: str
    recall: float
    queries: int = 0
    k: int = MEASURED_K
    trials: tuple[Trial, ...] = ()
    codes: Any = field(default=None, repr=False, compare=False)

    @property
    def reached(self) -> bool:
        """Whether the kind taken has the recall asked for; the exact one always has."""
        return self.plan.factory == EXACT or any(
            surely(trial.recall, self.queries * self.k) >= self.recall
            for trial in self.trials if trial.factory == self.plan.factory)


def choose(
    flat: FlatIndex, *, asked: str = AUTO, recall: float = RECALL, small: int = SMALL, seed: int = 0
) -> Choice:
    """The kind of index for the rows of `flat`.

    Parameters
    ----------
    asked : "auto" takes the fastest kind that reaches the recall; "exact"; or a factory string, of which only k_factor
        and nprobe are chosen
    recall : share of the `MEASURED_K` exact answers that have to be found, 0..1; what was measured has to exceed it
        by as much as chance could have added (`surely`)
    small : up to so many rows "auto" is exact without measuring
    seed : draws the rows that ask

    Raises
    ------
    UsageError
        For a factory string that FAISS does not know or cannot train on these rows, or a recall outside 0..1.
    """
    if not 0 < recall <= 1:
        raise UsageError(f"A recall lies above 0 and is at most 1, and is {recall:g}.")
    exact = Choice(Plan(EXACT), asked, recall)
    if asked not in (AUTO, EXACT):
        untrained(flat, Plan(asked))
    if asked == EXACT or flat.size <= (small if asked == AUTO else MEASURED_K):
        return exact
    sample = Sample.of(flat, seed)
    plans = kinds(flat) if asked == AUTO else [Plan(asked)]
    trials, found = [sample.trial(flat, Plan(EXACT, 1))], []
    for plan in plans:
        codes = trained(flat, plan)
        trial, plan = _tuned(FaissIndex(flat, plan, codes), sample, recall)
        trials.append(trial)
        found.append((trial, plan, codes))
    told = replace(exact, queries=len(sample.rows), trials=tuple(trials))
    fit = [one for one in found if surely(one[0].recall, sample.truth.size) >= recall
           and one[0].single_ms < WORTH * trials[0].single_ms]
    if asked != AUTO:
        fit = found
    if not fit:
        return told
    _, plan, codes = min(fit, key=lambda one: one[0].single_ms)
    return replace(told, plan=plan, codes=codes)


def kinds(flat: FlatIndex) -> list[Plan]:
    """The kinds that are tried: codes of a quarter and of half as many parts as the vectors are long, and lists."""
    dim = flat.vectors.shape[1]
    parts = dict.fromkeys((max(1, -(-dim // 4)), max(1, -(-dim // 2))))
    plans = [Plan(f"PQ{count}x4fs{REFINED}") for count in parts]
    if flat.size >= LISTS_FROM:
        lists = 2 ** round(np.log2(LISTS * np.sqrt(flat.size)))
        plans.append(Plan(f"IVF{lists},PQ{next(iter(parts))}x4fs{REFINED}", nprobe=PROBES[0]))
    return plans


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows that ask the others.

    Attributes
    ----------
    rows : (q,) int64
    vectors : (q, d) float32
    truth : (q, k) int64, the exact answers, themselves left out
    least : (q,) float32, the score of the k-th: who has it is as right as any
    """

    rows: Rows
    vectors: Vectors
    truth: Rows
    least: Scores

    @classmethod
    def of(cls, flat: FlatIndex, seed: int) -> Sample:
        """Drawn evenly, with their exact answers."""
        random = np.random.default_rng(seed)
        rows = np.sort(random.choice(flat.size, min(QUERIES, flat.size), replace=False)).astype(np.int64)
        scores, found = flat.search(flat.vectors[rows], MEASURED_K + 1)
        keep = _others(found, rows)
        truth, scores = np.take_along_axis(found, keep, 1), np.take_along_axis(scores, keep, 1)
        return cls(rows, flat.vectors[rows], truth, scores[:, -1])

    def recall(self, index: Index) -> float:
        """Share of the answers of `index` that are as near as the exact ones."""
        scores, found = index.search(self.vectors, MEASURED_K + 1)
        near = np.take_along_axis(scores, _others(found, self.rows), 1)
        return float((near >= self.least[:, None]).mean())

    def single_ms(self, index: Index) -> float:
        """Median time of one query, in milliseconds."""
        taken = []
        for vector in self.vectors[::max(1, len(self.vectors) // TIMED)][:TIMED]:  # they stand in the order of names
            start = time.perf_counter()
            index.search(vector[None], MEASURED_K)
            taken.append(time.perf_counter() - start)
        return 1000 * float(np.median(taken))

    def trial(self, index: FlatIndex | FaissIndex, plan: Plan) -> Trial:
        """Both, measured; of the exact index the recall is known."""
        recall = 1.0 if isinstance(index, FlatIndex) else self.recall(index)
        return Trial(plan.factory, plan.k_factor, plan.nprobe, round(recall, 5), round(self.single_ms(index), 3))


def _tuned(index: FaissIndex, sample: Sample, recall: float) -> tuple[Trial, Plan]:
    """The least work with which a kind reaches the recall; the most that is tried when it never does."""
    best: tuple[Trial, Plan] | None = None
    for plan in _plans(index, sample, recall):
        trial = sample.trial(FaissIndex(index.flat, plan, index.codes), plan)
        best = (trial, plan)
        if surely(trial.recall, sample.truth.size) >= recall:
            break
    assert best is not None
    return best


def _plans(index: FaissIndex, sample: Sample, recall: float) -> Iterator[Plan]:
    """From the first plan that by the codes alone could reach the recall, to those that propose more."""
    probes: Sequence[int] = ([n for n in PROBES if n <= index.plan.lists] or [index.plan.lists]
                             ) if index.plan.lists else [0]
    most = int(min(max(K_FACTORS) * MEASURED_K, MOST_PROPOSED * index.size))
    for nprobe in probes:
        plan = replace(index.plan, nprobe=nprobe)
        places = _places(FaissIndex(index.flat, plan, index.codes), sample, max(most, MEASURED_K))
        able = [factor for factor in K_FACTORS
                if surely(float((places < factor * MEASURED_K).mean()), places.size) >= recall]
        if able or nprobe == probes[-1]:
            yield from (replace(plan, k_factor=factor) for factor in able or [K_FACTORS[-1]])
            if not able:
                return


def surely(recall: float, answers: int) -> float:
    """The least share that may lie behind a measured one, with 95 % confidence (Clopper and Pearson, one side).

    Answers count as if they missed independently of each other. Where nothing was missed it is 1, so that a recall of 1
    can be asked for, and a small sample is enough.
    """
    from scipy.stats import beta

    hits = round(recall * answers)
    return 1.0 if hits >= answers else float(beta.ppf(0.05, hits, answers - hits + 1)) if hits else 0.0


def _places(index: FaissIndex, sample: Sample, most: int) -> Rows:
    """At which place of the proposals each exact answer is: (q, k), `most` where it is not among them."""
    _, rows = index.proposed(index.flat.prepare(sample.vectors), most)
    same = [np.argmax(line[None] == true[:, None], axis=1) + most * ~np.isin(true, line)
            for line, true in zip(rows, sample.truth, strict=True)]
    return np.minimum(np.asarray(same, np.int64), most)


def _others(found: Rows, rows: Rows) -> npt.NDArray[np.int64]:
    """Places of the answers that are not the row itself, one fewer than there are."""
    mine = found == rows[:, None]
    mine[~mine.any(axis=1), -1] = True
    return np.argsort(mine, axis=1, kind="stable")[:, :-1].astype(np.int64)


def told(choice: Choice) -> str:
    """One sentence for people."""
    if not choice.trials:
        return f"{choice.plan.factory}: nothing was measured"
    taken = next(trial for trial in choice.trials if trial.factory == choice.plan.factory)
    missed = "" if choice.reached else f"; below the recall asked for, {choice.recall:g}"
    return (f"{choice.plan.factory}: recall {taken.recall:.4f} of {choice.queries} rows asked of the others, "
            f"{taken.single_ms:.2f} ms a query{missed}")


