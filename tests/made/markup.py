"""Reading the HTML that results draw themselves with: balanced, self-contained, nothing that runs."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HOSTILE = '<script>alert(1)</script>"\' onload=x & \x00\x1b\ud800‮ é'
"""A name that breaks out of whatever does not escape it."""
ALLOWED = {"div", "b", "span", "table", "tr", "th", "td", "img"}


@dataclass
class Page(HTMLParser):
    """What is on the page.

    Attributes
    ----------
    texts : words between tags, in order
    rows : lines of all tables, each a list of its cells' texts
    pictures : decoded images
    styles : all style attributes
    """

    texts: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    pictures: list[NDArray[np.uint8]] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert tag in ALLOWED
        assert set(values) <= {"style", "src", "alt"}
        assert "url(" not in (values.get("style") or "")
        self.styles.append(values.get("style") or "")
        if tag == "img":
            kind, data = str(values["src"]).split(",")
            assert kind == "data:image/png;base64"
            self.pictures.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))))
            return
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if "tr" in self._open:
            self.rows[-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def read(html: str) -> Page:
    """The page; fails where it is not well formed, not self-contained, or holds more than `ALLOWED`."""
    html.encode("utf-8")
    page = Page()
    page.feed(html)
    page.close()
    assert page._open == []
    return page
