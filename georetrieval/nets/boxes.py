"""Boxes in pixels: how far they overlap, and which of them are likely to hold more than one thing."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

Boxes = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Scores = npt.NDArray[np.float32] | npt.NDArray[np.float64]
HELD: Final = 0.35
"""A box that covers more than this of another one shows that one too. *Source*: measured on a made-up world seen from
above (`synth`, 1,095 true boxes of which 24 show a second body): .61 of what it flags is right, and .92 of what is to
be flagged is; at .3 .42 and 1.00, at .4 .76 and .79."""
SAME: Final = 0.7
"""Two boxes are on one thing when more than this of the smaller one lies in the other. *Source*: chosen on the made-up
world, 121 true boxes (8 of two bodies, no two of which lie in one another that far) with second looks added by chance
to .08 of them: 8 of 8 boxes of two are flagged, and 8 to 11 others; without `things` 26 to 31 others. No detector has
been measured with it yet."""
LARGER: Final = 2.5
"""A box of more than so many usual areas holds more than one. An upright rectangle around a body twice as long as wide
grows by 2.25 when the body turns by 45 degrees: (2 + 1)^2 / 2 against 2 x 1; less than that says nothing."""


def areas(boxes: Boxes) -> npt.NDArray[np.float64]:
    """`(n, 4)` x0, y0, x1, y1 -> `(n,)`."""
    found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    sides = np.clip(found[:, 2:] - found[:, :2], 0, None)
    area: npt.NDArray[np.float64] = sides.prod(axis=1)
    return area


def shared_areas(one: Boxes, other: Boxes) -> npt.NDArray[np.float64]:
    """`(n, 4)` and `(m, 4)` -> `(n, m)`, the area that both cover."""
    a, b = (np.asarray(boxes, dtype=np.float64).reshape(-1, 4) for boxes in (one, other))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared: npt.NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=2)
    return shared


def overlaps(one: Boxes, other: Boxes) -> npt.NDArray[np.float64]:
    """`(n, 4)` and `(m, 4)` -> `(n, m)`, intersection over union, 0..1; 0 where both are empty."""
    shared = shared_areas(one, other)
    union = areas(one)[:, None] + areas(other)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def inside(boxes: Boxes) -> npt.NDArray[np.float64]:
    """`(n, 4)` -> `(n, n)`: how much of box j lies in box i, 0..1, a share of j's area; 0 for empty boxes."""
    area, common = areas(boxes), shared_areas(boxes, boxes)
    shares: npt.NDArray[np.float64] = np.divide(common, area[None], out=np.zeros_like(common), where=area[None] > 0)
    return shares


def things(boxes: Boxes, scores: Scores, *, same: float = SAME, apart: float = HELD) -> npt.NDArray[np.bool_]:
    """Which boxes of one picture stand for a thing each; the others are second looks, or hold several.

    A box around two others of which more than `same` lies in it, and that have no more than `apart` of either in
    common, holds several. Of the rest, the surest first, a box is a thing unless it and a surer thing lie in one
    another: more than `same` of the smaller one.

    Parameters
    ----------
    boxes
        `(n, 4)` x0, y0, x1, y1 in pixels.
    scores
        `(n,)`, how sure the detector is of each.

    Returns
    -------
    `(n,)` bool.
    """
    shares = inside(boxes)
    lies = np.maximum(shares, shares.T)  # of the smaller one of each two
    held = shares > same
    np.fill_diagonal(held, val=False)
    held &= ~held.T  # of two that lie in one another neither is around the other
    chosen = np.zeros(len(shares), dtype=bool)
    for row in np.argsort(np.negative(np.asarray(scores, np.float64)), kind="stable"):
        within = np.flatnonzero(held[row])
        several = bool((lies[np.ix_(within, within)] <= apart).any())
        chosen[row] = not several and not (lies[row, chosen] > same).any()
    return chosen


def crowded(
    boxes: Boxes, scores: Scores | None = None, *, usual_area: float | None = None, held: float = HELD,
    larger: float = LARGER,
) -> npt.NDArray[np.bool_]:
    """Which boxes of one picture hold more than one thing, as far as boxes alone can tell.

    A box is crowded when it covers more than `held` of two boxes that stand for a thing each (its own is one of them,
    if it is one), or has more than `larger` usual areas: two bodies in one box, of which the detector found both, or
    only the two together. Which boxes stand for a thing says `things`: a second, less sure box on the same body does
    not, so that it flags neither itself nor the first one.

    Parameters
    ----------
    boxes
        `(n, 4)` x0, y0, x1, y1 in pixels, all boxes of the picture that were found.
    scores
        `(n,)`, how sure the detector is of each; None where each box is known to be a thing.
    usual_area
        In square pixels, of a box that holds one; by default the median of the boxes, of which three or more are
        needed. A detector that was trained knows it: see `Detector.crowded`.

    Returns
    -------
    `(n,)` bool.

    Notes
    -----
    Chosen over a second class "two", which needs boxes drawn around pairs. A crop of a crowded box shows a second
    thing: it is better not taken into a gallery. papers/004 does not flag such boxes. A body of which more than `SAME`
    lies in the box of a surer one is taken for a second look at that one, and missed.
    """
    area = areas(boxes)
    if usual_area is None:
        usual_area = float(np.median(area)) if len(area) > 2 else None
    large = area > larger * usual_area if usual_area else np.zeros(len(area), dtype=bool)
    each = np.ones(len(area), dtype=bool) if scores is None else things(boxes, scores)
    flagged: npt.NDArray[np.bool_] = ((inside(boxes)[:, each] > held).sum(axis=1) > 1) | large
    return flagged
