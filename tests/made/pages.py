"""A page as a tree: what a browser would find in it, without a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "link", "input", "hr"}
OUTSIDE = re.compile(r"(?:https?:|ftp:|file:|//)", re.IGNORECASE)


class Node:
    """An element: tag, attributes, children (elements and texts)."""

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag, self.attributes = tag, attributes
        self.children: list[Node | str] = []

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, tag: str = "", cls: str = "") -> list[Node]:
        return [node for node in self.walk() if (not tag or node.tag == tag) and (not cls or cls in node.classes)]

    def one(self, tag: str = "", cls: str = "") -> Node:
        (found,) = self.all(tag, cls)
        return found

    def section(self, name: str) -> Node:
        """The section whose heading has this id."""
        return next(node for node in self.all("section") if any(n.attributes.get("id") == name for n in node.all("h2")))

    @property
    def values(self) -> list[float]:
        """The numbers for machines."""
        return [float(node.attributes["value"]) for node in self.all("data")]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"<{self.open[-1].tag}> is closed by </{tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def parse(text: str) -> Node:
    """The tree of a page; AssertionError where elements are not nested."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root]
    return reader.root


def check(root: Node) -> None:
    """Self-contained and readable by everybody: nothing from outside, texts for pictures, heads for tables, ids that
    links lead to.
    """
    for node in root.walk():
        for name, value in node.attributes.items():
            assert not OUTSIDE.match(value.strip()), (node.tag, name, value[:80])
            assert not re.search(r"url\((?!#)", value), (node.tag, name, value[:80])
        assert node.tag not in ("link", "iframe", "object", "embed", "base")
        if node.tag in ("img", "script"):
            assert node.tag == "script" or node.attributes["src"].startswith(("data:image/jpeg", "data:image/png"))
            assert "src" not in node.attributes or node.tag == "img"
    style = root.one("style").text
    assert "@import" not in style
    assert "url(" not in style
    assert all(img.attributes.get("alt") for img in root.all("img"))
    assert all(th.attributes.get("scope") in ("col", "row") for th in root.all("th"))
    assert all(svg.attributes.get("role") == "img" and svg.attributes["aria-label"] for svg in root.all("svg"))
    ids = [node.attributes["id"] for node in root.walk() if "id" in node.attributes and node.tag != "pattern"]
    assert len(ids) == len(set(ids))
    links = {a.attributes["href"] for a in root.all("a")}
    assert links <= {f"#{name}" for name in ids}
    assert root.one("html").attributes["lang"] in ("fr", "en")
    assert len(root.all("h1")) == 1
