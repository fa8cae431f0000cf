"""A page sees one whole version of an index, and one model: what does not belong together is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from georetrieval.errors import InputError, MismatchError
from georetrieval.geo.tileset import TileSet
from georetrieval.search.changing import Choice, remove_rows
from georetrieval.search.store import IndexStore
from georetrieval.serve.evaluations import evaluation, read_answers
from georetrieval.serve.explorer import Explorer
from georetrieval.serve.replies import RefusedError, discreet
from georetrieval.serve.searching import Body, search
from georetrieval.serve.settings import Settings
from georetrieval.serve.shown import Shown
from georetrieval.serve.uploads import MOST, Uploads
from tests.made.rows import ABOUT, part
from tests.made.serving import command, served_here
from tests.made.towns import write_net


@pytest.fixture
def town(land, tmp_path):
    """A copy of the index."""
    shutil.copytree(land / "town", tmp_path / "town")
    return tmp_path / "town"


def test_a_changed_index_is_refused_until_it_is_loaded_again(land, town):
    explorer = Explorer(town, Settings(), tiles=[land / "tiles"])
    old = explorer.held(None)
    assert explorer.held(old.tag) is old
    gone = str(old.tiles.names[3])
    remove_rows(town, Choice(tile_ids=(gone,)))
    for version in (None, old.tag):
        with pytest.raises(RefusedError, match="load it again") as refused:
            explorer.held(version)
        assert refused.value.status == 409
        assert refused.value.reload
    assert search(old, explorer.uploads, Body(tile=3, k=2)).asked.name == gone  # who holds it sees all of it
    new = explorer.fresh()
    assert explorer.held(new.tag) is new
    assert len(old.tiles) == len(new.tiles)
    assert (old.tiles.indexed, new.tiles.indexed) == (15, 14)
    assert new.tiles.place_of[gone] >= 14  # it is a tile of the tile set now, and no answer
    with pytest.raises(RefusedError, match="load it again"):
        explorer.held(old.tag)
    answers = search(new, explorer.uploads, Body(tile=new.tiles.place_of[gone], k=50)).matches
    assert gone not in answers.gallery_names[answers.rows[0][:14]]
    shutil.rmtree(town)
    assert explorer.held(new.tag) is new  # what is in memory stays whole


def test_a_changed_index_is_said_to_the_page(town):
    with served_here(Explorer(town, Settings())) as server:
        version = server.get("/api/index").json["index_version"]
        assert server.post("/api/search", {"tile": 1}, X_Index_Version=version).status == 200
        remove_rows(town, Choice(tile_ids=(IndexStore.open(town).load()[0].names[0],)))
        for reply in (server.post("/api/search", {"tile": 1}, X_Index_Version=version), server.get("/api/tiles"),
                      server.get(f"/api/tiles/1?v={version}")):
            assert reply.status == 409
            assert reply.json["reload"] is True
        told = server.get("/api/index").json
        assert told["index_version"] != version
        assert told["tiles"] == 14 == json.loads(server.get("/api/tiles").data)["indexed"]
        assert server.post("/api/search", {"tile": 1}, X_Index_Version=version).status == 409
        assert server.post("/api/search", {"tile": 1}, X_Index_Version=told["index_version"]).status == 200
        assert server.get("/api/tiles/1/photo.png").status == 404  # no tiles were given
        assert told["pictures"] is False


@pytest.fixture
def netted(land, tmp_path):
    """An index of 2004 by a net whose folder is `net`."""
    model = write_net(tmp_path / "net", 1, px=64, bands=("r", "g", "b"))
    command("index", "build", f"{tmp_path}/netted", "--model", model, "--tiles", land / "tiles", "--date", "2004")
    return tmp_path


def test_a_model_that_is_gone_or_another_is_refused(land, netted):
    tiles = [TileSet.open(land / "tiles")]
    explorer = Explorer(netted / "netted", Settings(), tiles=[land / "tiles"])
    upload = explorer.uploads.add(next(land.glob("2019/*.tif")).read_bytes(), "a.tif").id
    assert len(search(explorer.fresh(), explorer.uploads, Body(upload=upload)).matches) == 1
    shutil.move(netted / "net", netted / "away")
    shown = Shown.load(netted / "netted", tiles)
    assert shown.about(Settings())["can_embed"] is False
    assert len(search(shown, explorer.uploads, Body(tile=1)).matches) == 1
    explorer.uploads.get(upload).seen.clear()
    for body in (Body(upload=upload), Body(tile=20), Body(tile=1, like=[20])):
        with pytest.raises(RefusedError, match="not at hand") as refused:
            search(shown, explorer.uploads, body)
        assert refused.value.status == 409
        assert str(netted) not in str(refused.value)
    moved = Shown.load(netted / "netted", tiles, model=str(netted / "away"))
    assert len(search(moved, explorer.uploads, Body(tile=20)).matches) == 1
    other = write_net(netted / "net", 2, px=64, bands=("r", "g", "b"))
    with pytest.raises(MismatchError):
        search(Shown.load(netted / "netted", tiles, model=other), explorer.uploads, Body(tile=20))


def test_a_model_that_sees_a_map_is_asked_by_tiles_alone(land, tmp_path):
    model = write_net(tmp_path / "net", 1, px=64, legend=TileSet.open(land / "tiles").legend.digest)
    command("index", "build", f"{tmp_path}/both", "--model", model, "--tiles", land / "tiles", "--date", "2004")
    explorer = Explorer(tmp_path / "both", Settings(), tiles=[land / "tiles"])
    assert len(search(explorer.fresh(), explorer.uploads, Body(tile=20)).matches) == 1
    upload = explorer.uploads.add(next(land.glob("2019/*.tif")).read_bytes(), "a.tif").id
    with pytest.raises(MismatchError, match="sees a map besides the photo"):
        search(explorer.fresh(), explorer.uploads, Body(upload=upload))


def test_an_evaluation_is_the_same_from_both_kinds_of_file(land):
    packed, plain = (read_answers(land / f"matches.{suffix}") for suffix in ("gpkg", "geojson"))
    assert packed == plain
    assert read_answers(land) == packed  # a run folder holds it as matches.gpkg
    other = Shown.load(land / "town").tiles
    with pytest.raises(MismatchError, match="None of the"):
        evaluation(packed, other, "matches")  # tiles of 2019, and no tile set was given


def test_an_evaluation_is_read_when_it_is_asked_for(land, tmp_path):
    shutil.copy(land / "matches.gpkg", tmp_path)
    explorer = Explorer(land / "town", Settings(), tiles=[land / "tiles"], evaluation=tmp_path / "matches.gpkg")
    (tmp_path / "matches.gpkg").write_bytes(b"")
    with served_here(explorer) as server:
        assert server.get("/api/index").json["evaluation"] == {"name": "matches.gpkg"}
        assert server.get("/api/evaluation").status == 400
        shutil.copy(land / "matches.gpkg", tmp_path)
        first = server.get("/api/evaluation").json
        assert len(first["queries"]) == 15
        (tmp_path / "matches.gpkg").unlink()
        assert server.get("/api/evaluation").json == first  # read once
    assert explorer.checked()["evaluation"] == first["summary"]
    strange = Explorer(land / "town", Settings(), evaluation=land / "matches.gpkg")  # of tiles that are not given
    with served_here(strange) as server:
        assert server.get("/api/evaluation").status == 409
    with pytest.raises(MismatchError, match="None of the"):
        strange.checked()


def test_a_place_that_no_row_could_show_is_no_failure(land, tmp_path):
    value = json.loads((land / "matches.geojson").read_text())
    queries = [one["properties"] for one in value["features"] if one["properties"]["layer"] == "queries"]
    queries[0]["outcome"] = "absent"
    (tmp_path / "matches.geojson").write_text(json.dumps(value))
    assert read_answers(land / "matches.geojson").keys() - read_answers(tmp_path / "matches.geojson").keys() == {
        queries[0]["query"]}


@pytest.mark.parametrize("data", [b"", b"{}", b'{"features": [{"properties": {}}]}', b"SQLite format 3\0" + bytes(80)])
def test_a_damaged_evaluation_is_refused(tmp_path, data):
    path = tmp_path / "matches.gpkg"
    path.write_bytes(data)
    with pytest.raises(InputError):
        read_answers(path)
    with pytest.raises(InputError):
        read_answers(tmp_path / "nothing.gpkg")


def test_a_plain_frame_is_laid_around_zero(tmp_path):
    IndexStore.build(tmp_path / "frame", [part("a", 1)], replace(ABOUT, crs=""))
    tiles = Shown.load(tmp_path / "frame").tiles
    assert tiles.corners[2].tolist() == [[0.002, 0.0], [0.003, 0.0], [0.003, 0.001], [0.002, 0.001]]
    assert tiles.in_crs([0.002, 0.0, 0.003, 0.001]) == pytest.approx((200, 0, 300, 100))
    for box in ([0.003, 0, 0.002, 1], [0, 1, 1, 1]):
        with pytest.raises(InputError, match="empty"):
            tiles.in_crs(box)


def test_pictures_that_were_dropped_are_few(land):
    data = next(land.glob("2019/*.tif")).read_bytes()
    uploads = Uploads(Settings(upload_bytes=len(data), upload_pixels=128 * 128))
    first = uploads.add(data, "a").id
    for _ in range(MOST):
        last = uploads.add(data, "b").id
    with pytest.raises(RefusedError, match="drop it again"):
        uploads.get(first)
    assert uploads.get(last).data == data
    assert sum(len(one.data) + len(one.preview) for one in uploads._held.values()) <= 2 * len(data)
    with pytest.raises(RefusedError, match="pixels") as refused:
        Uploads(Settings(upload_pixels=128 * 128 - 1)).add(data, "c")
    assert refused.value.status == 413


def test_overlapping_rows_answer_with_places(tmp_path):
    """As `georetrieval search` does: none within half a tile of a better one."""
    about = replace(ABOUT, sources=({"scope": "a", "date": "a", "overlap": 0.5},))
    rows, table = part("a", 1, rows=12)
    west = np.arange(12) * 50.0
    table = table.set_column(1, "xmin", pa.array(west)).set_column(3, "xmax", pa.array(west + 100))
    IndexStore.build(tmp_path / "lapped", [(rows, table)], about)
    explorer = Explorer(tmp_path / "lapped", Settings())
    found = search(explorer.fresh(), explorer.uploads, Body(tile=0, k=4)).matches
    middles = west[found.rows[0]]
    assert all(abs(a - b) > 50 for place, a in enumerate(middles) for b in middles[:place])


def test_a_sentence_does_not_say_where_on_the_disk():
    assert discreet("/home/a/b c/tiles/pack.npy cannot be read") == "b c/tiles/pack.npy cannot be read"
    assert discreet("The index /srv/data/town is damaged: /x/y.") == "The index town is damaged: y."
    assert discreet("1/2 of it, at http://a.b/c/d") == "1/2 of it, at http://a.b/c/d"
