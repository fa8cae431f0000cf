"""Shapes of an SVG drawing: paths, polygons, polylines, lines, rectangles, circles and ellipses, with their strokes.

Only what draws is read. A document type declaration, and with it every entity, is refused before anything is expanded;
nothing is ever fetched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError

Points = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
STEPS = 16
"""Straight pieces that a curve is drawn with."""
MOST_DEEP = 200
_SVG = "http://www.w3.org/2000/svg"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_TOKEN = re.compile(rf"([MmLlHhVvCcSsQqTtZzAa])|({_NUMBER})|([^\s,])")
_TURN = re.compile(r"\s*,?\s*(matrix|translate|scale|rotate)\s*\(([^)]*)\)")
_TAKES = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "Z": 0}
_UNDRAWN = {"defs", "clippath", "mask", "pattern", "symbol", "marker", "metadata"}
_MADE_UP = {"path", "rect", "line", "polygon", "polyline", "circle", "ellipse", "g", "group", "layer", "svg", "image"}
_INHERITED = ("fill", "stroke", "stroke-width", "display")


@dataclass(frozen=True, eq=False)
class Outline:
    """Lines of one element, in the pixels of the drawing.

    Attributes
    ----------
    label : the element's label, or its id without the number at its end unless a program made it up ("path834"), or
        the label of the group around it; "" without any
    lines : each (n, 2) float64, x, y
    closed : one per line
    filled : whether what they enclose is drawn
    stroke : width of the drawn line in pixels; 0 for none
    """

    label: str
    lines: tuple[Points, ...]
    closed: tuple[bool, ...]
    filled: bool
    stroke: float


@dataclass
class _Reader:
    """Collects outlines while the parser walks through the elements; one entry of each stack per open element."""

    outlines: list[Outline] = field(default_factory=list)
    box: tuple[float, float, float, float] | None = None
    turns: list[Matrix] = field(default_factory=lambda: [np.eye(3)])
    looks: list[dict[str, str]] = field(default_factory=lambda: [{}])
    labels: list[str] = field(default_factory=lambda: [""])
    hidden: int = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, tag = name.rpartition(" ")
        if len(self.turns) > MOST_DEEP:
            raise InputError(f"its elements are nested deeper than {MOST_DEEP}")
        if len(self.turns) == 1 and (tag != "svg" or space not in ("", _SVG)):
            raise InputError(f"its first element is {tag!r}, not svg")
        if tag == "svg" and self.box is None:
            self.box = _view(attributes)
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        look = self.looks[-1] | _look(plain)
        self.turns.append(self.turns[-1] @ _turned(plain.get("transform", "")))
        self.looks.append(look)
        self.labels.append(_label(plain) if tag != "svg" else "")
        self.labels[-1] = self.labels[-1] or self.labels[-2]
        self.hidden += tag.lower() in _UNDRAWN or bool(self.hidden)
        if not self.hidden and look.get("display") != "none" and space in ("", _SVG):
            self._draw(tag, plain, look)

    def end(self, name: str) -> None:  # noqa: ARG002
        self.hidden = max(0, self.hidden - 1)
        for stack in (self.turns, self.looks, self.labels):
            stack.pop()

    def _draw(self, tag: str, plain: Mapping[str, str], look: Mapping[str, str]) -> None:
        found = list(_lines(tag, plain))
        if not found:
            return
        turn = self.turns[-1]
        lines = tuple((np.c_[points, np.ones(len(points))] @ turn.T)[:, :2] for points, _ in found)
        width = 0.0
        if look.get("stroke", "none") != "none":
            width = _length(look.get("stroke-width", "1")) * math.sqrt(abs(np.linalg.det(turn[:2, :2])))
        self.outlines.append(Outline(
            self.labels[-1], lines, tuple(closed for _, closed in found),
            filled=look.get("fill", "black") != "none" and tag != "line", stroke=width))


def read_svg(data: bytes) -> tuple[tuple[float, float, float, float], list[Outline]]:
    """The view (left, top, width, height, in units of the drawing) and the outlines in drawing order.

    Raises
    ------
    InputError
        Without a file name: for damaged XML, a document type declaration, no size, or what cannot be drawn.
    """
    reader, parser = _Reader(), expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise InputError(f"it is no well-formed XML ({error})") from error
    if reader.box is None:
        raise InputError("it has neither a viewBox nor a width and height")
    return reader.box, reader.outlines


def _refuse(*_: Any) -> None:
    raise InputError("it has a document type declaration, which is not read; save it as plain SVG")


def _view(attributes: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    if "viewBox" in attributes:
        values = _numbers(attributes["viewBox"])
        if len(values) != 4 or min(values[2:]) <= 0:
            raise InputError(f"its viewBox {attributes['viewBox']!r} is not left, top, width, height")
        return values[0], values[1], values[2], values[3]
    if "width" in attributes and "height" in attributes:
        return 0.0, 0.0, _length(attributes["width"]), _length(attributes["height"])
    return None


def _label(plain: Mapping[str, str]) -> str:
    name = re.sub(r"[-_]?\d+$", "", plain.get("id", ""))
    return plain.get("label") or ("" if name in _MADE_UP else name)


def _look(plain: Mapping[str, str]) -> dict[str, str]:
    """Fill, stroke and the like, from attributes and from style, which counts more."""
    pairs = (part.partition(":") for part in plain.get("style", "").split(";"))
    style = {name.strip(): value.strip() for name, _, value in pairs}
    return {name: value for name in _INHERITED if (value := style.get(name) or plain.get(name))}


def _lines(tag: str, plain: Mapping[str, str]) -> Iterator[tuple[Points, bool]]:
    """Points of each line of an element, and whether it is closed."""
    value = {name: _length(plain.get(name, "0"))
             for name in ("x", "y", "width", "height", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry")
             if tag in ("rect", "line", "circle", "ellipse")}
    if tag in ("polygon", "polyline"):
        numbers = _numbers(plain.get("points", ""))
        yield np.asarray(numbers[:len(numbers) // 2 * 2]).reshape(-1, 2), tag == "polygon"
    elif tag == "rect":
        x0, y0 = value["x"], value["y"]
        x1, y1 = x0 + value["width"], y0 + value["height"]
        yield np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), True
    elif tag == "line":
        yield np.array([[value["x1"], value["y1"]], [value["x2"], value["y2"]]]), False
    elif tag in ("circle", "ellipse"):
        rx, ry = (value["r"], value["r"]) if tag == "circle" else (value["rx"], value["ry"])
        angles = np.arange(4 * STEPS) * (2 * np.pi / (4 * STEPS))
        yield np.stack([value["cx"] + rx * np.cos(angles), value["cy"] + ry * np.sin(angles)], axis=1), True
    elif tag == "path":
        yield from _path(plain.get("d", ""))


def _path(text: str) -> Iterator[tuple[Points, bool]]:
    """Lines of a path; curves become `STEPS` straight pieces."""
    at, start, last = np.zeros(2), np.zeros(2), np.zeros(2)
    line: list[Points] = []
    for letter, numbers in _commands(text):
        kind = letter.upper()
        origin = at if letter.islower() else np.zeros(2)
        if kind == "Z":
            yield np.array(line).reshape(-1, 2), True
            at = last = start
            line = [at]
            continue
        if kind == "M":
            if len(line) > 1:
                yield np.array(line), False
            at = start = last = origin + numbers
            line = [at]
            continue
        points = _targets(kind, letter.islower(), numbers, at)
        points = [at + (at - last), *points] if kind in "ST" else points
        line += _curve([at, *points]) if len(points) > 1 else points
        at, last = points[-1], points[-2] if len(points) > 1 else points[-1]
    if len(line) > 1:
        yield np.array(line), False


def _targets(kind: str, relative: bool, numbers: Points, at: Points) -> list[Points]:
    origin = at if relative else np.zeros(2)
    if kind == "H":
        return [np.array([origin[0] + numbers[0], at[1]])]
    if kind == "V":
        return [np.array([at[0], origin[1] + numbers[0]])]
    return list(origin + numbers.reshape(-1, 2))


def _curve(points: list[Points]) -> list[Points]:
    """`STEPS` points of the Bézier curve of 3 or 4 control points, without the first."""
    degree, t = len(points) - 1, (np.arange(STEPS) + 1)[:, None] / STEPS
    parts = [math.comb(degree, i) * t**i * (1 - t) ** (degree - i) * point for i, point in enumerate(points)]
    return list(np.sum(parts, axis=0))


def _commands(text: str) -> Iterator[tuple[str, Points]]:
    """Letters with the numbers of one step each; further numbers repeat the letter (after M: L)."""
    letter, numbers = "", list[float]()
    for found in _TOKEN.finditer(text):
        if found[3] or (found[1] or "") in ("A", "a"):
            raise InputError(f"its path has {found[0]!r}, which is not drawn; give straight lines and Bézier curves")
        if found[1]:
            if numbers:
                raise InputError("its path has numbers that belong to no command")
            letter = found[1]
        else:
            numbers.append(float(found[2]))
        takes = _TAKES[letter.upper()] if letter else 0
        if not letter or (numbers and not takes):
            raise InputError("its path does not begin with a command")
        if len(numbers) == takes:
            yield letter, np.array(numbers)
            numbers = []
            letter = {"M": "L", "m": "l"}.get(letter, letter)


def _turned(text: str) -> Matrix:
    """The 3x3 matrix of a transform attribute."""
    whole, end = np.eye(3), 0
    while match := _TURN.match(text, end):
        whole, end = whole @ _one_turn(match[1], _numbers(match[2])), match.end()
    if text[end:].strip():
        raise InputError(f"its transform {text!r} is not of matrix, translate, scale and rotate")
    return whole


def _one_turn(kind: str, n: list[float]) -> Matrix:
    try:
        if kind == "matrix":
            a, b, c, d, e, f = n
            return np.array([[a, c, e], [b, d, f], [0, 0, 1]])
        if kind == "translate":
            return np.array([[1, 0, n[0]], [0, 1, n[1] if len(n) > 1 else 0], [0, 0, 1]])
        if kind == "scale":
            return np.diag([n[0], n[1] if len(n) > 1 else n[0], 1.0])
        cos, sin = math.cos(math.radians(n[0])), math.sin(math.radians(n[0]))
        x, y = n[1:3] if len(n) > 1 else (0.0, 0.0)
    except (ValueError, IndexError) as error:
        raise InputError(f"its transform {kind} has {len(n)} numbers") from error
    return np.array([[cos, -sin, x - cos * x + sin * y], [sin, cos, y - sin * x - cos * y], [0, 0, 1]])


def _numbers(text: str) -> list[float]:
    return [float(found) for found in re.findall(_NUMBER, text)]


def _length(text: str) -> float:
    match = re.fullmatch(rf"\s*({_NUMBER})\s*(?:px)?\s*", text)
    if match is None:
        raise InputError(f"its length {text!r} is not in pixels; give it a viewBox in pixels, or lengths without units")
    return float(match[1])
