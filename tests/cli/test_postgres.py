"""The command line asks a table of a real server as it asks a folder: the same words on stdout."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from tests.made import bars
from tests.made.server import PASSWORD

TILE = "57-2019-E0930200N6920200-100"
HOME = "57-2004-E0930200N6920200-100"
SECRET = "hush-hush"


@pytest.fixture(scope="module")
def table(server):
    """Names of tables by what is exported to them."""
    return {name: server.address() for name in ("town", "sure", "masks")}


@pytest.fixture
def town(cli, index, table):
    """The address of a table with the rows of the index "town"."""
    return exported(cli, index, table)


def exported(cli, index, table, *more):
    if not isinstance(table[index], tuple):
        code, out, err = cli("index", "export", index, "--to", table[index], *more)
        assert (code, out.strip(), err) == (0, table[index], err)
        assert "rows written" in err
        table[index] = (table[index],)
    return table[index][0]


@pytest.fixture
def photo(place, tmp_path):
    """A cut of the old photo without its place, and one with it."""
    Image.open(place / "old.tif").crop((120, 80, 184, 144)).save(tmp_path / "cut.jpg", quality=95)
    return tmp_path / "cut.jpg"


WORDS = [
    (TILE, "--tiles", "tiles", "-k", "95"), (HOME,), (HOME, "--exclude-self", "--scope", "54", "--scope", "nobody"),
    ("930250,6920250", "--tiles", "tiles", "--date", "2019", "--format", "csv"), ("930250,6920250", "-k", "3"),
    ("930050,6920050,930450,6920450", "--filter-date", "2004", "--format", "geojson"), (HOME, "--filter-date", "2019"),
    ("6.17,49.34",), ("930250,6920250", "--date", "2019"), ("1,1,2,2",), ("57-2004-nothing",), ("900000,6800000",),
    (HOME, "--bbox", "932000,6920000,932350,6920350"), ("old.tif", "--bbox", "930000,6920000,930400,6920600"),
    (HOME, "--rerank", "query-expansion"), (HOME, "--rerank", "k-reciprocal"), (HOME, "--min-confidence", "0.5"),
    (HOME, "--beyond", "150", "-k", "95"), (HOME, "--exact", "--beyond", "250", "--filter-date", "2019"),
    ("old.tif", "--beyond", "300"),
]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_search_says_the_same(cli, index, town, words):
    mine = cli("search", index, *words)
    theirs = cli("search", town, *words)
    assert theirs[:2] == mine[:2]
    assert theirs[2].replace(town, "indexes/town") == mine[2]
    assert mine[1] or mine[0]


def test_pictures_from_several_poses_find_the_same(cli, index, town, photo):
    words = (photo, "--turns", "2", "--scale", "1", "--scale", "0.8", "--format", "json")
    mine, theirs = cli("search", index, *words), cli("search", town, *words)
    assert mine[0] == 0, mine[2]
    assert theirs[:2] == mine[:2]


@pytest.mark.parametrize("more", [(), ("--failures",), ("--rerank", "query-expansion", "--filter-date", "2004")])
def test_evaluate_measures_the_same(cli, index, town, more):
    words = ("--tiles", "tiles", "--date", "2019", "--format", "json", *more)
    mine, theirs = cli("evaluate", index, *words), cli("evaluate", town, *words)
    assert mine[0] == 0, mine[2]
    assert json.loads(theirs[1]) | {"index": "indexes/town"} == json.loads(mine[1])
    assert json.loads(theirs[1])["index"] == town


def test_a_calibrated_index_is_as_sure(cli, index, place, table):
    shutil.copytree(place / "indexes" / index, place / "indexes" / "sure", dirs_exist_ok=True)
    ask = ("--tiles", "tiles", "--date", "2019", "--scope", "57")
    assert cli("index", "calibrate", "sure", *ask)[0] == 0
    address = exported(cli, "sure", table)
    box = ("930000,6920000,930400,6920500", "--tiles", "tiles", "--date", "2019", "--format", "json")
    for words in ((*box, "--min-confidence", "0.6"), (*box, "--rerank", "query-expansion"), box):
        mine, theirs = cli("search", "sure", *words), cli("search", address, *words)
        assert theirs[:2] == mine[:2], words
    assert '"confidence"' in mine[1]
    assert json.loads(cli("index", "info", address, "--format", "json")[1])["calibration"]["gallery"] == 95


def test_an_index_of_pictures_tells_the_same(run, tmp_path, monkeypatch, table):
    monkeypatch.chdir(tmp_path)
    bars.write_places(tmp_path / "places")
    assert run("index", "build", "masks", "--model", "hog", "--pictures", "places", "--role", "mask")[0] == 0
    address = exported(run, "masks", table)
    for words in (("classify", "places/north/up-0.png", "--scope", "north", "--format", "json"),
                  ("search", "places/north/up-0.png", "-k", "2", "--format", "json")):
        mine, theirs = (run(words[0], place, *words[1:]) for place in ("masks", address))
        assert mine[0] == 0, mine[2]
        assert theirs[:2] == mine[:2]


def test_info_of_a_table(cli, index, town):
    mine, theirs = (json.loads(cli("index", "info", place, "--format", "json")[1]) for place in (index, town))
    assert {name: theirs[name] for name in ("tiles", "dim", "fingerprint", "legend", "sources", "crs")} == \
        {name: mine[name] for name in ("tiles", "dim", "fingerprint", "legend", "sources", "crs")}
    assert (theirs["index"], theirs["approximate_recall"]) == (town, None)


def test_an_approximate_index_says_what_it_misses(cli, index, server):
    address = server.address()
    code, out, err = cli("index", "export", index, "--to", address, "--ann", "hnsw")
    assert (code, out.strip()) == (0, address)
    assert "% of the 10 nearest rows" in err
    assert cli("search", f"{address}&ann=hnsw", HOME)[0] == 0


def secret(server, **more) -> str:
    return server.address("x", **more).replace("@", f":{SECRET}@", 1)


@pytest.mark.parametrize(("words", "code", "told"), [
    (("index", "export", "town", "--to", "GUARDED"), 2, "wrong user or password"),
    (("search", "GUARDED", HOME), 2, "wrong user or password"),
    (("search", "ABSENT", HOME), 2, "no PostgreSQL server at"),
    (("search", "NOWHERE", HOME), 2, "no such database"),
    (("search", "EMPTY", HOME), 2, "There is no index in"),
    (("index", "export", "town", "--to", "BARE"), 5, "CREATE EXTENSION vector"),
    (("search", "BARE", HOME), 5, "CREATE EXTENSION vector"),
    (("search", "postgresql://u:hush-hush@h/d", HOME), 2, "Which table"),
    (("index", "verify", "EMPTY"), 2, "needs the folder"),
    (("index", "build", "EMPTY", "--model", "hog", "--tiles", "tiles", "--date", "2004"), 2, "needs the folder"),
    (("index", "export", "EMPTY", "-o", "x.csv"), 2, "needs the folder"),
    (("compare", "EMPTY", "old.tif"), 2, ""),
    (("index", "export", "town"), 2, "-o FILE or --to"),
    (("index", "export", "town", "-o", "x.csv", "--to", "EMPTY"), 2, "-o FILE or --to"),
    (("index", "export", "town", "-o", "x.csv", "--ann", "hnsw"), 2, "--ann is about a table"),
    (("index", "export", "town", "--to", "hush-hush"), 2, "no address"),
])
@pytest.mark.usefixtures("index")
def test_wrong_doors_are_one_sentence_without_the_password(cli, server, monkeypatch, words, code, told):
    for name in ("PGPASSWORD", "PGPASSFILE"):
        monkeypatch.delenv(name, raising=False)
    places = {"GUARDED": secret(server, user="guarded"), "NOWHERE": secret(server, database="nowhere"),
              "EMPTY": secret(server), "BARE": secret(server, database="bare"),
              "ABSENT": f"postgresql://u:{SECRET}@/d?host=/nowhere&table=x"}
    found, out, err = cli(*(places.get(word, word) for word in words))
    assert (found, out, err.count("\n")) == (code, "", 1), err
    assert told in err
    assert SECRET not in err
    assert PASSWORD not in err


def test_another_model_does_not_belong_to_the_table(cli, town):
    code, _, err = cli("search", town, TILE, "--tiles", "tiles", "--model", "untrained:resnet18")
    assert (code, err.count("\n")) == (4, 1), err
    assert "another model" in err
