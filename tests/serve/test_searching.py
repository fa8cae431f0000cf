"""Answers are those of `georetrieval search`; what a page can ask besides is checked against its definition."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path
from urllib.parse import parse_qs, quote

import numpy as np
import pytest
import rasterio

from georetrieval.search.descriptors import Space
from georetrieval.search.index import pair_scores
from georetrieval.search.store import IndexStore
from georetrieval.serve.examples import BETA, GAMMA, moved
from tests.made.serving import command
from tests.made.tiny import write_raster
from tests.made.towns import colours


@pytest.fixture
def said(land, capsys):
    """Rows of `georetrieval search` of the town."""

    def search(*words: object) -> list[dict]:
        capsys.readouterr()
        command("search", land / "town", *words, "--format", "json")
        return json.loads(capsys.readouterr().out)

    return search


def told(reply, columns) -> list[tuple]:
    """Rank, tile, score and hit of each answer."""
    assert reply.status == 200, reply.data
    return [(m["rank"], columns["id"][m["n"]], m["score"], m["hit"]) for m in reply.json["matches"]]


def expected(rows) -> list[tuple]:
    return [(row["rank"], row["tile_id"], row["score"], row["hit"]) for row in rows]


def test_a_tile_of_the_index(server, columns, said):
    reply = server.post("/api/search", {"tile": 4, "k": 6})
    assert told(reply, columns) == expected(said(columns["id"][4], "-k", 6))
    assert reply.json["query"] == {"kind": "tile", "n": 4, "name": columns["id"][4], "pieces": []}
    assert reply.json["confidence"] is None
    assert reply.json["took_ms"] > 0
    with_itself = told(server.post("/api/search", {"tile": 4, "k": 1, "exclude_self": False}), columns)
    assert with_itself == [(1, columns["id"][4], 1.0, True)]


def test_a_tile_of_another_date_is_looked_at(server, columns, land, said):
    reply = server.post("/api/search", {"tile": 20, "k": 5})
    assert told(reply, columns) == expected(said(columns["id"][20], "--tiles", land / "tiles", "--exclude-self"))


@pytest.mark.parametrize("placed", [True, False])
def test_a_picture(server, columns, land, said, tmp_path, placed):
    pixels = colours(5)[:, :64, :64]
    with rasterio.open(next(land.glob("2004/*.tif"))) as file:
        west, south = file.bounds.left, file.bounds.bottom
    place = (west + 250, south + 250, west + 500, south + 500)
    path = write_raster(tmp_path / "new.tif", pixels, place, crs="EPSG:2154") if placed else \
        write_raster(tmp_path / "new.png", pixels, (0, 0, 64, 64), crs="", driver="PNG")
    sent = server.upload(path.read_bytes(), "été%2F..%2Fnew%22<x>.tif".encode().decode("latin-1"))
    assert sent.status == 200, sent.data
    assert (sent.json["width"], sent.json["height"]) == (64, 64)
    assert "/" not in sent.json["name"]
    assert "<" not in sent.json["name"]
    preview = server.get(sent.json["preview"])
    assert preview.headers["content-type"] == "image/png"
    reply = server.post("/api/search", {"upload": sent.json["upload"], "k": 5})
    assert told(reply, columns) == expected(said(path))
    assert reply.json["query"]["kind"] == "picture"
    assert reply.json["link"] is None
    assert reply.json["notes"]
    assert str(Path("/tmp")) not in reply.data.decode()
    again = server.post("/api/search", {"upload": sent.json["upload"], "k": 5})
    assert again.json["matches"] == reply.json["matches"]


def test_a_picture_of_several_cells(server, columns, land, said):
    path = next(land.glob("2019/*.tif"))
    sent = server.upload(path.read_bytes(), "wide.tif").json
    first = server.post("/api/search", {"upload": sent["upload"], "k": 3}).json
    assert len(first["query"]["pieces"]) == 16
    rows = said(path, "-k", 3)
    for piece in (0, 7):
        reply = server.post("/api/search", {"upload": sent["upload"], "k": 3, "piece": piece})
        name = reply.json["query"]["name"].replace("wide.tif", path.name)
        assert told(reply, columns) == expected([row for row in rows if row["query"] == name])
    assert server.post("/api/search", {"upload": sent["upload"], "piece": 16}).status == 404


@pytest.mark.parametrize("space", ["cosine", "euclidean"])
def test_examples_move_the_question(space):
    random = np.random.default_rng(0)
    query, like, unlike = (random.normal(size=(n, 8)).astype(np.float32) for n in (1, 3, 2))
    space = Space(space)
    new = moved(query, like, unlike, space)[0]
    a, b, c = ([v / np.linalg.norm(v) for v in some] if space is Space.COSINE else list(some)
               for some in (query, like, unlike))
    wanted = a[0] + BETA * np.mean(b, axis=0)
    if space is Space.COSINE:
        expected = wanted - GAMMA * np.mean(c, axis=0)
    else:
        wanted = wanted / (1 + BETA)
        expected = wanted + GAMMA / (1 + BETA) * (wanted - np.mean(c, axis=0))
    np.testing.assert_allclose(new, expected, rtol=1e-5)
    shift = np.float32(100)
    if space is Space.EUCLIDEAN:  # where the origin lies says nothing in it
        np.testing.assert_allclose(moved(query + shift, like + shift, unlike + shift, space)[0], new + shift, rtol=1e-4)
    np.testing.assert_allclose(moved(None, like, unlike[:0], space)[0] / np.linalg.norm(np.mean(b, axis=0)),
                               np.mean(b, axis=0) * (BETA if space is Space.COSINE else 1)
                               / np.linalg.norm(np.mean(b, axis=0)), rtol=1e-5)


def test_examples_are_asked_and_never_answered(server, land):
    body = {"tile": 2, "like": [5, 6], "unlike": [7], "k": 20, "exclude_self": False}
    reply = server.post("/api/search", body)
    rows = IndexStore.open(land / "town").load()[0]
    question = moved(rows.vectors[[2]], rows.vectors[[5, 6]], rows.vectors[[7]], rows.space)[0]
    scores = pair_scores(rows.vectors, question, rows.space)
    scores[[5, 6, 7]] = -np.inf
    order = np.argsort(-scores, kind="stable")[:12]
    assert [m["n"] for m in reply.json["matches"]] == order.tolist()
    assert [m["score"] for m in reply.json["matches"]] == pytest.approx(scores[order].tolist(), abs=1e-6)
    alone = server.post("/api/search", {"like": [5], "k": 3}).json
    assert alone["query"]["kind"] == "examples"
    assert 5 not in [m["n"] for m in alone["matches"]]
    assert {m["hit"] for m in alone["matches"]} == {None}


def test_filters(server, columns):
    def answers(**more):
        return {m["n"] for m in server.post("/api/search", {"tile": 20, "k": 50, **more}).json["matches"]}

    everything = answers()
    assert everything == set(range(15))
    assert answers(dates=["2019"]) == set()
    assert answers(dates=["2004"], scopes=["57"]) == everything
    assert answers(scopes=["54"]) == set()
    corners = np.asarray(columns["corners"]).reshape(-1, 4, 2)
    west, south = corners[5].min(axis=0) + 2e-4
    east, north = corners[5].max(axis=0) - 2e-4
    assert answers(bbox=[west, south, east, north]) == {5}
    middles = corners.mean(axis=1)
    far = answers(beyond_m=400.0)
    away = np.hypot(*((middles[:15] - middles[20]) * [111_320 * np.cos(np.radians(49.44)), 111_320]).T)
    assert far == set(np.flatnonzero(away > 400).tolist())


@pytest.mark.parametrize(("body", "status"), [
    ({}, 400), ({"unlike": [1]}, 400), ({"tile": 1, "upload": "x"}, 400), ({"tile": 31}, 404), ({"tile": "1"}, 400),
    ({"tile": -1}, 400), ({"tile": 1, "k": 0}, 400), ({"tile": 1, "k": 101}, 400), ({"upload": "x"}, 404),
    ({"tile": 1, "like": [99]}, 404), ({"tile": 1, "bbox": [1, 2, 3]}, 400), ({"tile": 1, "more": 1}, 400),
    ({"tile": 1, "bbox": [6, 49, 5, 50]}, 400), ({"tile": 1, "beyond_m": -1}, 400), ({"tile": True}, 400),
    ({"tile": 1, "like": list(range(15)) * 4}, 400), ({"tile": 1, "dates": ["2004"] * 300}, 400), ([], 400),
    ({"like": [3], "unlike": [3] * 3, "tile": None, "k": 10**30}, 400),
])
def test_questions_that_make_no_sense(server, body, status):
    reply = server.post("/api/search", body)
    assert reply.status == status
    assert reply.json["error"].endswith((".", "?"))


def test_a_file_that_is_no_picture_is_named_as_it_was_dropped(server):
    for data, status in ((b"no picture", 415), (b"II*\0" + bytes(100), 400)):
        reply = server.upload(data, "h%C3%A9las.tif")
        assert reply.status == status
        assert "hélas.tif" in reply.json["error"]
        assert "picture " not in reply.json["error"].partition("hélas.tif")[0]


def test_files_to_take_away(server, columns, land, tmp_path):
    body = {"tile": 20, "k": 4}
    words = (columns["id"][20], "--tiles", land / "tiles", "--exclude-self", "-k", 4)
    command("search", land / "town", *words, "-o", tmp_path / "answers.csv")
    link = server.post("/api/search", body).json["link"]
    assert json.loads(parse_qs(link.partition("#")[2])["q"][0]) == body
    sent = server.get(f"/api/download?format=csv&q={quote(json.dumps(body))}")
    assert "attachment" in sent.headers["content-disposition"]
    ours, theirs = (list(csv.DictReader(io.StringIO(text))) for text in
                    (sent.data.decode(), (tmp_path / "answers.csv").read_text()))
    assert list(ours[0]) == list(theirs[0])
    for mine, other in zip(ours, theirs, strict=True):
        assert {**mine, "hit": mine["hit"].lower()} == {**other, "hit": other["hit"].lower()}
    (tmp_path / "ours.gpkg").write_bytes(server.post("/api/download?format=gpkg", body).data)
    command("search", land / "town", *words, "-o", tmp_path / "theirs.gpkg")
    tables = []
    for name in ("ours", "theirs"):
        base = sqlite3.connect(tmp_path / f"{name}.gpkg")
        tables.append([base.execute(f"SELECT * FROM {table}").fetchall()
                       for table in ("queries", "matches", "layer_styles")])
        base.close()
    assert tables[0] == tables[1]
    assert server.post("/api/download?format=csv", {"tile": 20, "dates": ["1950"]}).status == 400
