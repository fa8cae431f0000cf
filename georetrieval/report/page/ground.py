"""The map of hits and misses: inline SVG in true coordinates, with a scale bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from georetrieval.maps import BOUNDS
from georetrieval.report.colours import WRONG
from georetrieval.report.page.evaluation import Evaluation
from georetrieval.report.page.words import Words

Doubles = npt.NDArray[np.float64]
FIRST, WITHIN, MISS, APART = "first", "within", "miss", "apart"
FILLS = {FIRST: "#bcd8ea", WITHIN: "#5b9fcf", MISS: WRONG, APART: "#eceef1"}
"""Right at once, right within k, missed, not counted: the worse the darker, for the colour-blind and in grey too."""
LED = 10
"""Queries with a line to where they were led, the worst ones: more would hide the map."""
MOST = 24
"""Maps, one per scope; the scopes with most misses come first."""


@dataclass(frozen=True)
class Sheet:
    """The map of one scope, and what is on it."""

    scope: str
    svg: Markup
    counts: dict[str, int]
    share: float


def kinds(evaluation: Evaluation) -> npt.NDArray[np.str_]:
    """(nq,) what became of each query."""
    e = evaluation
    rules = [~e.counted, e.ranks == 1, (e.ranks > 1) & (e.ranks <= e.k)]
    return np.select(rules, [APART, FIRST, WITHIN], MISS)


def ground_maps(evaluation: Evaluation, words: Words, numbered: dict[int, int]) -> list[Sheet]:
    """A map per scope in which a query counts.

    Parameters
    ----------
    numbered
        Line of a query -> number of its sheet among the worst; they are marked and lead there.
    """
    found, sheets = kinds(evaluation), []
    asked = evaluation.tileset.catalogue
    asked = asked[asked["date"] == evaluation.date]
    names = evaluation.matches.query_names
    for scope in evaluation.scopes:
        own = evaluation.matches.query_scopes == scope
        rest = asked[(asked["scope"] == scope) & ~asked["tile_id"].isin(names[own])]
        boxes = {kind: evaluation.bounds[own & (found == kind)] for kind in FILLS}
        boxes[APART] = np.concatenate([boxes[APART], rest[list(BOUNDS)].to_numpy(np.float64)])
        counts = {kind: len(some) for kind, some in boxes.items()}
        told = sum(counts[kind] for kind in (FIRST, WITHIN, MISS))
        marks = [(number, line) for line, number in numbered.items() if own[line]]
        frame = np.concatenate(list(boxes.values()))
        if told:
            svg = _drawn(evaluation, words, scope, boxes, frame, marks)
            sheets.append(Sheet(scope, svg, counts, counts[FIRST] / told))
    return sorted(sheets, key=lambda sheet: -sheet.counts[MISS])[:MOST]


def _drawn(
    evaluation: Evaluation, words: Words, scope: str, boxes: dict[str, Doubles], frame: Doubles,
    marks: list[tuple[int, int]],
) -> Markup:
    west, south = frame[:, :2].min(axis=0)
    east, north = frame[:, 2:].max(axis=0)
    side = max(east - west, north - south)
    unit = side / (640 if len(evaluation.scopes) == 1 else 440)  # of several maps each is shown smaller
    cells = [f'<path d="{_cells(some, west, north)}" fill="{FILLS[kind]}" class="{kind}"/>'
             for kind, some in boxes.items() if len(some)]
    inside = "".join(cells) + _leads(evaluation, marks, scope, west, north, unit) + "".join(
        _mark(evaluation.bounds[line], number, west, north, unit) for number, line in marks)
    foot = 34 * unit
    view = f"{-6 * unit:.6g} {-22 * unit:.6g} {east - west + 12 * unit:.6g} {north - south + 28 * unit + foot:.6g}"
    parts = Markup(
        '<svg viewBox="{view}" role="img" aria-label="{told}" class="ground"><title>{told}</title>'
        '<g stroke="#fff" stroke-width="{thin:.4g}">{inside}</g>{bar}'
        '<g font-size="{size:.4g}" fill="#4a525c"><text x="0" y="{up:.4g}">{corner}</text>'
        '<text x="{right:.6g}" y="{up:.4g}" text-anchor="end">{north_mark}</text></g></svg>')
    place = f"{words.decimal(west, 0)} · {words.decimal(north, 0)}"
    return parts.format(
        view=view, told=words("map_alt", scope=words_scope(words, scope)), thin=0.6 * unit, inside=Markup(inside),
        bar=_bar(words, evaluation, side, north - south, unit), size=11 * unit, up=-7 * unit, right=east - west,
        corner=place, north_mark=words("map_north"))


def _cells(boxes: Doubles, west: float, north: float) -> str:
    return "".join(f"M{_number(x0 - west)} {_number(north - y1)}h{_number(x1 - x0)}v{_number(y1 - y0)}"
                   f"h{_number(x0 - x1)}z" for x0, y0, x1, y1 in boxes)


def _number(value: float) -> str:
    return f"{round(float(value), 2):.12g}"


def _leads(evaluation: Evaluation, marks: list[tuple[int, int]], scope: str, west: float, north: float,
           unit: float) -> str:
    """From each numbered query a line to the place that was answered first, where that is of the same scope."""
    lines = []
    for _, line in [mark for mark in marks if mark[0] <= LED]:
        row = int(evaluation.matches.rows[line, 0])
        if not evaluation.matches.hits[line, 0] and str(evaluation.rows["scope"].iloc[row]) == scope:
            (x0, y0), (x1, y1) = _middle(evaluation.bounds[line]), _middle(evaluation.row_bounds[row])
            x, y = x1 - west, north - y1
            lines.append(f'<path d="M{x0 - west:.1f} {north - y0:.1f}L{x:.1f} {y:.1f}" fill="none"/>'
                         f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2.2 * unit:.4g}" fill="#1b1f24"/>')
    return f'<g stroke="#1b1f24" stroke-width="{unit:.4g}" class="lead">{"".join(lines)}</g>'


def _middle(box: Doubles) -> tuple[float, float]:
    return float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2


def _mark(box: Doubles, number: int, west: float, north: float, unit: float) -> str:
    x, y = _middle(box)
    return (f'<a href="#q{number}"><circle cx="{x - west:.1f}" cy="{north - y:.1f}" r="{8.5 * unit:.4g}" '
            f'fill="#1b1f24" stroke-width="{unit:.4g}"/><text x="{x - west:.1f}" y="{north - y + 3.6 * unit:.1f}" '
            f'fill="#fff" stroke="none" font-weight="600" font-size="{10 * unit:.4g}" text-anchor="middle">{number}'
            '</text></a>')


def _bar(words: Words, evaluation: Evaluation, side: float, down: float, unit: float) -> Markup:
    """A scale bar of a round length, about a fifth of the map."""
    raw = side / 5
    step = 10 ** np.floor(np.log10(raw))
    length = float(step * max(factor for factor in (1, 2, 5) if factor * step <= raw))
    on_ground = bool(evaluation.tileset.grid.crs)
    text = words.length(length) if on_ground else f"{words.decimal(length, 0)} px"
    y = down + 14 * unit
    return Markup(
        '<g class="scale-bar"><rect x="0" y="{y:.6g}" width="{half:.6g}" height="{h:.4g}" fill="#1b1f24"/>'
        '<rect x="0" y="{y:.6g}" width="{w:.6g}" height="{h:.4g}" fill="none" stroke="#1b1f24" '
        'stroke-width="{thin:.4g}"/><text x="{x:.6g}" y="{ty:.6g}" font-size="{size:.4g}" fill="#1b1f24">{text}</text>'
        '</g>').format(y=y, half=length / 2, w=length, h=5 * unit, thin=unit, x=length + 8 * unit, ty=y + 7 * unit,
                       size=12 * unit, text=text)


def words_scope(words: Words, scope: str) -> str:
    """"département 57" where the scope is the code of one, else the scope as it is."""
    code = scope.upper()
    numbered = code[:2].isdigit() and len(code) in (2, 3) and (len(code) == 2 or code.startswith("97"))
    if (numbered and code.isdigit() and code != "00") or code in ("2A", "2B"):
        return words("departement", code=code)
    return scope or words("scope_all")


def legend_of(words: Words, k: int) -> list[dict[str, Any]]:
    """Colour and text of each kind of cell."""
    return [{"kind": kind, "fill": fill, "text": words(f"kind_{kind}", k=k)} for kind, fill in FILLS.items()]
