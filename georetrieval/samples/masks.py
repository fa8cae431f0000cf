"""Masks drawn from polygons: LabelMe JSON, SVG, and GeoJSON in pixel coordinates become binary pictures."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image
from rasterio.features import rasterize
from shapely.affinity import affine_transform
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from georetrieval.errors import InputError
from georetrieval.foreign import read_bytes
from georetrieval.samples.svg import Outline, read_svg

SUFFIXES = (".json", ".geojson", ".svg")
LINE_PX = 3.0
"""Width of a line that says none (LabelMe, GeoJSON)."""
MOST_BYTES = 16 << 20
MOST_POINTS = 200_000
MOST_SIDE = 16_384
MOST_PIXELS = 64 << 20
_LABELS = ("label", "class", "name", "key", "id")
"""Properties of a GeoJSON feature that may hold its label; the first one that is there counts."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """Shapes on a canvas.

    Attributes
    ----------
    size : (height, width) in pixels; None where the file does not say
    shapes : label and shapely geometry of each, x to the right and y down, pixel (0, 0) from 0 to 1
    """

    size: tuple[int, int] | None
    shapes: tuple[tuple[str, BaseGeometry], ...]

    @property
    def labels(self) -> list[str]:
        """Those that occur, sorted."""
        return sorted({label for label, _ in self.shapes})

    def mask(self, label: str | None = None, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
        """(h, w) uint8, 255 where the middle of a pixel lies in a shape, else 0.

        Parameters
        ----------
        label : only shapes of this label; None is all
        size : (height, width); shapes are stretched to it where the file says another one

        Raises
        ------
        InputError
            When there is no shape, no size, or nothing of the shapes lies on the canvas.
        """
        canvas = size or self.size
        if canvas is None:
            raise InputError("The drawing does not say how large its picture is; give its width and height (--size).")
        _check_size(canvas)
        chosen = [shape for name, shape in self.shapes if label is None or name == label]
        if not chosen:
            raise InputError(f"The drawing has no shape{'' if label is None else f' labelled {label!r}'}; it has "
                             f"{', '.join(map(repr, self.labels)) or 'none at all'}.")
        known = self.size or canvas
        stretch = [canvas[1] / known[1], 0, 0, canvas[0] / known[0], 0, 0]
        drawn = rasterize([(affine_transform(shape, stretch), 255) for shape in chosen], out_shape=canvas,
                          fill=0, dtype="uint8")
        if not drawn.any():
            raise InputError(f"Nothing of the drawing lies on its picture of {canvas[1]} x {canvas[0]} pixels.")
        return np.asarray(drawn, np.uint8)

    def of_key(self, key: str, size: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
        """The mask of the shapes labelled `key`; of all where there is one label (or none) for all.

        Raises
        ------
        InputError
            As `mask`, and when there are several labels and none of them is `key`.
        """
        return self.mask(key if key in self.labels or len(self.labels) > 1 else None, size)


def read_drawing(path: Path, *, line_px: float = LINE_PX) -> Drawing:
    """The shapes of a LabelMe JSON, SVG or GeoJSON file.

    Parameters
    ----------
    line_px : width in pixels of lines that say none

    Raises
    ------
    InputError
        When the file is missing, too large, damaged, or of another kind.

    Notes
    -----
    GeoJSON is read in pixels, y down; where no y is above 0 it is read as QGIS draws on pictures without a place: y up
    from -height. Overlapping parts of one SVG path cancel each other (even-odd).
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path} is no drawing; give LabelMe JSON, GeoJSON or SVG ({', '.join(SUFFIXES)}).")
    data = read_bytes(path, MOST_BYTES, "a drawing of a mask")
    try:
        drawing = _of_svg(data) if path.suffix.lower() == ".svg" else _of_json(data, line_px)
        if drawing.size is not None:
            _check_size(drawing.size)
        if not drawing.shapes:
            raise InputError("it has no shape that is drawn")
        return drawing
    except InputError as error:
        raise InputError(f"{path} cannot be drawn: {str(error).rstrip('.')}.") from error
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError, ShapelyError) as error:
        raise InputError(f"{path} cannot be drawn: it is damaged, or neither LabelMe JSON, GeoJSON nor SVG.") from error


def png_of(mask: npt.NDArray[np.uint8]) -> bytes:
    """The bytes of a grey PNG."""
    data = io.BytesIO()
    Image.fromarray(mask, mode="L").save(data, "PNG")
    return data.getvalue()


def _check_size(size: tuple[int, int]) -> None:
    height, width = size
    if min(size) < 1 or max(size) > MOST_SIDE or height * width > MOST_PIXELS:
        raise InputError(f"A mask of {width} x {height} pixels is not drawn; 1 to {MOST_SIDE} a side, "
                         f"{MOST_PIXELS >> 20} megapixels at most.")


def _points(values: Any) -> npt.NDArray[np.float64]:
    points = np.asarray(values, np.float64)
    if points.ndim != 2 or points.shape[1] < 2 or len(points) > MOST_POINTS or not np.isfinite(points).all():
        raise ValueError
    return points[:, :2]


def _area(points: npt.NDArray[np.float64]) -> BaseGeometry:
    if len(points) < 3:
        raise InputError("a polygon has fewer than three points")
    return shapely.make_valid(shapely.Polygon(points))


def _of_json(data: bytes, line_px: float) -> Drawing:
    value = json.loads(data.decode("utf-8-sig"))
    if not isinstance(value, dict):
        raise TypeError
    if "shapes" in value:
        size = int(value["imageHeight"]), int(value["imageWidth"])
        return Drawing(size, tuple((str(s.get("label", "")), _labelme(s, line_px)) for s in value["shapes"]))
    shapes = tuple(_geojson(value, line_px))
    if shapes and max(shape.bounds[3] for _, shape in shapes) <= line_px and min(s.bounds[1] for _, s in shapes) < 0:
        shapes = tuple((label, affine_transform(shape, [1, 0, 0, -1, 0, 0])) for label, shape in shapes)
    return Drawing(None, shapes)


def _labelme(shape: dict[str, Any], line_px: float) -> BaseGeometry:
    """*Source*: LabelMe's annotation file (shape_type polygon, rectangle, circle, line, linestrip)."""
    kind, points = str(shape.get("shape_type") or "polygon"), _points(shape["points"])
    if kind == "polygon":
        drawn = _area(points)
    elif kind == "rectangle":
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        drawn = shapely.box(x0, y0, x1, y1)
    elif kind == "circle":
        drawn = shapely.Point(points[0]).buffer(float(np.linalg.norm(points[1] - points[0])))
    elif kind in ("line", "linestrip"):
        drawn = shapely.LineString(points).buffer(line_px / 2)
    else:
        raise InputError(f"it has a shape of the kind {kind!r}; polygon, rectangle, circle, line and linestrip are "
                         "drawn")
    if not drawn.area:
        raise InputError(f"it has a {kind} without any area")
    return drawn


def _geojson(value: dict[str, Any], line_px: float, label: str = "") -> Iterator[tuple[str, BaseGeometry]]:
    kind = value["type"]
    if kind == "FeatureCollection":
        for feature in value["features"]:
            yield from _geojson(feature, line_px)
    elif kind == "Feature":
        properties = value.get("properties") or {}
        label = next((str(properties[name]) for name in _LABELS if properties.get(name) is not None), "")
        if value.get("geometry") is not None:
            yield from _geojson(value["geometry"], line_px, label)
    else:
        shape = shapely.from_geojson(json.dumps(value))
        if shapely.get_num_coordinates(shape) > MOST_POINTS or not np.isfinite(shapely.get_coordinates(shape)).all():
            raise ValueError
        if shape.is_empty or shape.geom_type.endswith("Point"):
            raise InputError(f"it has a geometry of the kind {kind!r} with nothing to draw")
        yield label, shapely.make_valid(shape) if shape.area else shape.buffer(line_px / 2)


def _of_svg(data: bytes) -> Drawing:
    (left, top, width, height), outlines = read_svg(data)
    size = round(height), round(width)
    shapes = []
    for outline in outlines:
        shape = _drawn(outline)
        if not shape.is_empty:
            shapes.append((outline.label, affine_transform(shape, [1, 0, 0, 1, -left, -top])))
    return Drawing(size, tuple(shapes))


def _drawn(outline: Outline) -> BaseGeometry:
    """Fill and stroke of an outline as one area."""
    area: BaseGeometry = shapely.Polygon()
    for points in outline.lines:
        if outline.filled and len(points) >= 3:
            area = area.symmetric_difference(_area(_points(points)))
    for points, closed in zip(outline.lines, outline.closed, strict=True):
        if outline.stroke > 0 and len(points) >= 2:
            ring = np.concatenate([points, points[:1]]) if closed else points
            area = area.union(shapely.LineString(_points(ring)).buffer(outline.stroke / 2, cap_style="flat"))
    return area
