"""Debian's Chromium, driven by Playwright: the explorer's page as people meet it, pictures of it kept.

Without Chromium or Playwright the tests are skipped, saying why; GEORETRIEVAL_BROWSER=required (CI) makes that a
failure. GEORETRIEVAL_SCREENSHOTS names a folder that keeps the pictures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.made.serving import Serving

WAIT_MS = 60_000
"""What a busy machine is given."""
SWITCHES = ["--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
            "--ignore-gpu-blocklist"]
"""WebGL in software, and a browser that asks nobody anything of its own accord."""
DROP = """([data, name, type]) => {
    const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, {type}));
    for (const kind of ["dragenter", "dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: carried, bubbles: true, cancelable: true}));
    }
}"""


def missing(what: str) -> None:
    """Skip the test for want of this, or fail where CI promised it."""
    if os.environ.get("GEORETRIEVAL_BROWSER") == "required":
        pytest.fail(f"GEORETRIEVAL_BROWSER=required, but {what}")
    pytest.skip(what)


@contextmanager
def chromium() -> Iterator[Any]:
    """One browser for many pages."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("Playwright is not installed (pip install 'georetrieval[browser]')")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing("there is no Chromium (apt-get install chromium)")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=SWITCHES)
        try:
            yield browser
        finally:
            browser.close()


def screenshots(fallback: Path) -> Path:
    """The folder that keeps the pictures."""
    folder = Path(os.environ.get("GEORETRIEVAL_SCREENSHOTS") or fallback)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dataclass
class Window:
    """A page of the explorer; what it asked for and what it complained of is written down."""

    page: Any
    origin: str
    shots: Path
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def open(self, link: str = "") -> Window:
        """Load the page, by a link or not, until its tiles are drawn."""
        self.page.goto(f"{self.origin}/{link}")
        self.page.wait_for_selector("body[data-map=drawn]")
        self.drawn()
        return self

    def drawn(self) -> None:
        """Wait until the map has nothing left to draw."""
        self.page.wait_for_function("""async () => {
            const map = (await import("/web/map.js")).theMap();
            return map && map.loaded() && !map.isMoving() && map.areTilesLoaded();
        }""")

    def tell(self, code: str, value: Any = None) -> Any:
        """What a function of the page's own modules answers: `code` sees map, tiles and state."""
        return self.page.evaluate(f"""async (value) => {{
            const map = (await import("/web/map.js")).theMap();
            const tiles = await import("/web/tiles.js");
            const {{ state }} = await import("/web/state.js");
            return {code};
        }}""", value)

    def spot(self, n: int) -> tuple[float, float]:
        """Where the middle of tile `n` is on the screen."""
        at = self.tell("map.project(tiles.centreOf(value))", n)
        box = self.page.locator("#map").bounding_box()
        return box["x"] + at["x"], box["y"] + at["y"]

    def click_tile(self, n: int) -> None:
        """Click on the map in the middle of a tile, and wait for the matches."""
        middle = "tiles.centreOf(value)"
        self.tell(f"void (map.getBounds().contains({middle}) || map.jumpTo({{center: {middle}}}))", n)
        with self.page.expect_response("**/api/search"):
            self.page.mouse.click(*self.spot(n))
        self.page.wait_for_selector(".card")

    def cards(self) -> list[int]:
        """Rows of the matches in the list, in order."""
        return [int(n) for n in self.page.locator(".card").evaluate_all("cards => cards.map((one) => one.dataset.n)")]

    def pixels(self) -> np.ndarray:
        """(h, w, 3) uint8: what is on the screen."""
        return np.asarray(Image.open(BytesIO(self.page.screenshot())).convert("RGB"))

    def colour(self, name: str) -> tuple[int, ...]:
        """A colour of the page by its name in app.css."""
        text = self.page.evaluate("n => getComputedStyle(document.documentElement).getPropertyValue(`--${n}`)", name)
        digits = text.strip().removeprefix("#")
        return tuple(int(digits[i:i + 2], 16) for i in (0, 2, 4))

    def shot(self, name: str) -> None:
        """Keep a picture."""
        self.page.wait_for_function("() => [...document.images].every((one) => one.complete || one.loading === 'lazy')")
        self.page.screenshot(path=self.shots / f"{name}.png")

    def drop(self, data: bytes, name: str, kind: str) -> None:
        """Drop a file on the page."""
        from base64 import b64encode

        self.page.evaluate(DROP, [b64encode(data).decode(), name, kind])

    @property
    def strangers(self) -> list[str]:
        """Requests to anybody but the server."""
        return [url for url in self.asked if not url.startswith((self.origin + "/", f"blob:{self.origin}", "data:"))]


@contextmanager
def window(browser: Any, serving: Serving, shots: Path, **settings: Any) -> Iterator[Window]:
    """A fresh profile with one page; at its end nothing may have gone elsewhere or been complained of."""
    about = {"viewport": {"width": 1400, "height": 900}, "locale": "en-GB", "accept_downloads": True} | settings
    context = browser.new_context(**about)
    try:
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        found = Window(page, f"http://{serving.host}", shots)
        page.on("request", lambda request: found.asked.append(request.url))
        page.on("pageerror", lambda error: found.said.append(str(error)))
        page.on("console", lambda line: _noted(found, line))
        yield found
        assert found.strangers == []
        assert found.said == []
    finally:
        context.close()


def _noted(found: Window, line: Any) -> None:
    """A refusal that a test asked for is logged by the browser itself; all else is the page's fault."""
    if line.type in ("error", "warning") and "Failed to load resource" not in line.text:
        found.said.append(line.text)
