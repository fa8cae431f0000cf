"""Two descriptors asked the same questions: who finds what, query by query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from georetrieval.errors import MismatchError
from georetrieval.search.descriptors import Texts
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import reciprocal_ranks

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The same queries answered by two descriptors; make one with `Comparison.of`.

    Attributes
    ----------
    names : (n,) str, the queries, sorted; only those that count: with a true answer in both galleries
    first, second : (n,) float64, 1 / rank of the first true answer when it is among the first k, else 0
    k : int
    """

    names: Texts
    first: Doubles
    second: Doubles
    k: int

    @classmethod
    def of(cls, first: Matches, second: Matches, k: int = 5) -> Comparison:
        """Compare the answers to the queries of the same names.

        A query that one of the two did not answer (its descriptor means nothing) counts as not found by that one.

        Raises
        ------
        MismatchError
            When no query that counts was asked of both.
        UsageError
            When fewer than k answers per query were asked for.
        """
        sides = [_ranks(matches, k) for matches in (first, second)]
        names = sorted(sides[0].keys() & sides[1].keys())
        counted = [name for name in names if all(_has_truth(side[name]) for side in sides)]
        if not counted:
            raise MismatchError(f"The two were asked {len(sides[0])} and {len(sides[1])} queries of which none that "
                                "counts is the same; ask both the tiles of the same names.")
        values = np.array([[max(side[name], 0.0) for name in counted] for side in sides], np.float64)
        return cls(np.array(counted, np.str_), values[0], values[1], k)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def gains(self) -> Doubles:
        """(n,) -1..1: what the second finds better than the first."""
        return self.second - self.first

    @property
    def counts(self) -> dict[str, int]:
        """Queries found among the first k by "both", the "first" alone, the "second" alone, "neither"."""
        one, two = self.first > 0, self.second > 0
        return {"both": int((one & two).sum()), "first": int((one & ~two).sum()), "second": int((~one & two).sum()),
                "neither": int((~one & ~two).sum())}

    @property
    def chance(self) -> float:
        """How likely so uneven a number of gains and losses is where both are equally good, 0..1.

        *Source*: the exact sign test on the queries that only one of the two finds, McNemar, Psychometrika 12, 1947.
        """
        from scipy.stats import binomtest

        alone = self.counts
        less, total = min(alone["first"], alone["second"]), alone["first"] + alone["second"]
        return float(binomtest(less, total).pvalue) if total else 1.0

    def of_kind(self, kind: str) -> Texts:
        """Names of the queries of a kind, as in `counts`: those that gain, or lose, most come first."""
        one, two = self.first > 0, self.second > 0
        which = {"both": one & two, "first": one & ~two, "second": ~one & two, "neither": ~one & ~two}[kind]
        order = np.argsort(-np.abs(self.gains[which]), kind="stable")
        return self.names[which][order]

    def _repr_html_(self) -> str:
        from georetrieval.search.showing import comparison_html

        return comparison_html(self)


NO_TRUTH = -1.0


def _has_truth(rank: float) -> bool:
    return rank != NO_TRUTH


def _ranks(matches: Matches, k: int) -> dict[str, float]:
    """Query -> 1 / rank; 0 where it was not found or not answered, `NO_TRUTH` where nothing could be found."""
    found = np.where(matches.truths > 0, reciprocal_ranks(matches, k), NO_TRUTH)
    unanswered = {str(name): 0.0 for name in matches.unanswered_names}
    return unanswered | dict(zip(matches.query_names.tolist(), found.tolist(), strict=True))
