"""Masks from drawings, on shapes whose pixels are counted by hand."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.samples.masks import MOST_BYTES, png_of, read_drawing


def labelme(*shapes: dict, size=(10, 20)) -> str:
    return json.dumps({"version": "5.0", "imageHeight": size[0], "imageWidth": size[1], "shapes": list(shapes)})


def svg(inside: str, view: str = 'viewBox="0 0 20 10"') -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" {view}>{inside}</svg>'


def geojson(*features: tuple[str, dict]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": [
        {"type": "Feature", "properties": {"label": label}, "geometry": shape} for label, shape in features]})


def written(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def where(mask: np.ndarray) -> tuple[int, int, int, int, int]:
    """x0, y0, x1, y1 of what is set, and how many pixels that are."""
    assert set(np.unique(mask)) <= {0, 255}
    y, x = np.nonzero(mask)
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1, len(x)


SQUARE = [[2, 3], [8, 3], [8, 7], [2, 7]]
POLYGON = {"type": "Polygon", "coordinates": [[*SQUARE, SQUARE[0]]]}
BAR = {"type": "LineString", "coordinates": [[2, 5], [12, 5]]}
RECTANGLE = (2, 3, 8, 7, 24)


@pytest.mark.parametrize(("name", "text"), [
    ("a.json", labelme({"label": "open", "points": SQUARE, "shape_type": "polygon"})),
    ("a.json", labelme({"label": "open", "points": [[8, 7], [2, 3]], "shape_type": "rectangle"})),
    ("a.svg", svg('<polygon points="2,3 8,3 8,7 2,7"/>')),
    ("a.svg", svg('<rect x="2" y="3" width="6" height="4"/>')),
    ("a.svg", svg('<path d="M2 3h6v4H2z"/>')),
    ("a.svg", svg('<path d="m 2,3 6,0 0,4 -6,0 z"/>')),
    ("a.svg", svg('<g transform="translate(2 3)"><g transform="scale(2)"><path d="M0 0L3 0L3 2L0 2"/></g></g>')),
    ("a.svg", svg('<rect x="-3" y="-2" width="6" height="4" transform="matrix(1 0 0 1 5 5)"/>')),
    ("a.svg", svg('<rect x="3" y="-8" width="4" height="6" transform="rotate(90)"/>')),
    ("a.svg", svg('<line x1="2" y1="5" x2="8" y2="5" stroke="red" stroke-width="4"/>')),
    ("a.svg", svg('<path style="fill:none;stroke:#000;stroke-width:4px" d="M 2 5 L 8 5"/>')),
    ("a.svg", svg('<rect x="102" y="53" width="6" height="4"/>', 'viewBox="100 50 20 10" width="20mm" height="10mm"')),
    ("a.svg", svg('<defs><rect width="20" height="10"/></defs><rect x="2" y="3" width="6" height="4"/>',
                  'width="20px" height="10"')),
    ("a.svg", svg('<rect width="9" height="9" display="none"/><rect x="2" y="3" width="6" height="4"/>')),
])
def test_the_same_rectangle_drawn_in_many_ways(tmp_path, name, text):
    drawing = read_drawing(written(tmp_path, name, text))
    assert drawing.size == (10, 20)
    assert where(drawing.mask()) == RECTANGLE


@pytest.mark.parametrize("sign", [1, -1])
def test_geojson_needs_a_size_and_may_be_upside_down_like_in_qgis(tmp_path, sign):
    shape = {"type": "Polygon", "coordinates": [[[x, sign * y] for x, y in [*SQUARE, SQUARE[0]]]]}
    drawing = read_drawing(written(tmp_path, "a.geojson", geojson(("open", shape))))
    assert where(drawing.mask(size=(10, 20))) == RECTANGLE
    with pytest.raises(InputError, match="width and height"):
        drawing.mask()


def test_lines_have_a_width(tmp_path):
    """A line from 2 to 12 at y = 5, 4 px wide with round ends: its full columns are 2..12, its rows 3..7."""
    for name, text in (("a.geojson", geojson(("", BAR))),
                       ("a.json", labelme({"label": "", "points": BAR["coordinates"], "shape_type": "line"}))):
        mask = read_drawing(written(tmp_path, name, text), line_px=4).mask(size=(10, 20))
        x0, y0, x1, y1, _ = where(mask)
        assert (y0, y1) == (3, 7)
        assert (mask[3:7, 2:12] == 255).all()
        assert 0 <= x0 <= 2
        assert 12 <= x1 <= 14


def test_a_stroke_is_scaled_with_its_group_and_a_curve_is_drawn(tmp_path):
    text = svg('<g transform="scale(2)"><line x1="1" y1="2.5" x2="4" y2="2.5" stroke="red" stroke-width="2"/></g>')
    assert where(read_drawing(written(tmp_path, "a.svg", text)).mask()) == RECTANGLE
    circle = read_drawing(written(tmp_path, "a.svg", svg('<circle cx="50" cy="50" r="40"/>', 'viewBox="0 0 100 100"')))
    assert where(circle.mask())[4] == pytest.approx(np.pi * 1600, rel=0.01)
    curve = svg('<path d="M 0 0 Q 50 100 100 0"/>', 'viewBox="0 0 100 100"')  # a parabola of height 50: 2/3 of its box
    assert where(read_drawing(written(tmp_path, "a.svg", curve)).mask())[4] == pytest.approx(100 * 50 * 2 / 3, rel=0.01)
    smooth = svg('<path d="M0 50 C0 20 50 20 50 50 S100 80 100 50z" fill-rule="evenodd"/>', 'viewBox="0 0 100 100"')
    mask = read_drawing(written(tmp_path, "a.svg", smooth)).mask()
    assert (mask[:50, :50] == 255).sum() == pytest.approx((mask[50:, 50:] == 255).sum(), rel=0.02)
    assert not mask[:48, 52:].any()


def test_holes_stay_open(tmp_path):
    """An 8 x 8 square with a 4 x 4 hole: 48 pixels."""
    ring = '<path d="M1 1h8v8h-8z M3 3h4v4h-4z"/>'
    assert where(read_drawing(written(tmp_path, "a.svg", svg(ring, 'viewBox="0 0 10 10"'))).mask())[4] == 48
    hole = {"type": "Polygon", "coordinates": [[[1, 1], [9, 1], [9, 9], [1, 9], [1, 1]],
                                               [[3, 3], [3, 7], [7, 7], [7, 3], [3, 3]]]}
    found = read_drawing(written(tmp_path, "a.geojson", geojson(("", hole))))
    assert where(found.mask(size=(10, 10)))[4] == 48


def test_labels_choose(tmp_path):
    corner = {"label": "close", "points": [[10, 0], [12, 0], [12, 2], [10, 2]]}
    both = labelme({"label": "open", "points": SQUARE}, corner)
    drawing = read_drawing(written(tmp_path, "a.json", both))
    assert drawing.labels == ["close", "open"]
    assert where(drawing.of_key("open")) == RECTANGLE
    assert where(drawing.of_key("close")) == (10, 0, 12, 2, 4)
    assert where(drawing.mask())[4] == 28
    with pytest.raises(InputError, match="no shape labelled 'shut'; it has 'close', 'open'"):
        drawing.of_key("shut")
    layers = svg('<g id="open"><rect id="rect12" x="2" y="3" width="6" height="4"/></g><g id="close">'
                 '<path id="path7" d="M10 0h2v2h-2z"/></g><rect id="close-2" x="14" y="0" width="1" height="1"/>')
    drawing = read_drawing(written(tmp_path, "a.svg", layers))
    assert drawing.labels == ["close", "open"]
    assert where(drawing.of_key("close"))[4] == 5
    alone = read_drawing(written(tmp_path, "a.svg", svg('<rect id="bar" x="2" y="3" width="6" height="4"/>')))
    assert where(alone.of_key("open")) == RECTANGLE, "one label for all is the key's, whatever it is"


def test_stretched_to_the_size_of_the_picture(tmp_path):
    drawing = read_drawing(written(tmp_path, "a.json", labelme({"label": "", "points": SQUARE})))
    assert where(drawing.mask(size=(20, 40))) == (4, 6, 16, 14, 96)


def test_png():
    pixels = np.array([[0, 255], [255, 0]], np.uint8)
    with Image.open(io.BytesIO(png_of(pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


BOMB = '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + svg("<desc>&b;</desc>")
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + svg("<desc>&x;</desc>")


@pytest.mark.parametrize(("name", "text", "told"), [
    ("a.json", labelme({"label": "a", "points": [[2, 3], [8, 3], [5, 3]], "shape_type": "polygon"}), "any area"),
    ("a.json", labelme({"label": "a", "points": [[2, 3], [2, 8]], "shape_type": "rectangle"}), "without any area"),
    ("a.svg", BOMB, "document type"),
    ("a.svg", BOMB.encode("utf-16"), "document type"),
    ("a.svg", OUTSIDE, "document type"),
    ("a.svg", "<svg", "no well-formed XML"),
    ("a.svg", "<html/>", "not svg"),
    ("a.svg", "<svg/>", "neither a viewBox"),
    ("a.svg", svg(""), "no shape that is drawn"),
    ("a.svg", svg('<image href="http://example.org/x.png"/>'), "no shape that is drawn"),
    ("a.svg", svg('<path d="M0 0 A 3 3 0 0 1 5 5"/>'), "'A', which is not drawn"),
    ("a.svg", svg('<path d="L"/><path d="5 5"/>'), "does not begin with a command"),
    ("a.svg", svg('<rect width="3cm" height="2"/>'), "'3cm' is not in pixels"),
    ("a.svg", svg('<rect width="3" height="2" transform="skewX(3)"/>'), "transform 'skewX"),
    ("a.svg", svg('<rect width="3" height="2" transform="matrix(1 2)"/>'), "has 2 numbers"),
    ("a.svg", svg("<g>" * 500 + "</g>" * 500), "nested deeper"),
    ("a.svg", svg("<rect/>", 'viewBox="0 0 100000 100000"'), "100000 x 100000"),
    ("a.json", "{", "damaged"),
    ("a.json", "[]", "damaged"),
    ("a.json", "[" * 100_000, "damaged"),
    ("a.json", labelme({"label": "x", "points": [[0, 0], [1, 1]]}), "fewer than three points"),
    ("a.json", labelme({"label": "x", "points": [[0, 0]], "shape_type": "point"}), "kind 'point'"),
    ("a.json", labelme({"label": "x", "points": [[0, 0], [1, float("nan")], [2, 2]]}), "damaged"),
    ("a.json", labelme(), "no shape that is drawn"),
    ("a.json", labelme({"label": "x", "points": SQUARE}, size=(0, 5)), "5 x 0 pixels"),
    ("a.geojson", json.dumps({"type": "Point", "coordinates": [1, 2]}), "nothing to draw"),
    ("a.geojson", json.dumps({"type": "Blob", "coordinates": [1, 2]}), "damaged"),
    ("a.geojson", json.dumps({"type": "FeatureCollection", "features": []}), "no shape that is drawn"),
    ("a.png", "x", "no drawing"),
    ("a.svg", b" " * (MOST_BYTES + 1), "larger than 16 MiB"),
])
def test_bad_files_are_one_sentence(tmp_path, name, text, told):
    path = written(tmp_path, name, text)
    with pytest.raises(InputError, match=told) as error:
        read_drawing(path)
    assert str(path) in str(error.value)


def test_a_missing_file_and_a_drawing_beside_its_picture(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_drawing(tmp_path / "none.svg")
    aside = read_drawing(written(tmp_path, "a.svg", svg('<rect x="30" y="3" width="6" height="4"/>')))
    with pytest.raises(InputError, match="Nothing of the drawing lies on"):
        aside.mask()
