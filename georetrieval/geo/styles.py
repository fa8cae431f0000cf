"""How QGIS draws results: styles for the layers of a GeoPackage, as QML. Checked with QGIS 3.22.

A few rectangles are drawn and named at every scale. Of many, labels and answers come when one is near enough to see
them, and lines become thinner than a tile at every scale, so that an evaluation of thousands stays a map.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

HIT, LATER, MISS, UNKNOWN = "26,150,65,255", "166,217,106,255", "215,25,28,255", "44,123,182,255"
"""Colours (red, green, blue, opacity). *Source*: ColorBrewer, RdYlGn and RdYlBu, 5 classes."""
ABSENT = "150,150,150,255"
"""Grey: nothing could have been found."""
KINDS = (("yes", "true answer", HIT), ("no", "other place", MISS), ("unknown", "answer", UNKNOWN))
OUTCOMES = (("first", "found at rank 1", HIT), ("later", "found at a later rank", LATER),
            ("none", "not among the answers", MISS), ("absent", "its place is not in the index", ABSENT),
            ("unknown", "place not known", UNKNOWN))
RANKS = 5
"""Ranks with a line of their own width; the others share the thinnest."""
_ABOVE, _OVER, _BELOW = 1, 4, 7
"""Where a label stands beside its point. *Source*: QGIS, Qgis::LabelQuadrantPosition."""
FEW = 60
"""Rectangles of a layer up to which all are named at every scale."""
NAMED_MM, SEEN_MM = 14.0, 10.0
"""Side of a tile on the screen from which it is named, and from which the answers of many queries are drawn."""
WIDEST = 0.2
"""Widest line, as a share of the tile's side."""
_BLACK = "0,0,0,255"


class Sizes(NamedTuple):
    """How many rectangles a layer has, and their side on the ground in metres: 0 when it has no metres."""

    rectangles: int
    side_m: float

    def scale(self, millimetres: float) -> int:
        """Denominator of the scale at which a side is so long on the screen; 0 (none) for few rectangles."""
        return round(self.side_m * 1000 / millimetres) if self.rectangles > FEW else 0


def queries_style(sizes: Sizes, outcomes: Collection[str]) -> str:
    """A dashed line around each query and its name; many are filled by what became of them.

    Half of the line lies outside the tile, so that it hides no answer and none hides it.
    """
    line = _line(_BLACK, 0.3, sizes.side_m, dashed=True)
    label = _label('"query"', sizes.scale(NAMED_MM), edge="top")
    tip = "<b>[% \"query\" %]</b><br>true answer: [% if(\"best_rank\", 'rank ' || \"best_rank\", 'none') %]"
    if sizes.rectangles <= FEW:
        return _qml(_single(_symbol("0", line)), label, title='"query"', tip=tip)
    used = [(value, text, _fill(colour) + line) for value, text, colour in OUTCOMES if value in outcomes]
    return _qml(_categorised('"outcome"', used), label, title='"query"', tip=tip)


def matches_style(sizes: Sizes, kinds: Collection[tuple[str, int]]) -> str:
    """A category per kind and rank that occurs; true answers and near ranks on top; rank and score below the name."""
    used = {(hit, min(rank, RANKS + 1)) for hit, rank in kinds}
    cases = [(f"{hit} {rank}", f"{label}, rank {rank if rank <= RANKS else f'> {RANKS}'}",
              _line(colour, 1.4 - 0.2 * rank, sizes.side_m))
             for hit, label, colour in KINDS for rank in range(1, RANKS + 2) if (hit, rank) in used]
    label = _label("\"rank\" || ' (' || round(\"score\", 3) || ')'", sizes.scale(NAMED_MM), edge="bottom",
                   priority=f"if(\"hit\" = 'yes', 10, 5) - min(\"rank\", {RANKS})")
    order = ('<orderby><orderByClause asc="1" nullsFirst="1">"hit"</orderByClause>'
             '<orderByClause asc="0" nullsFirst="1">"rank"</orderByClause></orderby>')
    return _qml(
        _categorised(f"\"hit\" || ' ' || min(\"rank\", {RANKS + 1})", cases, order), label,
        title='"tile_id"', nearer_than=sizes.scale(SEEN_MM),
        tip='<b>[% "tile_id" %]</b><br>rank [% "rank" %] of [% "query" %]<br>score [% round("score", 3) %]')


def rows_style(sizes: Sizes) -> str:
    """An outline inside each tile, and its date."""
    return _qml(_single(_symbol("0", _line(UNKNOWN, 0.3, sizes.side_m))),
                _label('"date"', sizes.scale(NAMED_MM)), title='"tile_id"',
                tip='<b>[% "tile_id" %]</b><br>[% "scope" %], [% "date" %]')


def _line(colour: str, width: float, side_m: float, *, dashed: bool = False) -> str:
    """An outline of `width` millimetres; inside the tile unless dashed, so that neighbours both stay visible."""
    drawn = width if dashed else 2 * width  # QGIS draws both halves and cuts the outer one off
    options = {"line_color": colour, "line_style": "dash" if dashed else "solid", "line_width": f"{drawn:.2f}",
               "line_width_unit": "MM", "joinstyle": "miter", "capstyle": "flat",
               "draw_inside_polygon": int(not dashed)}
    share = WIDEST * (drawn / width) * 1000 * side_m
    limit = f"coalesce(min({drawn:.2f}, {share:.0f} / @map_scale), {drawn:.2f})"
    own = _properties("outlineWidth", limit, "data_defined_properties") if side_m else ""
    return (f'<layer class="SimpleLine" enabled="1" locked="0" pass="0"><Option type="Map">{_options(options)}</Option>'
            f"{own}</layer>")


def _fill(colour: str) -> str:
    options = {"color": colour.rsplit(",", 1)[0] + ",120", "style": "solid", "outline_style": "no"}
    return (f'<layer class="SimpleFill" enabled="1" locked="0" pass="0"><Option type="Map">{_options(options)}</Option>'
            "</layer>")


def _options(options: Mapping[str, object]) -> str:
    return "".join(f'<Option type="QString" name="{key}" value="{value}"/>' for key, value in options.items())


def _symbol(name: str, layers: str) -> str:
    return f'<symbol type="fill" name="{name}" alpha="1" clip_to_extent="1" force_rhr="0">{layers}</symbol>'


def _single(symbol: str) -> str:
    return ('<renderer-v2 type="singleSymbol" symbollevels="0" enableorderby="0" forceraster="0">'
            f"<symbols>{symbol}</symbols></renderer-v2>")


def _categorised(expression: str, cases: Sequence[tuple[str, str, str]], order: str = "") -> str:
    categories = "".join(f'<category value="{value}" symbol="{i}" label={quoteattr(text)} render="true" type="string"/>'
                         for i, (value, text, _) in enumerate(cases))
    symbols = "".join(_symbol(str(i), layers) for i, (_, _, layers) in enumerate(cases))
    return (f'<renderer-v2 type="categorizedSymbol" attr={quoteattr(expression)} symbollevels="0" '
            f'enableorderby="{int(bool(order))}" forceraster="0"><categories>{categories}</categories>'
            f"<symbols>{symbols}</symbols>{order}</renderer-v2>")


def _label(expression: str, scale: int, *, edge: str = "", priority: str = "5") -> str:
    """Labels of rectangles: in the middle, or at an edge: outside it when they are drawn at all scales, else inside.

    The names of queries and the ranks of answers then never touch, and hide no small tile. Tiles are no obstacles, or
    no label on them would be drawn.

    Parameters
    ----------
    scale : denominator; of smaller scales there are no labels; 0 for all scales
    """
    upwards = (edge == "top") == (scale == 0)
    quadrant = _OVER if not edge else _ABOVE if upwards else _BELOW
    lift = 0 if not edge else -1 if upwards else 1  # millimetres
    height = {"top": "y_max($geometry)", "bottom": "y_min($geometry)"}.get(edge, "y(centroid($geometry))")
    point = f"make_point(x(centroid($geometry)), {height})"
    near = f' scaleVisibility="1" scaleMin="0" scaleMax="{scale}"' if scale else ""
    return (
        f'<labeling type="simple"><settings calloutType="simple"><text-style fieldName={quoteattr(expression)} '
        f'isExpression="1" fontSize="8" fontSizeUnit="Point" textColor="{_BLACK}" textOpacity="1" '
        'namedStyle="Regular"><text-buffer '
        'bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM" bufferColor="255,255,255,255" bufferOpacity="1"/>'
        f'</text-style><placement placement="1" quadOffset="{quadrant}" yOffset="{lift}" offsetUnits="MM" priority="5" '
        f'geometryGenerator="{point}" geometryGeneratorEnabled="1" geometryGeneratorType="PointGeometry"/>'
        f'<rendering drawLabels="1" obstacle="0"{near}/>'
        f'{_properties("Priority", priority, "dd_properties")}</settings></labeling>'
    )


def _properties(name: str, expression: str, element: str) -> str:
    """One property that an expression gives. *Source*: QGIS, QgsPropertyCollection; type 3 is an expression."""
    return (f'<{element}><Option type="Map"><Option type="QString" name="name" value=""/>'
            f'<Option type="Map" name="properties"><Option type="Map" name="{name}">'
            '<Option type="bool" name="active" value="true"/>'
            f'<Option type="QString" name="expression" value={quoteattr(expression)}/>'
            '<Option type="int" name="type" value="3"/></Option></Option>'
            f'<Option type="QString" name="type" value="collection"/></Option></{element}>')


def _qml(renderer: str, label: str, *, title: str, tip: str, nearer_than: int = 0) -> str:
    """A style as QGIS writes it, less its defaults; what `title` gives names a feature in lists and when identified."""
    near = f' hasScaleBasedVisibilityFlag="1" minScale="{nearer_than}" maxScale="0"' if nearer_than else ""
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
        '<qgis version="3.28.0" styleCategories="Symbology|Labeling|MapTips|Rendering" '
        f'labelsEnabled="1"{near}>{renderer}{label}'
        f'<previewExpression>{escape(title)}</previewExpression><mapTip>{escape(tip)}</mapTip></qgis>'
    )
