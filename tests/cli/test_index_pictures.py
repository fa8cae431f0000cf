"""`index build --pictures`, `index add`, `index remove`: keys come and go, everything else stays."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from georetrieval.embedding import embed
from georetrieval.files import locked
from georetrieval.nets.baselines import HogEmbedder
from georetrieval.samples.listing import Listing
from georetrieval.search.prototypes import means
from georetrieval.search.store import IndexStore
from tests.made import bars


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    bars.write_places(folder / "places")
    bars.write_blots(folder / "herd", [0, 1])
    bars.write_blots(folder / "new", [2])
    return folder


@pytest.fixture
def cli(run, made, monkeypatch):
    monkeypatch.chdir(made)
    return run


@pytest.fixture
def herd(cli, tmp_path) -> Path:
    code, out, err = cli("index", "build", tmp_path / "herd", "--model", "hog", "--pictures", "herd", "--rows", "mean")
    assert (code, out.strip()) == (0, str(tmp_path / "herd")), err
    assert "2 rows (mean) of 8 pictures" in err
    return tmp_path / "herd"


@pytest.fixture
def masks(cli, tmp_path) -> Path:
    """The masks of "north" alone."""
    listing = Listing.read(Path("places"))
    listing.take((listing.scopes == "north") & (listing.roles == "mask")).write(tmp_path / "north.csv")
    code, _, err = cli("index", "build", tmp_path / "masks", "--model", "hog", "--pictures", tmp_path / "north.csv")
    assert code == 0, err
    return tmp_path / "masks"


def rows(path: Path) -> dict[tuple[str, str], np.ndarray]:
    found = IndexStore.open(path).load()[0]
    return {(str(s), str(k)): v for s, k, v in zip(found.scopes, found.keys, found.vectors, strict=True)}


def test_a_mean_is_that_of_its_pictures(herd, made):
    listing = Listing.read(made / "herd")
    expected = means(embed(listing.samples(128, ("grey",)), HogEmbedder()))
    for key, vector in zip(expected.keys, expected.vectors, strict=True):
        np.testing.assert_allclose(rows(herd)["", key], vector, atol=1e-6)


def test_other_commands_work_on_it(cli, herd):
    code, out, _ = cli("index", "verify", herd, "--format", "json")
    assert (code, json.loads(out)["whole"], json.loads(out)["rows"]) == (0, True, 2)
    info = json.loads(cli("index", "info", herd, "--format", "json")[1])
    assert (info["tiles"], info["pictures"]["members"], info["pictures"]["rows"]) == (2, 8, "mean")
    listed = json.loads(cli("index", "list", herd.parent, "--format", "json")[1])
    assert [(row["name"], row["tiles"], row["problem"]) for row in listed] == [("herd", 2, None)]


def test_search_answers_with_keys(cli, herd, tmp_path):
    bars.save(tmp_path / "q" / "ox-1" / "late.png", bars.blot(1, 99))
    code, out, _ = cli("search", herd, tmp_path / "q", "-k", "2", "--format", "json")
    first, second = json.loads(out)
    assert code == 0
    assert (first["rank"], first["key"], first["hit"], first["row"]) == (1, "ox-1", True, "ox-1")
    assert (second["key"], second["hit"]) == ("ox-0", False)
    assert first["score"] > second["score"]
    code, out, _ = cli("search", herd, "herd/ox-0/0.png", "-k", "1", "-o", tmp_path / "a.csv")
    assert (code, out) == (0, "")
    assert (tmp_path / "a.csv").read_text().splitlines()[0] == "query,rank,key,scope,score,hit,row"
    for words, told in ((("herd/ox-0/0.png", "--turns", "4"), "--turns is about tiles"), (("gone.png",), "no file"),
                        (("herd/ox-0/0.png", "--format", "geojson"), "shapes on the ground")):
        code, out, err = cli("search", herd, *words)
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert told in err


def test_a_picture_is_left_out_of_its_own_answers(cli, made, tmp_path):
    """Under its key from a folder of keys, and as a file that says no key; rows of several pictures cannot do it."""
    path = tmp_path / "each"
    assert cli("index", "build", path, "--model", "hog", "--pictures", made / "herd")[0] == 0
    for query in ("herd", "herd/ox-0/0.png"):
        plain = json.loads(cli("search", path, query, "-k", "1", "--format", "json")[1])
        others = json.loads(cli("search", path, query, "-k", "1", "--exclude-self", "--format", "json")[1])
        assert all(row["score"] == pytest.approx(1, abs=1e-3) for row in plain)
        assert all(other["row"] != own["row"] for own, other in zip(plain, others, strict=True))
    mean = tmp_path / "mean"
    assert cli("index", "build", mean, "--model", "hog", "--pictures", made / "herd", "--rows", "mean")[0] == 0
    code, out, err = cli("search", mean, "herd", "--exclude-self")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "made of several pictures" in err


def test_an_index_of_masks_that_were_drawn_on_a_map(cli, tmp_path):
    """GeoJSON knows no picture: its size is given, and the mask is the one of the same corners in LabelMe."""
    x0, y0, x1, y1 = bars.BARS["north", "up"]
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    shape = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    (tmp_path / "up.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    bars.labelme(tmp_path / "up.json", "north", "up")
    for name in ("up.geojson", "up.json"):
        bars.write_list(tmp_path / "pictures.csv", [{"file": name, "key": "up", "role": "mask"}])
        size = ("--size", "64", "64") if name == "up.geojson" else ()
        code, _, err = cli("index", "build", tmp_path / name[3:], "--model", "hog", "--pictures",
                           tmp_path / "pictures.csv", *size)
        assert code == 0, err
    drawn, known = (IndexStore.open(tmp_path / name).load()[0].vectors for name in ("geojson", "json"))
    np.testing.assert_allclose(drawn, known, atol=1e-6)


def test_a_new_individual_from_its_folder_and_gone_again(cli, herd):
    before = rows(herd)
    assert json.loads(cli("classify", herd, "new/ox-2/0.png", "--format", "json")[1])[0]["key"] != "ox-2"
    code, _, err = cli("index", "add", herd, "new/ox-2")
    assert code == 0, err
    assert "4 pictures of ox-2 added" in err
    assert "3 rows (mean) of 12 pictures" in err
    bars.save(herd.parent / "seen" / "late.png", bars.blot(2, 99))
    assert json.loads(cli("classify", herd, herd.parent / "seen", "--format", "json")[1])[0]["key"] == "ox-2"
    for key, vector in before.items():
        np.testing.assert_array_equal(rows(herd)[key], vector)
    code, _, err = cli("index", "remove", herd, "--key", "ox-2")
    assert code == 0
    assert "4 pictures removed" in err
    assert rows(herd).keys() == before.keys()


def test_pictures_of_a_known_key_move_its_mean(cli, herd, tmp_path):
    before = rows(herd)
    bars.save(tmp_path / "one.png", bars.blot(0, 50))
    assert cli("index", "add", herd, tmp_path / "one.png", "--key", "ox-0")[0] == 0
    members = IndexStore.open(herd).load_members()[0]
    own = members.vectors[members.keys == "ox-0"]
    assert len(own) == 5
    mean = (own / np.linalg.norm(own, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(rows(herd)["", "ox-0"], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_array_equal(rows(herd)["", "ox-1"], before["", "ox-1"])


def test_a_new_place_by_two_masks_as_files_and_drawings(cli, masks, tmp_path):
    assert cli("classify", masks, "places/south/up-0.png", "--scope", "south")[0] == 2
    drawing = bars.labelme(tmp_path / "down.json", "south", "down")
    code, _, err = cli("index", "add", masks, "--scope", "south", "--key", "up=places/south/mask-up.png", "--key",
                       f"down={drawing}")
    assert code == 0, err
    assert "4 rows (each) of 4 pictures" in err
    code, out, _ = cli("classify", masks, "places", "--format", "json")
    assert code == 0
    assert all(row["hit"] for row in json.loads(out))
    kept = rows(masks)
    assert cli("index", "remove", masks, "--scope", "north")[0] == 0
    assert rows(masks).keys() == {("south", "up"), ("south", "down")}
    np.testing.assert_array_equal(rows(masks)["south", "down"], kept["south", "down"])


@pytest.mark.parametrize(("up", "down", "told"), [
    ("black", "south", "up.png is empty: it has no pixel brighter than half"),
    ("ones", "south", "up.png is empty"),
    ("south", "white", "down.png is full"),
    ("south", "half", "down.png has 64 x 32 pixels and .*up.png of the same scope 64 x 64"),
    ("south", "south", "of up and .*down.png of down are the same"),
    ("south", "torn", "down.png cannot be read"),
])
def test_masks_that_tell_nothing_are_refused(cli, masks, tmp_path, up, down, told):
    """A place with one bad mask would be answered with the other one, whatever its bar does."""
    south = bars.bar("south", "up")
    kinds = {"black": np.zeros_like(south), "ones": (south > 0).astype(np.uint8), "south": south, "half": south[:32],
             "white": np.full_like(south, 255)}
    before = rows(masks)
    for key, kind in (("up", up), ("down", down)):
        file = bars.save(tmp_path / f"{key}.png", kinds.get(kind, south))
        if kind == "torn":
            file.write_bytes(file.read_bytes()[:40])
    code, out, err = cli("index", "add", masks, "--scope", "south", "--key", f"up={tmp_path}/up.png", "--key",
                         f"down={tmp_path}/down.png")
    assert (code, out) == (2, "")
    assert re.search(told, err)
    assert rows(masks).keys() == before.keys(), "nothing was added"


def test_drawn_and_painted_masks_are_the_same(cli, masks, tmp_path):
    """The rectangle of a LabelMe file has the pixels of the PNG, so that its row is the same vector."""
    drawing = bars.labelme(tmp_path / "up.json", "north", "up")
    assert cli("index", "add", masks, "--scope", "again", "--key", f"up={drawing}")[0] == 0
    np.testing.assert_allclose(rows(masks)["again", "up"], rows(masks)["north", "up"], atol=1e-6)


def test_geojson_is_told_its_size(cli, masks, tmp_path):
    x0, y0, x1, y1 = bars.BARS["north", "up"]
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    path = tmp_path / "up.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    words = ("index", "add", masks, "--scope", "geo", "--key", f"up={path}")
    code, _, err = cli(*words)
    assert (code, err.count("\n")) == (2, 1)
    assert "width and height" in err
    assert cli(*words, "--size", bars.PX, bars.PX)[0] == 0
    np.testing.assert_allclose(rows(masks)["geo", "up"], rows(masks)["north", "up"], atol=1e-6)


def test_prototypes_where_a_key_looks_two_ways(cli, tmp_path):
    """ox-0 and ox-3 are turned by 90 degrees against each other: one individual that looks like both has two rows."""
    for i in range(3):
        bars.save(tmp_path / "two" / "both" / f"a{i}.png", bars.blot(0, i))
        bars.save(tmp_path / "two" / "both" / f"b{i}.png", bars.blot(3, i))
        bars.save(tmp_path / "two" / "one" / f"{i}.png", bars.blot(1, i))
    code, _, err = cli("index", "build", tmp_path / "p", "--model", "hog", "--pictures", tmp_path / "two", "--rows",
                       "prototypes")
    assert code == 0
    assert "3 rows (prototypes) of 9 pictures" in err
    assert sorted(IndexStore.open(tmp_path / "p").load()[0].keys) == ["both", "both", "one"]


@pytest.mark.parametrize(("words", "code", "told"), [
    ("index add INDEX new/ox-2 --model class-shares", 4, "kind is hog in the index"),
    ("index add INDEX herd/ox-0", 2, "4 of the pictures are in the index already"),
    ("index add INDEX", 2, "What is to be added"),
    ("index add INDEX new/ox-2/0.png", 2, "has no key"),
    ("index add INDEX nowhere", 2, "no file nowhere"),
    ("index add INDEX torn --key ox-9", 2, "torn.png cannot be read"),
    ("index add INDEX new/ox-2 --key a --key b", 2, "One --key"),
    ("index add INDEX --key =a", 2, "neither KEY nor KEY=FILE"),
    ("index add INDEX new/ox-2 --scope north", 2, "belong to no scope"),
    ("index add INDEX --key up=places/pictures.svg", 2, "no file"),
    ("index add nowhere new/ox-2", 2, "no index at"),
    ("index remove INDEX", 2, "What is to be removed"),
    ("index remove INDEX --key ox-9", 2, "no key 'ox-9'; it holds ox-0, ox-1"),
    ("index remove INDEX --key ox-0 --key ox-1", 2, "Nothing would be left"),
    ("index build INDEX --model hog --pictures herd", 2, "already"),
    ("index build other --model hog", 2, "--tiles FOLDER and --date, or --pictures"),
    ("index build other --model hog --pictures herd --date 2004", 2, "do not go together"),
    ("index build other --model hog --pictures herd --role mask", 2, "no mask"),
    ("index build other --model hog --pictures herd --part train", 2, "no image of the part train"),
    ("index build other --model hog --pictures nowhere", 2, "nowhere"),
    ("index build other --model class-shares --pictures herd", 2, "classes"),
    ("index calibrate INDEX", 2, "--pictures LIST"),
    ("index calibrate INDEX --pictures new", 2, "0 were given"),
    ("index calibrate INDEX --pictures herd --part test", 2, "no picture of the part test"),
])
def test_wrong_inputs_are_one_sentence_and_change_nothing(cli, herd, made, words, code, told):
    bars.save(made / "torn" / "a.png", bars.blot(7, 0))
    (made / "torn" / "torn.png").write_bytes((made / "torn" / "a.png").read_bytes()[:300])
    before = (herd / "CURRENT").read_bytes()
    found, out, err = cli(*[str(herd) if word == "INDEX" else word for word in words.split()])
    lines = [line for line in err.splitlines() if not line.startswith(("embedding", "looking"))]
    assert (found, out, len(lines)) == (code, "", 1), err
    assert told in err
    assert (herd / "CURRENT").read_bytes() == before
    assert not Path("indexes/other/CURRENT").exists()
    shutil.rmtree(made / "torn")


def test_a_locked_index_is_busy(cli, herd):
    with locked(herd / ".lock"):
        code, _, err = cli("index", "add", herd, "new/ox-2")
    assert code == 75
    assert "another process" in err
    assert set(rows(herd)) == {("", "ox-0"), ("", "ox-1")}


def test_masks_need_a_scope_and_tiles_are_not_pictures(cli, masks, tmp_path):
    code, _, err = cli("index", "add", masks, "--key", "up=places/south/mask-up.png")
    assert code == 2
    assert "give the pictures one" in err
    assert len(rows(masks)) == 2
    listing = Listing.read(Path("places"))
    listing.take(listing.roles == "image").write(tmp_path / "images.csv")
    code, _, err = cli("index", "add", masks, tmp_path / "images.csv")
    assert code == 2
    assert "made of masks, and none is among the 8 pictures" in err
