"""Small pieces of HTML with which results draw themselves in a notebook: escaped, self-contained, bounded in size.

Whatever is not `Html` is text and is escaped; colours follow the page, so that they are read on white and on black.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_ROWS = 8
"""Lines of a table."""
MOST_CHARACTERS = 44
"""Of a name; the middle of a longer one is left out, since names of tiles differ at both ends."""
MOST_IN_FACT = 400
"""Characters of a value that is a list, or a sentence."""
MOST_IN_TABLE = 1_000_000
"""Rows that are counted for a representation, which is to be there at once."""
RIGHT, WRONG = "#1a9641", "#d7191c"
"""Colour-blind safe green and red. *Source*: ColorBrewer, diverging RdYlGn and RdYlBu."""
_LINE = "1px solid rgba(128,128,128,.35)"
_CELL = f"padding:2px 10px 2px 0;text-align:left;vertical-align:top;border:0;border-bottom:{_LINE};background:none"


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def words(value: Any, most: int = MOST_CHARACTERS) -> Html:
    """Any value as escaped text: short, no character that cannot be printed, numbers as people write them."""
    if isinstance(value, Html):
        return value
    text = number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else str(value)
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in shortened(text, most))
    return Html(html.escape(text))


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text without its middle where it is longer than `most` characters."""
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:most - 1 - half]}…{text[-half:]}"


def number(value: float) -> str:
    """10,000 · 0.912 · – for what is not a number."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.3f}" if math.isfinite(value) else "–"


def counted(count: int, what: str, several: str | None = None) -> str:
    """ "1 tile", "2 tiles"."""
    return f"{count:,} {what if count == 1 else several or f'{what}s'}"


def listed(values: Sequence[Any], most: int = 6) -> str:
    """The first values, and how many more there are; – for none."""
    shown = ", ".join(shortened(str(value)) for value in values[:most])
    more = len(values) - most
    return f"{shown} and {more:,} more" if more > 0 else shown or "–"


def joined(*parts: str) -> Html:
    """Pieces one after the other; plain text among them is escaped."""
    return Html("".join(words(part) for part in parts))


def coloured(text: Any, colour: str) -> Html:
    """Text in a colour of ours."""
    return Html(f'<span style="color:{colour}">{words(text)}</span>')


def unbroken(*parts: str) -> Html:
    """Pieces that stay on one line."""
    return Html(f'<span style="white-space:nowrap">{joined(*parts)}</span>')


def note(text: str) -> Html:
    """A line below a table; as long as it is."""
    return Html(f'<div style="opacity:.7;font-size:90%;margin:2px 0">{html.escape(text)}</div>')


def swatch(colour: Sequence[int]) -> Html:
    """A small square of a colour, red, green, blue 0..255."""
    red, green, blue = (int(part) for part in colour)
    style = f"display:inline-block;width:14px;height:14px;border:{_LINE};vertical-align:-2px"
    return Html(f'<span style="{style};background:rgb({red},{green},{blue})"></span>')


def picture(png: bytes, width_px: int, about: str) -> Html:
    """A PNG inside the page; enlarged pixels stay square."""
    data = base64.b64encode(png).decode("ascii")
    style = f"width:{int(width_px)}px;max-width:100%;image-rendering:pixelated;margin:4px 0"
    return Html(f'<img alt="{words(about)}" src="data:image/png;base64,{data}" style="{style}">')


def table(head: Sequence[Any], rows: Iterable[Sequence[Any]], *, most: int = MOST_ROWS, of: int | None = None,
          wrapped: str = "nowrap") -> Html:
    """A table of the first `most` rows; where there are `of` rows in all, a last line says how many are not shown."""
    shown = [row for _, row in zip(range(most), rows, strict=False)]
    heads = "".join(f'<th style="{_CELL};font-weight:600">{words(cell)}</th>' for cell in head)
    cell_style = f"{_CELL};white-space:{wrapped}"
    body = "".join("<tr>" + "".join(f'<td style="{cell_style}">{words(cell)}</td>' for cell in row) + "</tr>"
                   for row in shown)
    left = (of or 0) - len(shown)
    more = note(f"and {left:,} more") if left > 0 else ""
    line = f"<tr>{heads}</tr>" if any(head) else ""
    style = "border-collapse:collapse;margin:4px 0;font-size:inherit"
    return Html(f'<div style="overflow-x:auto"><table style="{style}">{line}{body}</table></div>{more}')


def facts(values: Mapping[str, Any]) -> Html:
    """Names and values in two columns; what is None is left out."""
    rows = [(coloured(name, "gray"), words(value, MOST_IN_FACT)) for name, value in values.items()
            if value is not None]
    return table(("", ""), rows, most=len(rows), wrapped="normal")


def card(title: str, about: str, *parts: Html) -> str:
    """One result: its name, a line about it, and the pieces below."""
    head = f'<div><b>{words(title)}</b> <span style="opacity:.8">{html.escape(about)}</span></div>'
    return f'<div style="font-size:13px;line-height:1.45;margin:4px 0">{head}{"".join(parts)}</div>'
