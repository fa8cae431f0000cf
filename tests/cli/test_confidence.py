"""A calibrated index says how sure it is, and "no match" to what it does not hold."""

from __future__ import annotations

import csv
import io
import json
import shutil

import geopandas as gpd
import numpy as np
import pytest
from PIL import Image

CELL = "E0930200N6920200"
TILE = f"57-2019-{CELL}-100"
TILES = ("--tiles", "tiles")
ASK = ("calibrate", "sure", *TILES, "--date", "2019", "--scope", "57")


@pytest.fixture
def sure(cli, place, index):
    """A copy of the index that was calibrated once."""
    if not (place / "indexes" / "sure").exists():
        shutil.copytree(place / "indexes" / index, place / "indexes" / "sure")
        code, out, err = cli("index", *ASK)
        assert (code, out.strip()) == (0, "indexes/sure"), err
        assert "calibrated on 47 tiles, 51% of them without their place" in err  # 23 of 47, and the cell blank in 2004
    return "sure"


def answers(text):
    return json.loads(text)


def test_info_says_how_it_was_measured(cli, sure):
    _, out, _ = cli("index", "info", sure, "--format", "json")
    info = json.loads(out)
    told = info["calibration"]
    assert info["version"] == 2
    assert (told["queries"], told["part"], told["pair"], told["gallery"]) == (47, "57", ["2019", "2004"], 95)
    assert told["absent_share"] == pytest.approx(24 / 47, abs=1e-4)
    assert 0 <= told["expected_calibration_error"] < 0.3
    code, out, _ = cli("index", "info", sure)
    assert code == 0
    assert "calibration" in out


def test_the_same_seed_gives_the_same_calibration(cli, sure, place, tmp_path):
    found = []
    for name, seed in (("one", 1), ("two", 2)):
        shutil.copytree(place / "indexes" / "town", tmp_path / name)
        cli("index", "calibrate", tmp_path / name, *TILES, "--date", "2019", "--scope", "57", "--seed", seed)
        found.append(json.loads(cli("index", "info", tmp_path / name, "--format", "json")[1])["calibration"])
    assert found[0] == json.loads(cli("index", "info", sure, "--format", "json")[1])["calibration"]
    assert found[0] != found[1]


def test_every_answer_says_how_sure_it_is(cli, sure, index):
    code, out, err = cli("search", sure, TILE, *TILES, "--format", "json")
    assert code == 0, err
    rows = answers(out)
    assert len(rows) == 5
    assert len({row["confidence"] for row in rows}) == 1, "a query has one confidence, that of its first answer"
    assert 0 < rows[0]["confidence"] < 1
    assert "confidence" not in answers(cli("search", index, TILE, *TILES, "--format", "json")[1])[0]


def test_right_first_answers_are_surer_than_wrong_ones(cli, sure):
    box = "930000,6920000,930800,6920600"
    _, out, _ = cli("search", sure, box, *TILES, "--date", "2019", "-k", "1", "--format", "json")
    right = [row["confidence"] for row in answers(out) if row["hit"]]
    wrong = [row["confidence"] for row in answers(out) if not row["hit"]]
    assert len(right) > 10
    assert len(wrong) > 2
    assert np.mean(right) > np.mean(wrong) + 0.2


def nonsense(tmp_path):
    random = np.random.default_rng(5)
    noise = tmp_path / "noise.png"
    Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(noise)
    return noise


def test_nonsense_is_no_match(cli, sure, tmp_path):
    noise = nonsense(tmp_path)
    east = "932000,6920000,932800,6920600"  # 48 tiles of another place, which the filter takes out of the index
    code, out, err = cli("search", sure, noise, east, *TILES, "--date", "2004", "--scope", "57", "--min-confidence",
                         "0.9", "--format", "json")
    assert code == 0, err
    rows = answers(out)
    assert len(rows) == 49
    assert {row["tile_id"] for row in rows} == {None}
    assert {row["rank"] for row in rows} == {None}
    assert max(row["confidence"] for row in rows) < 0.9
    code, out, _ = cli("search", sure, noise, "--min-confidence", "0.9")
    assert code == 0
    assert "no match" in out


@pytest.mark.parametrize("limit", ["0.0", "1.0"])
def test_every_format_keeps_the_query(cli, sure, tmp_path, limit):
    asked = ("search", sure, TILE, *TILES, "--min-confidence", limit, "-k", "2")
    count = 2 if limit == "0.0" else 0
    for format_ in ("json", "jsonl", "csv"):
        text = cli(*asked, "--format", format_)[1]
        rows = (json.loads(text) if format_ == "json" else [json.loads(line) for line in text.splitlines()]
                if format_ == "jsonl" else list(csv.DictReader(io.StringIO(text))))
        assert len(rows) == max(count, 1)
        assert rows[0]["query"] == TILE
        assert bool(rows[0]["tile_id"]) == bool(count)
        assert 0 < float(rows[0]["confidence"]) < 1
    features = json.loads(cli(*asked, "--format", "geojson")[1])["features"]
    layers = [f["properties"]["layer"] for f in features]
    assert layers == ["queries"] + ["matches"] * count
    assert all(0 < f["properties"]["confidence"] < 1 for f in features)
    code, _, err = cli(*asked, "-o", tmp_path / "a.gpkg")
    assert code == 0, err
    queries = gpd.read_file(tmp_path / "a.gpkg", layer="queries")
    assert queries[["query", "answers"]].to_numpy().tolist() == [[TILE, count]]
    assert len(gpd.read_file(tmp_path / "a.gpkg", layer="matches")) == count
    assert ("no match" in cli(*asked)[1]) == (count == 0)


@pytest.mark.parametrize("name", ["k-reciprocal", "query-expansion"])
def test_reranking_gives_as_many_answers_and_a_confidence_of_its_own_first(cli, sure, name):
    plain = answers(cli("search", sure, TILE, *TILES, "-k", "95", "--format", "json")[1])
    code, out, err = cli("search", sure, TILE, *TILES, "-k", "95", "--rerank", name, "--format", "json")
    assert code == 0, err
    assert sorted(row["tile_id"] for row in answers(out)) == sorted(row["tile_id"] for row in plain)
    assert [row["tile_id"] for row in answers(out)] != [row["tile_id"] for row in plain]
    scores = [row["score"] for row in answers(out)]
    assert scores == sorted(scores, reverse=True)
    assert 0 < answers(out)[0]["confidence"] < 1
    code, out, err = cli("evaluate", sure, *TILES, "--date", "2019", "--rerank", name, "--format", "json")
    assert code == 0, err
    assert (json.loads(out)["rerank"], json.loads(out)["queries"]) == (name, 46)
    assert json.loads(out)["map_at_5"] > 0.2


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (["search", "town", TILE, *TILES, "--min-confidence", "0.9"], 2, "index calibrate"),
    (["search", "town", TILE, *TILES, "--min-confidence", "1.5"], 2, "0<=x<=1"),
    (["index", "calibrate", "nothing", *TILES, "--date", "2019"], 2, "no index at"),
    (["index", "calibrate", "town", *TILES, "--date", "1850"], 2, "1850"),
    (["index", "calibrate", "town", *TILES, "--date", "2019", "--absent", "1"], 2, "0 of 47 are right"),
    (["index", "calibrate", "town", *TILES, "--date", "2019", "--model", "untrained:resnet18"], 4, "kind"),
])
@pytest.mark.usefixtures("index")
def test_wrong_inputs_are_one_sentence(cli, arguments, code, told):
    found, _, err = cli(*arguments)
    assert found == code, err
    assert told in err
    assert "Traceback" not in err
