"""What the server says of an index and its tiles is what index and tile set say."""

from __future__ import annotations

import gzip
import io
import json
import re
from itertools import chain

import numpy as np
import pytest
from PIL import Image
from pyproj import Transformer

from georetrieval.search.store import IndexStore
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.page import FOLDER
from georetrieval.serve.settings import Settings
from tests.made.serving import command, served_here


def test_about(server, land, tiles):
    told = server.get("/api/index").json
    store = IndexStore.open(land / "town")
    assert told["name"] == "town"
    assert (told["tiles"], told["all_tiles"]) == (15, 31)  # a blank tile of 2004 is nowhere; 2019 is only in the tiles
    assert told["dates"] == ["2004", "2019"]
    assert told["scopes"] == ["57"]
    assert told["index_version"] in store.name
    assert told["fingerprint"] == store.manifest.fingerprint_digest[:12]
    assert told["modalities"] == ["photo", "semantic"]
    assert [one["code"] for one in told["legend"]] == [one.code for one in tiles.legend.classes]
    assert told["legend"][0]["colour"] == "#{:02X}{:02X}{:02X}".format(*tiles.legend.classes[0].colour)
    assert told["can_embed"] is True
    assert told["lang"] == "fr"
    assert told["licence"] == ["Tiles: 57 2004", "licence_ign"]
    assert told["evaluation"] == {"name": "matches.gpkg"}  # its figures are worked out when they are asked for


def test_tiles_are_those_of_the_index_then_those_of_the_tile_set(land, tiles, columns):
    names = IndexStore.open(land / "town").load()[0].names.tolist()
    assert columns["id"][:15] == names
    assert columns["indexed"] == 15
    frame = tiles.catalogue.set_index("tile_id").loc[columns["id"]]
    assert columns["key"] == frame["key"].tolist()
    assert [("2004", "2019")[one] for one in columns["date"]] == frame["date"].tolist()
    lon, lat = np.asarray(columns["corners"]).reshape(-1, 4, 2).transpose(2, 0, 1)
    x, y = Transformer.from_crs("EPSG:4326", tiles.grid.crs, always_xy=True).transform(lon, lat)
    expected = frame[["xmin", "xmax", "xmax", "xmin", "ymin", "ymin", "ymax", "ymax"]].to_numpy()
    np.testing.assert_allclose(np.hstack([x, y]), expected, atol=0.15)


@pytest.mark.parametrize("path", ["/api/tiles", "/api/tiles.geojson"])
def test_tiles_come_zipped_and_only_once(server, path):
    plain, zipped = server.get(path), server.get(path, Accept_Encoding="gzip, br")
    assert zipped.headers["content-encoding"] == "gzip"
    assert gzip.decompress(zipped.data) == plain.data
    again = server.get(path, If_None_Match=plain.headers["etag"])
    assert (again.status, again.data) == (304, b"")


def test_the_map_draws_the_same_tiles(server, columns):
    drawn = server.get("/api/tiles.geojson").json
    assert drawn["type"] == "FeatureCollection"
    assert [one["id"] for one in drawn["features"]] == list(range(31))
    assert [one["properties"] for one in drawn["features"]] == [
        {"d": d, "s": s} for d, s in zip(columns["date"], columns["scope"], strict=True)]
    for one, corners in zip(drawn["features"], columns["corners"], strict=True):
        (ring,) = one["geometry"]["coordinates"]
        assert [*chain.from_iterable(ring[:4])] == corners
        assert ring[4] == ring[0]
    assert server.get("/api/tiles.geojson?v=other").status == 409


def test_the_page_asks_for_all_its_modules_at_once():
    """One that is missing would be asked for later, one that is gone would be a refusal."""
    text = (FOLDER / "index.html").read_text()
    asked = set(re.findall(r'(?:modulepreload" href|script type="module" src)="/web/([^"]+)"', text))
    assert asked == {path.name for path in FOLDER.glob("*.js")}


def test_a_bug_is_told_on_the_terminal_once_and_to_nobody_else(land, monkeypatch, caplog, capfd):
    def about(*_):
        raise ZeroDivisionError("made for a test")

    monkeypatch.setattr(Explorer, "about", about)
    with served_here(Explorer(land / "town", Settings())) as buggy:
        reply = buggy.get("/api/index")
        assert reply.status == 500
        assert "made for a test" not in reply.json["error"]
        assert buggy.get("/api/tiles").status == 200
    written = capfd.readouterr().err.count("ZeroDivisionError: made for a test")
    assert written + caplog.text.count("ZeroDivisionError: made for a test") == 1


@pytest.mark.parametrize("kind", ["photo", "semantic"])
def test_a_picture_holds_the_pixels_of_the_tile(server, columns, tiles, kind):
    for n in (3, 20):
        reply = server.get(f"/api/tiles/{n}/{kind}.png?px=64")
        assert reply.headers["content-type"] == "image/png"
        seen = np.asarray(Image.open(io.BytesIO(reply.data)))
        tile = tiles.tile(columns["id"][n])
        bands = dict(zip(tile.bands, tile.pixels, strict=True))
        expected = np.stack([bands[b] for b in "rgb"], -1) if kind == "photo" else \
            tiles.legend.palette()[bands["classes"]]
        np.testing.assert_array_equal(seen, expected)


def test_a_larger_picture_mixes_no_colours_of_classes(server, tiles):
    seen = np.asarray(Image.open(io.BytesIO(server.get("/api/tiles/9/semantic.png?px=300").data)))
    assert seen.shape == (300, 300, 3)
    assert {tuple(c) for c in np.unique(seen.reshape(-1, 3), axis=0)} <= {tuple(c) for c in tiles.legend.palette()}


def test_a_picture_is_kept_by_the_reader(server):
    first = server.get("/api/tiles/3/photo.png")
    assert server.get("/api/tiles/3/photo.png", If_None_Match=first.headers["etag"]).status == 304
    assert Image.open(io.BytesIO(first.data)).size == (256, 256)


def test_one_tile(server, columns, tiles):
    n = 9
    told = server.get(f"/api/tiles/{n}").json
    row = tiles.find(columns["id"][n])
    assert (told["id"], told["key"], told["date"], told["indexed"]) == (row["tile_id"], row["key"], "2004", True)
    assert told["bounds_crs"] == row[["xmin", "ymin", "xmax", "ymax"]].tolist()
    shares = {tiles.legend.by_code[one["code"]].key: one["share"] for one in told["classes"]}
    assert shares
    assert shares == {key: pytest.approx(row[f"share_{key}"], abs=1e-4) for key in shares}
    assert [columns["key"][other] for other in told["same_place"]] == [told["key"]]
    assert columns["date"][told["same_place"][0]] == 1


@pytest.mark.parametrize(("path", "status"), [
    ("/api/tiles/31", 404), ("/api/tiles/-1", 404), ("/api/tiles/999999999999999999", 404), ("/api/tiles/x", 404),
    ("/api/tiles/31/photo.png", 404), ("/api/tiles/1/other.png", 404), ("/api/tiles/1/photo.png?px=63", 400),
    ("/api/tiles/1/photo.png?px=1025", 400), ("/api/tiles/1/photo.png?px=a", 400), ("/api/upload/nothing.png", 404),
    ("/api", 404), ("/api/index/", 404), ("/web/", 404), ("/docs", 404), ("/openapi.json", 404),
    ("/api/download?format=tar&q=%7B%22tile%22%3A1%7D", 400), ("/api/download?format=csv", 400), ("/api/search", 405),
])
def test_what_is_not_there_is_said_in_a_sentence(server, path, status):
    reply = server.get(path)
    assert reply.status == status
    assert reply.json["error"].endswith((".", "?"))


def test_every_answer_keeps_the_page_to_itself(server):
    for path in ("/api/index", "/api/tiles/3/photo.png", "/api/nothing"):
        headers = server.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_evaluation_says_what_evaluate_says(server, land, columns, capsys):
    capsys.readouterr()
    command("evaluate", land / "town", "--tiles", land / "tiles", "--date", "2019", "--format", "json")
    figures = json.loads(capsys.readouterr().out)
    layer = server.get("/api/evaluation").json
    summary = layer["summary"]
    assert summary["queries"] == figures["queries"] == 15
    assert summary["unknown"] == 0
    for name in ("map_at_5", "recall_at_1", "recall_at_5"):
        assert summary[name.replace("_at_", "@")] == pytest.approx(figures[name], abs=1e-4)
    assert len(layer["queries"]) == 15
    for line in layer["queries"]:
        rank = line["rank"]
        assert columns["date"][line["n"]] == 1
        assert len(line["found"]) == 5
        keys = [columns["key"][n] for n in line["found"]]
        own = columns["key"][line["n"]]
        assert (keys.index(own) + 1 if own in keys else None) == rank
        assert line["hit"] == (own in keys)


@pytest.mark.parametrize("host", ["gis.example", ""])  # proxies hand the name on, or say the one they ask
def test_behind_a_proxy_its_own_page_is_answered_and_no_other(land, host):
    token = "a-token-of-the-tests-0123456789"
    explorer = Explorer(land / "town", Settings(port=0, token=token, public="https://gis.example"))
    with served_here(explorer) as server:
        there = {"Host": host or server.host}

        def status(**more: str) -> int:
            named = {name.replace("_", "-"): text for name, text in more.items()}
            return server.ask("GET", "/api/index", headers=there | {"Authorization": f"Bearer {token}"} | named).status

        assert status(Origin="https://gis.example", Sec_Fetch_Site="same-origin") == 200
        assert status(Origin="http://gis.example") == 403  # the same name without TLS is another page
        assert status(Origin="https://evil.example") == 403
        assert status(Host="evil.example") == 403
        assert server.ask("GET", "/api/index", headers=there).status == 403
        entered = server.ask("GET", f"/?token={token}", headers=there)
        assert entered.status == 200
        assert "; Secure" in entered.headers["set-cookie"]
