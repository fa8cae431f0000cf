"""WKB made from arrays is that of GEOS, and what the reading knows is painted like what is made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from hypothesis import given, settings

from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.layers import read_classes
from georetrieval.geo.legend import Legend
from georetrieval.geo.paint import Painter
from georetrieval.geo.wkb import to_wkb
from tests.geo.test_shapes import SHAPE
from tests.made import tiny


@settings(max_examples=200, deadline=None)
@given(SHAPE)
def test_the_same_bytes_as_geos(shape: shapely.Geometry) -> None:
    if shape is None or shapely.is_empty(shape):
        return
    ring = shapely.Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (2, 1), (2, 2)]])
    some = np.array([shapely.box(0, 0, 1, 2), shape, ring, shapely.MultiPolygon([ring, ring]), shapely.box(3, 0, 4, 1),
                     shapely.force_3d(shapely.Point(1, 2).buffer(3), 7.0)], object)
    assert to_wkb(some).tolist() == shapely.to_wkb(some, output_dimension=2).tolist()
    assert to_wkb(some[[0, 4]]).tolist() == shapely.to_wkb(some[[0, 4]]).tolist()


def test_nothing_has_no_wkb() -> None:
    assert len(to_wkb(np.empty(0, object))) == 0


def test_what_was_read_is_painted_like_what_is_made(tmp_path: Path) -> None:
    delivery = open_delivery(tiny.write_vectors(tmp_path))
    found = read_classes(delivery, Legend.load("bdtopo12"), bounds=None, crs=tiny.CRS)
    assert found.known is not None
    assert found.known.same.any()  # the wood, the lake, the building
    assert not found.known.same[found.code == tiny.ROAD].any()  # buffered
    assert (found.known.bounds == shapely.bounds(found.geometry)).all()
    made = replace(found, known=None)
    painted = Painter(found).paint(tiny.BOUNDS, (300, 300))
    assert len(np.unique(painted)) == 5
    assert (painted == Painter(made).paint(tiny.BOUNDS, (300, 300))).all()
    for row in np.flatnonzero(found.known.same):
        assert shapely.equals(shapely.force_2d(shapely.from_wkb(found.known.wkb[row])), found.geometry[row])


def test_heights_mended_and_moved_objects(tmp_path: Path) -> None:
    folder = tiny.write_vectors(tmp_path)
    path = next(folder.rglob("BATI_INDIFFERENCIE.*shp"))
    frame = gpd.read_file(path)
    one = frame.geometry.iloc[0]
    west, south = one.bounds[:2]
    corners = [(200, 0), (240, 40), (240, 0), (200, 40)]
    bow = shapely.Polygon([(west + x, south + y) for x, y in corners])
    shapes = [shapely.force_3d(one, 5.0), shapely.force_3d(bow, 5.0)]
    gpd.GeoDataFrame({name: [frame[name].iloc[0]] * 2 for name in frame.columns if name != "geometry"},
                     geometry=shapes, crs=frame.crs).to_file(path)
    found = read_classes(open_delivery(folder), Legend.load("bdtopo12"), bounds=None, crs=tiny.CRS)
    known, built = found.known, found.code == tiny.BUILDING
    assert known is not None
    assert found.mended == 1
    assert known.same[built].tolist() == [True, False]
    assert shapely.has_z(shapely.from_wkb(known.wkb[built][0]))
    painted = Painter(found).paint(tiny.BOUNDS, (500, 500))
    assert (painted == Painter(replace(found, known=None)).paint(tiny.BOUNDS, (500, 500))).all()
    assert np.count_nonzero(painted == tiny.BUILDING) > 100 * 100 / 4  # the building and the bow
    moved = read_classes(open_delivery(folder), Legend.load("bdtopo12"), bounds=None, crs="EPSG:32631")
    assert moved.known is not None
    assert not moved.known.same.any()
