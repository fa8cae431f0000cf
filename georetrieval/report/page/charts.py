"""Charts as inline SVG: how the scores of right and wrong answers are spread."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from georetrieval.report.colours import RIGHT, WRONG
from georetrieval.report.page.words import Words

Doubles = npt.NDArray[np.float64]
WIDE, HIGH, LEFT, FOOT, TOP = 720, 250, 56, 44, 22
BINS = 40
INK, RULE = "#4a525c", "#d5d9de"


def spread(right: Doubles, wrong: Doubles, words: Words, *, title: str, along: str) -> Markup:
    """Two histograms back to back: right ones upwards in blue, wrong ones downwards, hatched in red.

    Parameters
    ----------
    right, wrong
        Values; one of both may be empty.
    title, along
        What the chart shows, for those who do not see it; the name of the horizontal axis.
    """
    values = np.concatenate([right, wrong])
    if not len(values):
        return Markup("")
    low, high = float(values.min()), float(values.max())
    pad = (high - low) * 0.02 or 0.5
    edges = np.linspace(low - pad, high + pad, BINS + 1)
    up, down = np.histogram(right, edges)[0], np.histogram(wrong, edges)[0]
    middle, scale = _divided(int(up.max(initial=0)), int(down.max(initial=0)))

    def x(value: float) -> float:
        return float(LEFT + (value - edges[0]) / (edges[-1] - edges[0]) * (WIDE - LEFT - 8))

    parts = [_axis(words, middle, scale, int(up.max(initial=0)), int(down.max(initial=0)))]
    for counts, sign, fill in ((up, -1, RIGHT), (down, 1, "url(#hatch)")):
        wide = x(edges[1]) - x(edges[0]) - 1.2
        bars = [f"M{x(edges[i]) + 0.6:.1f} {middle:.1f}v{sign * count * scale:.1f}h{wide:.1f}V{middle:.1f}z"
                for i, count in enumerate(counts) if count]
        parts.append(f'<path d="{"".join(bars)}" fill="{fill}"/>')
    parts.append(f'<line x1="{LEFT}" x2="{WIDE - 8}" y1="{middle:.1f}" y2="{middle:.1f}" stroke="{INK}"/>')
    parts += [_tick(x(value), words.decimal(value, 2)) for value in _round_values(low, high)]
    parts += [_median(x(float(np.median(some))), middle, sign, words("chart_median", value=words.decimal(
        float(np.median(some)), 3))) for some, sign in ((right, -1), (wrong, 1)) if len(some)]
    return Markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-label="{title}" class="chart"><title>{title}</title>'
        '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="5" height="5" fill="{wrong}"/><line x1="0" x2="0" y2="5" stroke="#fff" stroke-width="1.6"/>'
        '</pattern></defs>{inside}<text x="{centre}" y="{foot}" text-anchor="middle" class="axis">{along}</text></svg>'
    ).format(w=WIDE, h=HIGH, title=title, wrong=WRONG, inside=Markup("".join(parts)), along=along,
             centre=(LEFT + WIDE) / 2, foot=HIGH - 4)


def _divided(up: int, down: int) -> tuple[float, float]:
    """Where the middle line lies, and pixels per query."""
    room = HIGH - FOOT - TOP
    scale = room / max(up + down, 1)
    return TOP + up * scale, scale


def _axis(words: Words, middle: float, scale: float, up: int, down: int) -> str:
    lines = []
    for count, sign in ((up, -1), (down, 1)):
        if count and count * scale > 14:
            y = middle + sign * count * scale
            lines.append(f'<line x1="{LEFT}" x2="{WIDE - 8}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}"/>'
                         f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{words.whole(count)}</text>')
    return "".join(lines) + f'<text x="{LEFT - 6}" y="{middle + 4:.1f}" text-anchor="end">0</text>'


def _tick(x: float, text: str) -> str:
    y = HIGH - FOOT
    return (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 5}" stroke="{INK}"/>'
            f'<text x="{x:.1f}" y="{y + 18}" text-anchor="middle">{text}</text>')


def _median(x: float, middle: float, sign: int, text: str) -> str:
    end = TOP - 4 if sign < 0 else HIGH - FOOT
    side, shift = ("start", 5) if x < WIDE * 0.7 else ("end", -5)
    return (f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{middle:.1f}" y2="{end}" stroke="{INK}" stroke-dasharray="4 3"/>'
            f'<text x="{x + shift:.1f}" y="{end + (8 if sign < 0 else -5)}" text-anchor="{side}" class="halo">{text}'
            '</text>')


def _round_values(low: float, high: float) -> list[float]:
    """Some round values between two."""
    raw = (high - low) / 6 or 0.1
    step = 10 ** np.floor(np.log10(raw))
    step *= next(factor for factor in (1, 2, 5, 10) if factor * step >= raw)
    return [float(value) for value in np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step]
