"""The explorer in a real browser with 25,000 tiles: its speed, the keyboard alone, links, words, readability."""

from __future__ import annotations

import json
import signal
import sys
import time

import pytest

from tests.made.browsers import window
from tests.made.explored import many_rows
from tests.made.serving import serving

pytestmark = pytest.mark.browser

SIDE = 112
"""2 x 112 x 112 = 25,088 rows."""
CONTRAST = """() => {
    const lightness = (colour) => {
        const parts = colour.match(/[\\d.]+/g).map(Number);
        if (parts.length > 3 && parts[3] === 0) return null;
        const most = colour.startsWith("color(") ? 1 : 255; // color(srgb 0.9 0.9 0.9 / 0.75) or rgb(230, 230, 230)
        const [r, g, b] = parts.slice(0, 3).map((one) => one / most)
            .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const found = lightness(getComputedStyle(one).backgroundColor);
            if (found !== null) return found;
        }
        return 1;
    };
    const found = [];
    for (const element of document.querySelectorAll("body *")) {
        const text = [...element.childNodes].filter((one) => one.nodeType === 3 && one.textContent.trim());
        if (!text.length || !element.checkVisibility({visibilityProperty: true})) continue;
        if (element.matches("option")) continue;
        const [a, b] = [lightness(getComputedStyle(element).color), behind(element)].sort((x, y) => y - x);
        found.push([(a + 0.05) / (b + 0.05), element.className || element.tagName, text[0].textContent.trim()]);
    }
    return found;
}"""


ALL_2019 = "() => [...document.querySelectorAll('.card')].every((one) => one.textContent.includes('2019'))"
MARKS = """() => performance.getEntries().filter((one) => ["paint", "mark"].includes(one.entryType))
    .map((one) => [one.name, one.startTime / 1000])"""


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    assert browser.is_connected()  # without a browser nothing is built
    folder = tmp_path_factory.mktemp("many")
    many_rows(folder / "many", SIDE)
    with serving(folder, "many") as one:
        yield one


@pytest.fixture(scope="module")
def tiles(server):
    return server.get("/api/tiles").json


@pytest.fixture(scope="module")
def kept(browser, server, shots):
    """One page for the tests that leave it as it was."""
    with window(browser, server, shots) as one:
        yield one.open()


@pytest.fixture
def seen(kept):
    yield kept
    kept.page.keyboard.press("Escape")
    if kept.page.locator("#query-close").is_visible():
        kept.page.click("#query-close")


def focused(seen):
    """The id (or class, or tag) of what has the focus, and whether one sees it."""
    return seen.page.evaluate("""() => {
        const one = document.activeElement;
        const style = getComputedStyle(one);
        const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
        return [one.id || one.className || one.tagName, seen];
    }""")


def test_25_000_tiles_are_drawn_and_asked(browser, server, shots, tiles):
    assert len(tiles["id"]) == 25_088
    with window(browser, server, shots) as seen:
        seen.open()
        marks = dict(seen.page.evaluate(MARKS))
        assert seen.tell("map.queryRenderedFeatures({layers: ['tiles']}).length") >= 25_088
        corner = seen.spot(0)
        assert tuple(seen.pixels()[int(corner[1]), int(corner[0])]) == seen.colour("tile")
        seen.click_tile(5000)
        before = time.monotonic()
        seen.click_tile(9000)
        searched = time.monotonic() - before
        said = seen.page.locator("#matches .facts").first.inner_text()
        first = marks["first-contentful-paint"]
        sys.stdout.write(f"\n25,088 tiles: first paint {first:.2f} s, usable map {marks['map']:.2f} s, tiles read "
                         f"{marks['tiles']:.2f} s, all drawn {marks['drawn']:.2f} s; click to cards {searched:.3f} s, "
                         f"server: {said}\n")
        seen.shot("20-many")


def test_the_keyboard_alone_is_enough(seen, tiles):
    page, press = seen.page, seen.page.keyboard.press
    page.evaluate("document.activeElement.blur()")
    press("Tab")
    assert focused(seen) == ["skip-panel", True]
    press("Enter")
    press("Tab")
    assert focused(seen) == ["find-text", True]
    page.keyboard.type(tiles["id"][77])
    with page.expect_response("**/api/search"):
        press("Enter")
    page.wait_for_selector(".card")
    assert page.locator("#query .id").inner_text() == tiles["id"][77]
    walked = []
    while not focused(seen)[0].startswith("card"):
        press("Tab")
        walked.append(focused(seen))
        assert len(walked) < 30, walked
    assert all(sight for _, sight in walked), walked
    press("ArrowDown")
    press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.rank") == "3"
    assert page.locator(".maplibregl-marker.strong").inner_text() == "3"
    third = seen.cards()[2]
    with page.expect_response("**/api/search"):
        press("+")
    page.wait_for_selector(f".examples.like button[aria-label*='{tiles['id'][third]}']")
    assert page.evaluate("document.activeElement.closest('#matches') !== null")
    seen.drawn()
    page.focus("#map canvas")
    middle = seen.tell("tiles.under(map.getCenter().toArray())")
    other = next(n for n in middle if n != 77)  # the map went to the tile: Enter asks the other date of its place
    with page.expect_response("**/api/search"):
        press("Enter")
    page.wait_for_function("id => document.querySelector('#query .id').textContent === id", arg=tiles["id"][other])
    seen.shot("21-keyboard")
    page.locator("#filters summary").focus()
    press("Enter")
    page.focus("#filter-draw")
    press("Enter")
    assert page.locator("#map.drawing").count() == 1
    press("Escape")
    page.wait_for_selector("#map:not(.drawing)")
    assert focused(seen)[0] == "filter-draw"
    page.locator("#filters summary").focus()
    press("Enter")


def test_a_link_restores_the_view_and_back_goes_back(browser, server, shots, seen, tiles):
    page = seen.page
    seen.click_tile(6000)
    page.click("#filters summary")
    page.check("#filter-dates-1")
    page.wait_for_function(ALL_2019)
    page.click("#filters summary")
    link, cards = page.url.split("/", 3)[3], seen.cards()
    assert "tile=04-" in link
    assert "dates=2019" in link
    with window(browser, server, shots) as other:
        other.open(link)
        other.page.wait_for_selector(".card")
        assert other.cards() == cards
        assert other.page.is_checked("#filter-dates-1")
        assert other.tell("map.getCenter().lng") == pytest.approx(seen.tell("map.getCenter().lng"), abs=1e-4)
        assert other.tell("map.getZoom()") == pytest.approx(seen.tell("map.getZoom()"), abs=0.02)
    page.go_back()
    page.wait_for_function("() => !document.querySelector('#filter-dates-1').checked")
    assert page.locator("#query .id").inner_text() == tiles["id"][6000]
    page.go_forward()
    page.wait_for_function("() => document.querySelector('#filter-dates-1').checked")
    page.click("#filters summary")
    page.click("#filters-reset")
    page.click("#filters summary")


def test_a_link_to_a_tile_that_is_gone_says_so(browser, server, shots):
    with window(browser, server, shots) as seen:
        seen.open("#v=1&tile=04-999-999-1950")
        assert seen.page.locator("#page-error [role=alert]").inner_text() == (
            "The link names a tile that this index does not have: 04-999-999-1950.")


def test_the_servers_own_link_is_understood(browser, server, shots):
    answer = server.post("/api/search", {"tile": 40, "k": 7}).json
    with window(browser, server, shots) as seen:
        seen.open(answer["link"].removeprefix("/"))
        seen.page.wait_for_selector(".card")
        assert seen.cards() == [match["n"] for match in answer["matches"]]


def test_french_and_english_have_the_same_words(browser, server, shots):
    with window(browser, server, shots, locale="fr-FR", color_scheme="dark") as seen:
        seen.open()
        words = seen.page.evaluate("import('/web/words.js').then((one) => one.WORDS)")
        assert set(words["fr"]) == set(words["en"])
        assert seen.page.evaluate("document.documentElement.lang") == "fr"
        assert "25 088 tuiles" in seen.page.locator("#index-facts").inner_text().replace("\u202f", " ")
        seen.click_tile(9000)
        pairs = seen.page.evaluate(CONTRAST)
        assert len(pairs) > 60
        assert [pair for pair in pairs if pair[0] < 4.5] == []
        seen.shot("22-french-dark")
        french = seen.page.locator("#tab-search").inner_text()
        seen.page.click("#language")
        assert seen.page.evaluate("document.documentElement.lang") == "en"
        said = (french, seen.page.locator("#tab-search").inner_text())
        assert said == (words["fr"]["tab.search"], words["en"]["tab.search"])
        assert "20 matches" in seen.page.locator("#matches").inner_text()


def test_contrast_and_room_at_200_percent(browser, server, shots):
    """1400 x 900 at 200 % is 700 x 450; 320 wide is what WCAG asks for."""
    with window(browser, server, shots, viewport={"width": 700, "height": 450}, device_scale_factor=2) as seen:
        seen.open()
        seen.click_tile(int(seen.tell("tiles.under(map.getCenter().toArray())[0]")))
        pairs = seen.page.evaluate(CONTRAST)
        assert len(pairs) > 60
        assert [pair for pair in pairs if pair[0] < 4.5] == []
        for width, name in ((700, "23-double"), (320, "24-narrow")):
            seen.page.set_viewport_size({"width": width, "height": 450})
            seen.page.locator("#matches").scroll_into_view_if_needed()
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
            seen.shot(name)


def test_a_server_that_was_stopped_is_told_in_place(browser, server, shots):
    """The last one: it stops the server of this module."""
    with window(browser, server, shots) as seen:
        seen.open()
        seen.click_tile(100)
        server.process.send_signal(signal.SIGINT)
        server.process.wait(timeout=60)
        seen.page.mouse.click(*seen.spot(9000))
        alert = seen.page.locator("#matches [role=alert]")
        alert.wait_for()
        assert "The server does not answer" in alert.inner_text()
        assert "Try again" in alert.inner_text()
        assert seen.page.locator("#query .id").inner_text().endswith("2004")
        seen.shot("25-stopped")
        assert json.dumps(seen.strangers) == "[]"
