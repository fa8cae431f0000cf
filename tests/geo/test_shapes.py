"""Mending: never raises, never turns overlaps into holes, counts what it leaves out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from georetrieval.geo.shapes import polygons, usable

ODD = (0.0, 1e300, -1e300, math.inf, math.nan, 905_000.0)
NUMBER = st.one_of(st.floats(-50, 50), st.sampled_from(ODD), st.integers(-5, 5).map(float))
POINT = st.tuples(NUMBER, NUMBER)


def ring(points):
    """A ring that begins and ends at a finite point, since GEOS calls no other closed."""
    return shapely.Polygon([(1.0, 2.0), *points, (1.0, 2.0)])


RINGS = st.lists(st.lists(POINT, min_size=2, max_size=6).map(ring), min_size=1, max_size=3)
SHAPE = st.one_of(
    st.none(), st.just(shapely.Polygon()), POINT.map(shapely.Point),
    st.lists(POINT, min_size=2, max_size=6).map(shapely.LineString), RINGS.map(lambda rings: rings[0]),
    RINGS.map(shapely.MultiPolygon), RINGS.map(shapely.GeometryCollection),
)


def array(items):
    found = np.empty(len(items), object)
    found[:] = items
    return found


@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=200, deadline=None)
@given(st.lists(SHAPE, max_size=6), st.booleans())
@example([shapely.Polygon([(1, 2), (0, 7.206e-222), (1, 0), (0, 0), (1, 1), (1, 2)])], False)
def test_any_geometry_becomes_valid_polygons_or_is_counted(items, wide):
    given_ = array(items)
    shapes = polygons(given_, np.full(len(items), 3.0) if wide else None, move=None, ground=True)
    assert len(shapes.geometry) == len(shapes.rows) == len(items) - sum(shapes.dropped.values())
    assert shapely.is_valid(shapes.geometry).all()
    assert set(shapely.get_type_id(shapes.geometry).tolist()) <= {3, 6}
    assert (shapely.area(shapes.geometry) > 0).all()


def test_a_point_becomes_a_disc_of_its_width():
    """A circle of 4 segments a quarter is a 16-gon: area n/2 r^2 sin(2 pi / n)."""
    shapes = polygons(array([shapely.Point(5, 5)]), np.array([8.0]), move=None, ground=False)
    assert shapely.area(shapes.geometry)[0] == pytest.approx(8 * 16 * math.sin(2 * math.pi / 16))


def test_lines_without_a_width_are_left_out():
    shapes = polygons(array([shapely.LineString([(0, 0), (9, 9)])]), None, move=None, ground=False)
    assert shapes.dropped == {"a line or point of a class without a width": 1}


def test_the_origin_is_a_place_in_a_layer_that_lies_there():
    near, far = shapely.box(0, 0, 10, 10), shapely.box(905_000, 6_930_000, 905_010, 6_930_010)
    assert usable(array([near]), ground=True)[1] == {}
    rows, dropped = usable(array([far, near, far]), ground=True)
    assert rows.tolist() == [0, 2]
    assert dropped == {"placed at (0, 0)": 1}
    assert usable(array([far, near, far]), ground=False)[1] == {}


def test_points_beyond_the_reach_of_a_reprojection_are_left_out():
    shapes = polygons(array([shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)]), None, ground=False,
                      move=lambda points: np.where(points > 4, np.inf, points))
    assert shapes.rows.tolist() == [0]
    assert shapes.dropped == {"outside the reach of the reprojection": 1}


def test_a_sliver_without_area_is_dropped_and_counted():
    sliver = shapely.Polygon([(1, 2), (0, 0), (0, 9.157e-90)])
    shapes = polygons(array([sliver, shapely.box(0, 0, 1, 1)]), None, move=None, ground=False)
    assert shapes.dropped == {"no area": 1}
    assert shapes.rows.tolist() == [1]
