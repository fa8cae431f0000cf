"""The explorer in a real browser, on a made-up place of two dates: what an analyst does with it."""

from __future__ import annotations

import csv
import json

import geopandas as gpd
import numpy as np
import pytest

from tests.made.browsers import WAIT_MS, Window, window
from tests.made.explored import explored_place
from tests.made.serving import serving

pytestmark = pytest.mark.browser

ALL_2019 = "() => [...document.querySelectorAll('.card')].every((one) => one.textContent.includes('2019'))"


@pytest.fixture(scope="module")
def place(browser, tmp_path_factory):
    assert browser.is_connected()  # without a browser nothing is built
    return explored_place(tmp_path_factory.mktemp("explored"))


@pytest.fixture(scope="module")
def server(place):
    with serving(place, "both", "--tiles", "tiles", "--evaluation", "matches.gpkg") as one:
        yield one


@pytest.fixture
def seen(browser, server, shots):
    with window(browser, server, shots) as one:
        yield one.open()


@pytest.fixture(scope="module")
def tiles(server):
    return server.get("/api/tiles").json


def asked(server, **body):
    """What the server answers to a search, asked without the page."""
    plain = {"tile": None, "like": [], "unlike": [], "upload": None, "k": 20, "exclude_self": True}
    reply = server.post("/api/search", plain | body)
    assert reply.status == 200, reply.data
    return [match["n"] for match in reply.json["matches"]]


def test_the_page_says_what_it_shows_and_the_tiles_are_drawn(seen, server):
    about = server.get("/api/index").json
    assert seen.page.locator("h1").inner_text() == "both"
    assert f"{about['tiles']} tiles" in seen.page.locator("#index-facts").inner_text()
    assert about["tiles"] == 288
    screen, tile = seen.pixels(), seen.colour("tile")
    for n in (0, 50, 143):
        x, y = seen.spot(n)
        assert tuple(screen[int(y) + 4, int(x) + 4]) == tile
    assert tuple(screen[500, 12]) != tile
    assert seen.page.locator(".degree:visible").count() > 4
    seen.shot("01-loaded")


def test_a_click_on_a_tile_shows_its_matches_on_the_map_and_as_cards(seen, server, tiles):
    seen.click_tile(60)
    assert seen.page.locator("#query .id").inner_text() == tiles["id"][60]
    assert seen.cards() == asked(server, tile=60)
    marks = seen.page.locator(".card .verdict").all_inner_texts()
    same = [tiles["key"][n] == tiles["key"][60] for n in seen.cards()]
    assert [mark.startswith("✓") for mark in marks] == same
    assert any(same)
    assert not all(same)
    markers = seen.page.locator(".maplibregl-marker")
    assert sorted(markers.all_inner_texts(), key=int) == [str(i) for i in range(1, 21)]
    third = seen.page.locator(".maplibregl-marker[data-rank='3']").bounding_box()
    x, y = seen.spot(seen.cards()[2])
    assert abs(third["x"] + third["width"] / 2 - x) < 2
    assert abs(third["y"] + third["height"] / 2 - y) < 2
    lines = seen.tell("map.getSource('lines').serialize().data.features.length")
    assert lines == 20
    seen.drawn()
    seen.shot("02-matches")


def test_a_picture_that_is_dropped_finds_its_tile(seen, server):
    photo = server.get("/api/tiles/60/photo.png?px=64").data
    with seen.page.expect_response("**/api/search"):
        seen.drop(photo, "an été.png", "image/png")
    seen.page.wait_for_selector(".card")
    assert seen.cards()[0] == 60
    assert "an été.png" in seen.page.locator("#query").inner_text()
    seen.shot("03-dropped")
    with seen.page.expect_file_chooser() as chooser:
        seen.page.click("#file-button")
    with seen.page.expect_response("**/api/search"):
        chooser.value.set_files({"name": "other.png", "mimeType": "image/png",
                                 "buffer": server.get("/api/tiles/200/photo.png?px=64").data})
    seen.page.wait_for_selector(".card[data-n='200'][data-rank='1']")


def test_a_file_that_is_no_picture_is_refused_in_the_servers_words(seen):
    seen.click_tile(60)
    before = seen.cards()
    with seen.page.expect_response("**/api/upload") as reply:
        seen.drop(b"to be, or not to be", "notes.txt", "text/plain")
    alert = seen.page.locator("#query-error [role=alert]")
    alert.wait_for()
    assert reply.value.status == 415
    assert alert.inner_text() == reply.value.json()["error"]
    assert "notes.txt" in alert.inner_text()
    assert "/tmp" not in alert.inner_text()
    assert seen.cards() == before
    seen.shot("04-refused")


def test_the_divider_swipes_between_two_dates(seen):
    seen.click_tile(60)
    seen.page.wait_for_selector("#query-swipe")
    seen.page.click("#query-swipe")
    seen.page.wait_for_function("() => [...document.querySelectorAll('#swipe img')].every((one) => one.complete)")
    box = seen.page.locator("#swipe .stage").bounding_box()
    left, right = (slice(int(box["x"]) + a, int(box["x"] + box["width"]) - b) for a, b in ((40, 450), (450, 40)))
    rows = slice(int(box["y"]) + 40, int(box["y"] + box["height"] / 2) - 60)

    def drag(share):
        at = min(max(float(seen.page.input_value("#swipe-range")) / 100, 0.01), 0.99)
        seen.page.mouse.move(box["x"] + box["width"] * at, box["y"] + 50)
        seen.page.mouse.down()
        seen.page.mouse.move(box["x"] + box["width"] * share, box["y"] + 50, steps=4)
        seen.page.mouse.up()
        return seen.pixels().astype(int)

    half = seen.pixels().astype(int)
    seen.shot("05-swipe")
    old, new = drag(0.995), drag(0.005)
    assert np.abs(old - new)[rows, left].mean() > 3
    assert np.abs(half - old)[rows, left].mean() < 1
    assert np.abs(half - new)[rows, right].mean() < 1
    seen.page.focus("#swipe-range")
    at = float(seen.page.input_value("#swipe-range"))
    seen.page.keyboard.press("ArrowRight")
    assert float(seen.page.input_value("#swipe-range")) == at + 1
    seen.page.keyboard.press("Escape")
    assert not seen.page.locator("#swipe").is_visible()
    assert seen.page.evaluate("document.activeElement.id") == "query-swipe"


def test_photo_and_semantic(seen):
    seen.click_tile(60)
    seen.page.click("#show >> text=Semantic")
    images = seen.page.locator(".card img")
    seen.page.wait_for_function("() => document.querySelector('.card img').naturalWidth > 0")
    assert all("/semantic.png" in url for url in images.evaluate_all("all => all.map((one) => one.src)"))
    assert "show=semantic" in seen.page.url
    seen.shot("06-semantic")


def test_filters_by_date_area_and_number(seen, server, tiles):
    seen.click_tile(60)
    seen.page.click("#filters summary")
    with seen.page.expect_response("**/api/search"):
        seen.page.check("#filter-dates-1")
    seen.page.wait_for_function(ALL_2019)
    assert seen.cards() == asked(server, tile=60, dates=["2019"])
    seen.page.click("#filter-draw")
    (west, north), (east, south) = seen.spot(tiles["key"].index(tiles["key"][75])), seen.spot(10)
    with seen.page.expect_response("**/api/search"):
        seen.page.mouse.move(min(west, east) - 9, min(north, south) - 9)
        seen.page.mouse.down()
        seen.page.mouse.move(max(west, east) + 9, max(north, south) + 9, steps=5)
        seen.page.mouse.up()
    bbox = [float(seen.page.input_value(f"#filter-{side}")) for side in ("west", "south", "east", "north")]
    found = asked(server, tile=60, dates=["2019"], bbox=bbox)
    seen.page.wait_for_function("n => document.querySelectorAll('.card').length === n", arg=len(found))
    assert seen.cards() == found
    assert found
    assert found != asked(server, tile=60, dates=["2019"])
    seen.page.select_option("#filter-k", "5")
    seen.page.wait_for_function("() => document.querySelectorAll('.card').length <= 5")
    seen.shot("07-filters")
    seen.page.fill("#filter-west", "9")
    seen.page.keyboard.press("Tab")
    assert "west below east" in seen.page.locator("#filters-error [role=alert]").inner_text()


def test_more_like_this_and_less_like_that(seen, server):
    seen.click_tile(60)
    third = seen.cards()[2]
    with seen.page.expect_response("**/api/search"):
        seen.page.click(f".card[data-n='{third}'] [data-act=more]")
    seen.page.wait_for_selector(".examples.like")
    seen.page.wait_for_selector(f".card[data-n='{third}']", state="detached")
    assert seen.cards() == asked(server, tile=60, like=[third])
    less = seen.cards()[5]
    with seen.page.expect_response("**/api/search"):
        seen.page.click(f".card[data-n='{less}'] [data-act=less]")
    seen.page.wait_for_selector(f".card[data-n='{less}']", state="detached")
    assert seen.cards() == asked(server, tile=60, like=[third], unlike=[less])
    seen.shot("08-examples")
    with seen.page.expect_response("**/api/search"):
        seen.page.click(".examples.unlike button")
    seen.page.wait_for_selector(".examples.unlike", state="detached")


def test_failures_are_a_layer_and_a_list(seen, server):
    kept = server.get("/api/evaluation").json
    failed = [query for query in kept["queries"] if query["rank"] != 1]
    worst = max(failed, key=lambda query: (query["rank"] or 99, -query["n"]))
    assert 0 < len(failed) < len(kept["queries"])
    seen.page.click("#tab-failures")
    seen.page.wait_for_selector(".worst button")
    first = seen.page.locator(".worst button").first
    assert int(first.get_attribute("data-n")) == worst["n"]
    assert seen.page.locator(".worst li").count() == min(60, len(failed))
    assert f"{kept['summary']['map@5']:.3f}" in seen.page.locator(".figures").inner_text()
    seen.page.wait_for_function("() => document.querySelector('#map-key .failed')")
    seen.drawn()
    x, y = seen.spot(worst["n"])
    assert tuple(seen.pixels()[int(y) + 4, int(x) + 4]) == seen.colour("failed" if worst["rank"] is None else "later")
    seen.shot("09-failures")
    first.click()
    seen.page.wait_for_selector(".card")
    assert seen.cards() == worst["found"]
    assert "Answer kept in the evaluation" in seen.page.locator("#matches").inner_text()
    seen.drawn()
    seen.shot("10-failure")


@pytest.mark.parametrize("kind", ["gpkg", "csv"])
def test_matches_are_downloaded(seen, tiles, tmp_path, kind):
    seen.click_tile(60)
    with seen.page.expect_download() as download:
        seen.page.click(f"[data-format={kind}]")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    assert file.suffix == f".{kind}"
    wanted = [tiles["id"][n] for n in seen.cards()]
    if kind == "csv":
        rows = list(csv.DictReader(file.open(encoding="utf-8-sig")))
    else:
        rows = gpd.read_file(file, layer="matches").to_dict("records")
    assert any([row[name] for row in rows] == wanted for name in rows[0]), json.dumps(rows[0], default=str)


def test_without_webgl_the_lists_still_work(browser, server, shots, tiles):
    with window(browser, server, shots) as seen:
        seen.page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        seen.page.goto(seen.origin)
        seen.page.wait_for_selector("body[data-tiles=here]")
        assert "needs WebGL" in seen.page.locator("#map-note").inner_text()
        seen.page.fill("#find-text", tiles["id"][60])
        seen.page.click("#find [type=submit]")
        seen.page.wait_for_selector(".card")
        assert seen.cards() == asked(server, tile=60)
        seen.shot("11-no-webgl")


def test_a_link_with_a_token_opens_from_a_mail_on_the_web(browser, place, shots):
    """From another site, where a browser keeps the strict cookie back: the entrance goes on by itself."""
    with serving(place, "old", "--tiles", "tiles", "--token", "from-a-mail-0123456789") as guarded:
        context = browser.new_context()
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        seen = Window(page, f"http://{guarded.host}", shots)
        link = f"{seen.origin}/?token={guarded.token}#v=1&show=semantic"
        page.route("http://mail.example/", lambda route: route.fulfill(
            content_type="text/html", body=f'<a id="link" href="{link}">Look</a>'))
        page.goto("http://mail.example/")
        page.click("#link")
        page.wait_for_selector("body[data-map=drawn]")
        assert page.url.startswith(f"{seen.origin}/#v=1")
        assert "show=semantic" in page.url
        assert page.evaluate("document.cookie") == ""
        seen.click_tile(60)
        assert len(seen.cards()) == 20
        context.close()
