"""RELIABILITY R10: whatever geometry there is, it is painted in classes of the legend, or left out; never an error."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from georetrieval.geo.layers import ClassedObjects
from georetrieval.geo.paint import paint
from georetrieval.geo.shapes import polygons
from tests.geo.test_shapes import NUMBER, POINT, RINGS, SHAPE
from tests.made.campaign import size

EXAMPLES = size(100, 5_000)
BOUNDS, GRID = (-50.0, -50.0, 50.0, 50.0), (100, 100)
SPACE = st.one_of(
    SHAPE,
    st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=2, max_size=5).map(shapely.LineString),
    st.just(shapely.from_wkt("POLYGON ZM ((0 0 -1000 1, 20 20 5 2, 20 0 nan 3, 0 20 5 4, 0 0 -1000 1))")),
    RINGS.map(lambda rings: shapely.GeometryCollection([shapely.MultiPolygon(rings), *rings, shapely.Point(1, 1)])),
    st.lists(POINT, min_size=1, max_size=4).map(shapely.MultiPoint),
)
SIDE = st.integers(-60, 60).map(float)
BOX = st.tuples(SIDE, SIDE, SIDE, SIDE).map(lambda v: shapely.box(min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]) + 1,
                                                                  max(v[1], v[3]) + 1))


def painted(shapes: list[shapely.Geometry | None], codes: list[int]) -> np.ndarray:
    """Shapes made paintable as a delivery's are, in the painter's order: that of the codes."""
    geometry = np.empty(len(shapes), object)
    geometry[:] = shapes
    found = polygons(geometry, np.full(len(shapes), 4.0), move=None, ground=False)
    code = np.asarray(codes, np.uint8)[found.rows]
    order = np.argsort(code, kind="stable")
    return paint(ClassedObjects(found.geometry[order], code[order], 0, 0, ()), BOUNDS, GRID)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(st.tuples(SPACE, st.integers(1, 12)), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_anything_is_painted_in_its_classes_whatever_the_order_of_reading(pairs, chance) -> None:
    codes = [code for _, code in pairs]
    seen = painted([shape for shape, _ in pairs], codes)
    assert set(np.unique(seen)) <= {0, *codes}
    chance.shuffle(pairs)
    assert (painted([shape for shape, _ in pairs], [code for _, code in pairs]) == seen).all()


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.lists(BOX, min_size=2, max_size=5))
def test_overlapping_parts_are_no_hole(boxes) -> None:
    together = painted([shapely.MultiPolygon(boxes)], [7])
    apart = np.maximum.reduce([painted([box], [7]) for box in boxes])
    assert (together == apart).all()
