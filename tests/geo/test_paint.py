"""Painting: areas from geometry, order, edges; rasterio as the oracle, on real deliveries too."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.layers import ClassedObjects, read_classes
from georetrieval.geo.legend import Legend
from georetrieval.geo.paint import Painter, paint, paint_reference
from tests.made import tiny

REAL = os.environ.get("GEORETRIEVAL_TEST_DATA")
BOUNDS = (0.0, 0.0, 100.0, 100.0)


def objects(*pairs: tuple[shapely.Geometry, int]) -> ClassedObjects:
    """Classed objects in the order given."""
    geometry = np.empty(len(pairs), object)
    geometry[:] = [shape for shape, _ in pairs]
    return ClassedObjects(geometry, np.array([code for _, code in pairs], np.uint8), 0, 0, ())


def test_a_square_covers_its_pixels_and_row_zero_is_the_north() -> None:
    codes = paint(objects((shapely.box(10, 70, 40, 90), 6)), BOUNDS, (100, 100))
    assert codes.dtype == np.uint8
    assert (codes[10:30, 10:40] == 6).all()
    assert np.count_nonzero(codes) == 20 * 30


def test_the_last_object_lies_on_top() -> None:
    wood, road = shapely.box(0, 0, 100, 100), shapely.box(0, 40, 100, 60)
    codes = paint(objects((wood, 10), (road, 1)), BOUNDS, (100, 100))
    assert np.bincount(codes.ravel(), minlength=11)[[0, 1, 10]].tolist() == [0, 2000, 8000]


def test_an_object_across_the_edge_is_painted_in_both_tiles() -> None:
    painter = Painter(objects((shapely.box(90, 0, 120, 100), 6)))
    assert np.count_nonzero(painter.paint(BOUNDS, (100, 100))) == 1000
    assert np.count_nonzero(painter.paint((100.0, 0.0, 200.0, 100.0), (100, 100))) == 2000


def test_holes_stay_open_and_overlapping_parts_are_no_hole() -> None:
    ring = shapely.box(10, 10, 90, 90).difference(shapely.box(40, 40, 60, 60))
    codes = paint(objects((ring, 7)), BOUNDS, (100, 100))
    assert np.count_nonzero(codes) == 80 * 80 - 20 * 20


def test_a_block_is_its_tiles() -> None:
    rng = np.random.default_rng(0)
    circles = shapely.buffer(shapely.points(rng.uniform(0, 400, (200, 2))), rng.uniform(1, 40, 200))
    painter = Painter(objects(*zip(circles, rng.integers(1, 13, 200), strict=True)))
    block = painter.paint((0.0, 0.0, 400.0, 400.0), (256, 256))
    for col in range(4):
        for row in range(4):
            tile = painter.paint((col * 100.0, 300 - row * 100.0, col * 100.0 + 100, 400 - row * 100.0), (64, 64))
            assert (tile == block[row * 64:row * 64 + 64, col * 64:col * 64 + 64]).all()


def test_a_large_block_is_painted_in_strips_and_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    circles = shapely.buffer(shapely.points(rng.uniform(0, 400, (100, 2))), rng.uniform(1, 60, 100))
    painter = Painter(objects(*zip(circles, rng.integers(1, 13, 100), strict=True)))
    whole = painter.paint((0.0, 0.0, 400.0, 300.0), (384, 512))
    assert len(np.unique(whole)) > 5
    for pixels in (1, 5 * 512, 100 * 512):  # strips of 1 row, 5 rows (the last one shorter), 100 rows
        monkeypatch.setattr("georetrieval.geo.paint.STRIP", pixels)
        assert (painter.paint((0.0, 0.0, 400.0, 300.0), (384, 512)) == whole).all()


def test_nothing_to_paint() -> None:
    assert Painter(objects()).bounds is None
    assert not paint(objects(), BOUNDS, (8, 8)).any()
    assert not paint(objects((shapely.box(200, 200, 300, 300), 6)), BOUNDS, (8, 8)).any()
    assert not paint(objects((shapely.Polygon(), 6), (shapely.Point(200, 0).buffer(1), 3)), BOUNDS, (8, 8)).any()


coordinates = st.floats(-50, 150, allow_nan=False, width=32)
polygons = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12).map(
    lambda points: shapely.make_valid(shapely.Polygon(points), method="structure", keep_collapsed=False)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(polygons, st.integers(1, 12)), max_size=6))
def test_any_valid_polygons_agree_with_rasterio(pairs: list[tuple[shapely.Geometry, int]]) -> None:
    found = objects(*pairs)
    mine, oracle = paint(found, BOUNDS, (50, 50)), paint_reference(found, BOUNDS, (50, 50))
    assert set(np.unique(mine)) <= {0, *(code for _, code in pairs)}
    free = ~on_an_edge([shape for shape, _ in pairs])
    assert (mine == oracle)[free].all()


def on_an_edge(shapes: list[shapely.Geometry]) -> np.ndarray:
    """(50, 50) bool: pixels whose centre lies on an outline, which may go either way."""
    left, bottom, right, top = BOUNDS
    x = left + (np.arange(50) + 0.5) * (right - left) / 50
    y = top - (np.arange(50) + 0.5) * (top - bottom) / 50
    centres = shapely.points(*np.meshgrid(x, y))
    edges = shapely.union_all([shape.boundary for shape in shapes if not shape.is_empty])
    return np.asarray(shapely.dwithin(centres, edges, 1e-6))


def test_the_tiny_delivery_has_the_areas_that_were_drawn(tmp_path: Path) -> None:
    delivery = open_delivery(tiny.write_vectors(tmp_path))
    found = read_classes(delivery, Legend.load("bdtopo12"), bounds=None, crs=tiny.CRS)
    counts = np.bincount(paint(found, tiny.BOUNDS, (500, 500)).ravel(), minlength=13) * 4
    assert counts[tiny.BUILDING] == 100 * 100
    assert counts[tiny.LAKE] == 300 * 300
    assert counts[tiny.WOOD] == 480 * 480
    assert counts[tiny.ROAD] == 1000 * 20


@pytest.mark.skipif(not REAL, reason="GEORETRIEVAL_TEST_DATA is not set")
@pytest.mark.parametrize("name", ["isere_bdtopo_v2", "la_fleche_bdtopo_v20"])
@pytest.mark.parametrize("px", [256, 1000])
def test_real_deliveries_agree_with_rasterio(name: str, px: int) -> None:
    found = read_classes(
        open_delivery(Path(str(REAL)) / "vectors" / name), Legend.load("bdtopo12"), bounds=None, crs="EPSG:2154"
    )
    middle = shapely.centroid(found.geometry)
    west, south = (float(np.median(axis) // 1000 * 1000) for axis in (shapely.get_x(middle), shapely.get_y(middle)))
    cell = (west, south, west + 1000, south + 1000)
    mine, oracle = paint(found, cell, (px, px)), paint_reference(found, cell, (px, px))
    assert np.count_nonzero(mine) > 0.05 * px * px
    assert (mine == oracle).mean() >= 0.999
