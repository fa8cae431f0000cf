"""Same or different: how well pairs are judged by the distance that divides the validation part best, and where the
eye looked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import shapely
import torch

from georetrieval.embedding import embed
from georetrieval.errors import UsageError
from georetrieval.files import publish_json
from georetrieval.learn.relations import Pairs
from georetrieval.learn.verdicts import accuracy, best_threshold, fixed_pairs, pair_distances
from georetrieval.nets.embedder import DescriptorNet, Embedder
from georetrieval.recipe.picture_lessons import Shown
from georetrieval.recipe.reading_pairs import THRESHOLD
from georetrieval.samples.images import picture_size
from georetrieval.samples.listing import Listing

if TYPE_CHECKING:
    from georetrieval.recipe.picture_stages import PictureRun

Row = dict[str, Any]
Doubles = npt.NDArray[np.float64]
AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """Pairs of one part and how one eye judged them.

    Attributes
    ----------
    listing
        Whose rows the pairs are.
    pairs
        `positive` says which are the same.
    distances
        `(n,)` float64.
    limit
        Pairs within it are called the same.
    """

    listing: Listing
    pairs: Pairs
    distances: Doubles
    limit: float


class PairJudge:
    """Judges the test part of a run in fixed pairs.

    Attributes
    ----------
    judged
        By descriptor and part, filled by `rows`.

    Raises
    ------
    UsageError
        When there is no validation part to take the distance from.
    """

    def __init__(self, run: PictureRun, eyes: Mapping[str, Embedder]) -> None:
        self.run, self.eyes, self.shown = run, eyes, Shown.of(run.recipe)
        if run.parts.validation is None:
            raise UsageError("Pairs are judged by a distance that is chosen on a validation part; the split has none.")
        self.validation = run.parts.validation.queries
        self.judged: dict[tuple[str, str], JudgedPairs] = {}

    def rows(self) -> list[Row]:
        """One line per eye and part of the test."""
        lines = []
        for name, eye in self.eyes.items():
            limit, chosen = self._limit(name, eye)
            for question in self.run.parts.test:
                asked = question.queries
                apart, pairs = self._distances(eye, asked, self.run.recipe.evaluate.pairs)
                self.judged[name, question.part] = JudgedPairs(asked, pairs, apart, limit)
                lines.append({
                    "descriptor": name, "part": question.part, "query": "pairs", "gallery": "pairs",
                    "accuracy": round(accuracy(apart, pairs.positive, limit), 4),
                    "mean_iou": self._mean_iou(name, asked),
                    "threshold": round(limit, 6), "validation_accuracy": round(chosen, 4), "queries": len(apart),
                })
        return lines

    def _limit(self, name: str, eye: Embedder) -> tuple[float, float]:
        """The best distance on the validation part; that of the trained eye is kept beside its weights."""
        apart, pairs = self._distances(eye, self.validation, 2 * len(self.validation))
        limit, chosen = best_threshold(apart, pairs.positive)
        if name == "trained":
            publish_json(self.run.model / THRESHOLD, {"distance": limit, "accuracy": round(chosen, 6),
                                                      "pairs": 2 * len(self.validation)})
        return limit, chosen

    def _distances(self, eye: Embedder, listing: Listing, count: int) -> tuple[Doubles, Pairs]:
        pairs = fixed_pairs(listing.keys.tolist(), listing.scopes.tolist(), count, seed=0)
        samples = self.shown.as_seen_by(tuple(eye.bands))(listing)
        return pair_distances(embed(samples, eye, progress=self.run.progress), pairs), pairs

    def _mean_iou(self, name: str, listing: Listing) -> float | None:
        """Of the regions of the trained eye with the boxes of the list; None where there are none of either."""
        net = self.run.eye() if name == "trained" else None
        boxed = listing.take(listing.boxed)
        if net is None or net.transformer is None or len(boxed) == 0 or self.shown.crop:
            return None
        return round(float(ious(regions(net, boxed, self.shown), shares(boxed)).mean()), 4)


def regions(net: DescriptorNet, listing: Listing, shown: Shown) -> Doubles:
    """`(n, 4, 2)` corners of what the net looks at, as shares of each picture, 0..1."""
    samples = shown(listing)
    net.eval()
    with torch.inference_mode():
        found = [net.regions(torch.from_numpy(samples.batch(range(start, min(start + AT_ONCE, len(samples))))),
                             samples.bands).float().numpy() for start in range(0, len(samples), AT_ONCE)]
    return np.concatenate(found).astype(np.float64)


def shares(listing: Listing) -> Doubles:
    """`(n, 4)` boxes as shares of their pictures, 0..1."""
    sides = np.asarray([picture_size(path) for path in listing.paths], dtype=np.float64)
    return np.asarray(listing.boxes / np.concatenate([sides, sides], axis=1))


def ious(corners: Doubles, boxes: Doubles) -> Doubles:
    """`(n,)` intersection over union of `(n, 4, 2)` quadrilaterals and `(n, 4)` boxes x0, y0, x1, y1."""
    looked = shapely.make_valid(shapely.polygons(corners))
    true = shapely.box(boxes[:, 0], boxes[:, 1], boxes[:, 2], boxes[:, 3])
    both = shapely.area(shapely.intersection(looked, true))
    return np.asarray(both / np.maximum(shapely.area(looked) + shapely.area(true) - both, 1e-12))
