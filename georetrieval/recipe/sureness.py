"""How sure the first answers of an index are, by its calibration and by which of its rows are one place."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely

from georetrieval.maps import bounds_of
from georetrieval.search.confidence import confidence
from georetrieval.search.gallery import Gallery
from georetrieval.search.index import Doubles, Rows
from georetrieval.search.matches import Matches
from georetrieval.search.row_source import Store

SAME = 0.5
"""Rows that share more than this part of their ground are one place."""


def places_of(table: pa.Table) -> Rows:
    """(n,) int: the place of each row of an index; a row joins the first one that it shares over half its ground with.

    Parameters
    ----------
    table : columns xmin, ymin, xmax, ymax
    """
    bounds = bounds_of(table, np.arange(table.num_rows))
    distinct, which = np.unique(bounds, axis=0, return_inverse=True)
    boxes = shapely.box(*distinct.T)
    one, other = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    shared = shapely.area(shapely.intersection(boxes[one], boxes[other]))
    near = (shared > SAME * shapely.area(boxes[one])) & (one < other)
    place = np.arange(len(distinct))
    for a, b in sorted(zip(one[near].tolist(), other[near].tolist(), strict=True)):
        if place[a] == a and place[b] == b:
            place[b] = a
    return np.asarray(place[which], np.int64)


def confidences(store: Store, matches: Matches, gallery: Gallery, judged: Rows | None = None) -> Doubles | None:
    """(nq,) probability that the first answers are right, by the index's calibration; None when it has none.

    Parameters
    ----------
    matches : of the plain search of this index, with at least `DEPTH` answers asked for
    judged : (nq,) the rows that are judged where they are not the first ones (after re-ranking)
    """
    calibration = store.manifest.calibration
    if calibration is None or gallery.attributes is None:
        return None
    return confidence(matches, gallery, calibration, places=places_of(gallery.attributes), judged=judged)
