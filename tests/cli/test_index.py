import json
import shutil
import sqlite3
import xml.etree.ElementTree as ET
from itertools import combinations

import geopandas as gpd
import numpy as np
import pytest


def test_build_counts_and_says_where(cli, place, index):
    assert (place / "indexes" / "town" / "CURRENT").is_file()
    code, out, _ = cli("index", "info", index, "--format", "json")
    info = json.loads(out)
    assert code == 0
    assert (info["tiles"], info["blank"], info["failed"]) == (48 + 48 - 1, 1, 0)
    assert (info["crs"], info["cell_m"], info["px"], info["model"]) == ("EPSG:2154", 100, 64, "hog")
    assert {(s["scope"], s["date"]) for s in info["sources"]} == {("57", "2004"), ("54", "2004")}


def test_build_takes_a_path_and_scopes(cli, tmp_path):
    where = tmp_path / "sub" / "mine"
    code, out, err = cli("index", "build", where, "--model", "hog", "--tiles", "tiles", "--date", "2004",
                         "--date", "2019", "--scope", "57")
    assert (code, out.strip()) == (0, str(where))
    assert "94 tiles indexed, 2 blank" in err
    code, out, _ = cli("index", "verify", where, "--format", "json")
    assert (code, json.loads(out)["whole"], json.loads(out)["rows"]) == (0, True, 94)


def test_a_dry_run_says_what_it_is_reckoned_from_and_writes_nothing(cli, tmp_path):
    """Two surveys of one sheet each, 47 and 48 tiles that are not blank."""
    code, out, err = cli("index", "build", tmp_path / "town", "--model", "hog", "--tiles", "tiles", "--date", "2004",
                         "--dry-run")
    (line,) = [line for line in out.splitlines() if "measured on" in line]
    assert code == 0, err
    assert "2 sheets with tiles" in line
    assert not (tmp_path / "town").exists()


def test_list_has_a_line_per_index(cli, index):
    code, out, _ = cli("index", "list", "--format", "json")
    (row,) = [row for row in json.loads(out) if row["name"] == index]
    assert code == 0
    assert (row["tiles"], row["dates"], row["scopes"], row["problem"]) == (95, ["2004"], ["54", "57"], None)


def test_verify_ends_with_2_when_a_bit_is_flipped(cli, index, place, tmp_path):
    shutil.copytree(place / "indexes" / index, tmp_path / "broken")
    segment = next((tmp_path / "broken" / "segments").iterdir())
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    code, out, err = cli("index", "verify", tmp_path / "broken", "--format", "json")
    assert code == 2
    assert json.loads(out)["whole"] is False
    assert err.startswith("error: 1 problems")
    assert err.count("\n") == 1
    code, _, err = cli("search", tmp_path / "broken", "930250,6920250", "--tiles", "tiles", "--date", "2019")
    assert (code, err.count("Traceback")) == (2, 0)


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (["build", "town", "--model", "hog", "--tiles", "tiles", "--date", "2004"], 2, "already"),
    (["build", "new", "--model", "hog", "--tiles", "tiles", "--date", "1850"], 2, "no survey of date 1850"),
    (["build", "new", "--model", "hog", "--tiles", "tiles", "--date", "2004", "--scope", "99"], 2, "scope 99"),
    (["build", "new", "--model", "hog", "--tiles", "tiles", "--date", "2004", "--px", "256"], 2, "--tiles and --px"),
    (["build", "new", "--model", "hog", "--tiles", "tiles", "--date", "2004", "--cell-m", "250"], 2, "--cell-m says"),
    (["build", "new", "--model", "hog", "--pictures", ".", "--min-photo-share", "0.2"], 2, "--pictures and --min-"),
    (["build", "new", "--model", "hog", "--photos", "old.tif", "--scope", "57", "--date", "2004", "--min-photo-share",
      "50"], 2, "0<=x<=1"),
    (["build", "new", "--model", "hog", "--tiles", "nowhere", "--date", "2004"], 2, "nowhere"),
    (["build", "new", "--model", "no-such-run", "--tiles", "tiles", "--date", "2004"], 2, "no-such-run"),
    (["build", "new", "--model", "class-shares", "--tiles", "tiles", "--date", "2004"], 2, "classes"),
    (["info", "nothing"], 2, "no index at"),
    (["verify", "./tiles"], 2, "not an index"),
    (["list", "nowhere"], 2, "no folder"),
])
@pytest.mark.usefixtures("index")
def test_wrong_inputs_are_one_sentence(cli, place, arguments, code, told):
    found, _, err = cli("index", *arguments)
    assert (found, err.count("\n")) == (code, 1), err
    assert told in err
    assert not (place / "indexes" / "new" / "CURRENT").exists()


def test_rows_may_overlap(cli, tmp_path):
    """57 in 2004: 8 x 6 cells, a corner blank; a window every half tile, three quarters of it on the ground."""
    where = tmp_path / "half"
    code, _, _ = cli("index", "build", where, "--model", "hog", "--tiles", "tiles", "--date", "2004", "--scope", "57",
                     "--overlap", "0.5")
    assert code == 0
    _, out, _ = cli("index", "info", where, "--format", "json")
    info = json.loads(out)
    assert (info["tiles"], info["overlap"]) == (15 * 11 - 3, 0.5)
    tile = "57-2004-E0930300N6920200-100"
    _, out, _ = cli("search", where, tile, "--tiles", "tiles", "--format", "json", "-k", "3")
    rows = json.loads(out)
    assert (rows[0]["tile_id"], rows[0]["hit"], rows[0]["xmin"], rows[0]["ymax"]) == (tile, True, 930300, 6920300)
    assert rows[0]["score"] == pytest.approx(1, abs=1e-5)
    box = "930340,6920240,930360,6920260"
    question = ("search", where, "930310,6920210", "--tiles", "tiles", "--date", "2019", "--bbox", box, "-k", "20")
    _, out, _ = cli(*question, "--format", "json")
    places = [(row["xmin"], row["ymin"]) for row in json.loads(out)]
    assert all(np.hypot(x - u, y - v) > 50 for (x, y), (u, v) in combinations(places, 2)), "different places"
    _, out, _ = cli(*question, "--format", "json", "--every-window")
    rows = json.loads(out)
    assert places[0] == (rows[0]["xmin"], rows[0]["ymin"])
    assert {(row["xmin"], row["ymin"]) for row in rows} == {
        (x, y) for x in (930250, 930300, 930350) for y in (6920150, 6920200, 6920250)}
    code, _, err = cli("index", "build", tmp_path / "no", "--model", "hog", "--tiles", "tiles", "--date", "2004",
                       "--overlap", "1")
    assert (code, err.count("\n")) == (2, 1)
    assert "overlap" in err


def test_rows_at_two_scales(cli, tmp_path):
    """Each place twice: a tile, and the 0.7 tiles around its middle, 35 m to each side."""
    where = tmp_path / "zoomed"
    code, _, _ = cli("index", "build", where, "--model", "hog", "--tiles", "tiles", "--date", "2004", "--scope", "57",
                     "--zoom", "1", "--zoom", "0.7")
    assert code == 0
    _, out, _ = cli("index", "info", where, "--format", "json")
    assert (json.loads(out)["tiles"], json.loads(out)["zooms"]) == (2 * (8 * 6 - 1), [0.7, 1.0])
    _, out, _ = cli("search", where, "57-2004-E0930300N6920200-100-x0.7", "--format", "json", "-k", "94")
    rows = {row["tile_id"]: (row["xmin"], row["ymin"], row["xmax"], row["ymax"]) for row in json.loads(out)}
    assert rows["57-2004-E0930400N6920200-100"] == (930400, 6920200, 930500, 6920300)
    assert rows["57-2004-E0930400N6920200-100-x0.7"] == pytest.approx((930415, 6920215, 930485, 6920285))
    code, _, err = cli("index", "build", tmp_path / "no", "--model", "hog", "--tiles", "tiles", "--date", "2004",
                       "--zoom", "9")
    assert (code, err.count("\n")) == (2, 1)
    assert "0.25 to 4" in err


def test_a_picture_is_judged_by_the_nearest_of_overlapping_rows(cli, place, tmp_path):
    """Cells of old.tif: the first answer is the cell itself, not a window that also holds its middle."""
    where = tmp_path / "half"
    cli("index", "build", where, "--model", "hog", "--tiles", "tiles", "--date", "2004", "--scope", "57",
        "--overlap", "0.5")
    code, out, _ = cli("search", where, place / "old.tif", "--format", "json", "-k", "1")
    rows = json.loads(out)
    assert code in (0, 3)
    assert len(rows) == 47
    assert all(row["hit"] for row in rows)


def test_compact_keeps_every_answer(cli, place, index, tmp_path):
    """The index of two surveys has two segments, the compact one has one."""
    where = tmp_path / "compact"
    shutil.copytree(place / "indexes" / index, where)
    question = ("search", where, "57-2019-E0930200N6920200-100", "--tiles", "tiles", "--format", "json", "-k", "20")
    before = cli(*question)[1]
    code, out, err = cli("index", "compact", where)
    assert (code, out.strip()) == (0, str(where))
    assert "2 segments became 1" in err
    assert cli(*question)[1] == before
    assert "nothing to compact" in cli("index", "compact", where)[2]
    _, out, _ = cli("index", "info", where, "--format", "json")
    assert (json.loads(out)["segments"], json.loads(out)["version"]) == (1, 2)


def test_repair_goes_back_and_says_so(cli, place, index, tmp_path):
    where = tmp_path / "mended"
    shutil.copytree(place / "indexes" / index, where)
    code, out, err = cli("index", "repair", where, "--format", "json")
    assert (code, json.loads(out)["problems"]) == (0, [])
    assert "nothing to repair" in err
    cli("index", "compact", where)
    (where / "CURRENT").unlink()
    assert cli("index", "verify", where)[0] == 2
    code, out, _ = cli("index", "repair", where, "--format", "json")
    assert (code, json.loads(out)["version"]) == (0, 2)
    (where / json.loads((where / "CURRENT").read_text())["manifest"]).write_bytes(b"")
    code, _, err = cli("index", "repair", where, "--dry-run")
    assert (code, err.count("\n")) == (3, 1)
    code, out, err = cli("index", "repair", where, "--format", "json")
    assert (code, json.loads(out)["version"], json.loads(out)["rows"]) == (3, 1, 95)
    assert "Version 1, an older one, is now current: 95 rows, where version 2 held an unknown number of." in err
    assert cli("index", "verify", where)[0] == 0


def test_a_further_date_is_added_once(cli, tmp_path):
    """57 in 2004 (47 tiles), then all of 2004 (47 + 48), then 2019 (47); each a second time adds nothing."""
    where, built = tmp_path / "grown", tmp_path / "whole"
    model = ("--model", "hog", "--tiles", "tiles")
    cli("index", "build", where, *model, "--date", "2004", "--scope", "57")
    for words, added, rows in ((("--date", "2004"), 48, 95), (("--date", "2019", "--scope", "57"), 47, 142),
                               (("--date", "2004", "--date", "2019"), 0, 142)):
        code, out, err = cli("index", "add", where, "--tiles", "tiles", *words)
        assert (code, out.strip()) == (0, str(where))
        assert f"{added} tiles added: {rows} now" in err
    _, out, _ = cli("index", "info", where, "--format", "json")
    info = json.loads(out)
    assert (info["version"], info["tiles"], info["blank"]) == (3, 142, 2)
    assert [(s["scope"], s["date"], s["blank"]) for s in info["sources"]] == [
        ("57", "2004", 1), ("54", "2004", 0), ("57", "2019", 1)]
    cli("index", "build", built, *model, "--date", "2004", "--date", "2019")
    question = ("57-2019-E0930200N6920200-100", "--tiles", "tiles", "--format", "json", "-k", "142")
    mine, theirs = (json.loads(cli("search", path, *question)[1]) for path in (where, built))
    assert {row["tile_id"]: row["score"] for row in mine} == {row["tile_id"]: row["score"] for row in theirs}


def test_windows_are_added_as_the_index_has_them(cli, tmp_path):
    where, built = tmp_path / "grown", tmp_path / "whole"
    cut = ("--overlap", "0.5", "--zoom", "1", "--zoom", "0.7", "--model", "hog", "--tiles", "tiles", "--scope", "57")
    cli("index", "build", where, *cut, "--date", "2004")
    cli("index", "build", built, *cut, "--date", "2004", "--date", "2019")
    assert cli("index", "add", where, "--tiles", "tiles", "--scope", "57", "--date", "2019")[0] == 0
    mine, theirs = (json.loads(cli("index", "info", path, "--format", "json")[1]) for path in (where, built))
    assert {name: mine[name] for name in ("tiles", "blank", "sources", "zooms")} == {
        name: theirs[name] for name in ("tiles", "blank", "sources", "zooms")}
    assert "0 tiles added" in cli("index", "add", where, "--tiles", "tiles", "--scope", "57", "--date", "2004")[2]


def test_tiles_and_surveys_are_removed(cli, place, index, tmp_path):
    where = tmp_path / "fewer"
    shutil.copytree(place / "indexes" / index, where)
    tile = "57-2004-E0930200N6920200-100"
    code, _, err = cli("index", "remove", where, tile)
    assert (code, "1 tiles removed: 94 now" in err) == (0, True)
    _, out, _ = cli("search", where, "57-2019-E0930200N6920200-100", "--tiles", "tiles", "--format", "json", "-k", "99")
    assert len(json.loads(out)) == 94
    assert tile not in {row["tile_id"] for row in json.loads(out)}
    code, _, err = cli("index", "remove", where, "--date", "2004", "--scope", "54")
    assert (code, "48 tiles removed: 46 now" in err) == (0, True)
    code, _, err = cli("index", "add", where, "--tiles", "tiles", "--date", "2004")
    assert (code, "49 tiles added: 95 now, 1 blank" in err) == (0, True)
    assert cli("index", "verify", where)[0] == 0


@pytest.mark.parametrize(("arguments", "code", "told"), [
    (["add", "town", "--tiles", "tiles"], 2, "Give --date"),
    (["add", "town", "--date", "2004"], 2, "about tiles"),
    (["add", "town", "--tiles", "tiles", "--date", "1850"], 2, "no survey of date 1850"),
    (["add", "town", "--tiles", "tiles", "--date", "2019", "--model", "untrained:resnet18"], 4, "another model"),
    (["add", "town", "old.tif", "--tiles", "tiles", "--date", "2019"], 2, "about pictures"),
    (["add", "town", "old.tif"], 2, "index of tiles"),
    (["add", "nothing", "--tiles", "tiles", "--date", "2019"], 2, "no index at"),
    (["remove", "town"], 2, "What is to be removed"),
    (["remove", "town", "nobody"], 2, "'nobody'"),
    (["remove", "town", "--date", "2004"], 2, "Nothing would be left"),
    (["compact", "nothing"], 2, "no index at"),
    (["repair", "tiles"], 2, "no index at"),
])
@pytest.mark.usefixtures("index")
def test_wrong_changes_are_one_sentence(cli, place, arguments, code, told):
    before = (place / "indexes" / "town" / "CURRENT").read_bytes()
    found, _, err = cli("index", *arguments)
    assert (found, err.count("\n")) == (code, 1), err
    assert told in err
    assert (place / "indexes" / "town" / "CURRENT").read_bytes() == before


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_an_exported_index_answers_alike_elsewhere(cli, index, tmp_path, suffix):
    file, back = tmp_path / f"town.{suffix}", tmp_path / "back"
    code, out, err = cli("index", "export", index, "-o", file)
    assert (code, out.strip(), "95 rows written" in err) == (0, str(file), True)
    code, _, err = cli("index", "import", back, file, "--model", "untrained:resnet18")
    assert (code, err.count("\n"), back.exists()) == (4, 1, False)
    code, out, _ = cli("index", "import", back, file, "--model", "hog")
    assert (code, out.strip()) == (0, str(back))
    question = ("57-2019-E0930200N6920200-100", "--tiles", "tiles", "--format", "json", "-k", "95")
    assert cli("search", back, *question)[1] == cli("search", index, *question)[1]


def test_a_map_of_an_index(cli, index, tmp_path):
    """95 squares of 100 m in Lambert-93, as QGIS and a web map read them."""
    for name in ("town.gpkg", "town.geojson"):
        assert cli("index", "export", index, "-o", tmp_path / name)[0] == 0
    tiles = gpd.read_file(tmp_path / "town.gpkg", layer="rows")
    assert (len(tiles), tiles.crs.to_epsg(), set(tiles.area)) == (95, 2154, {10_000.0})
    assert set(tiles["date"]) == {"2004"}
    with sqlite3.connect(tmp_path / "town.gpkg") as base:
        ((table, style),) = base.execute("select f_table_name, styleQML from layer_styles where useAsDefault")
    assert (table, ET.fromstring(style).find("renderer-v2").get("type")) == ("rows", "singleSymbol")
    web = gpd.read_file(tmp_path / "town.geojson")
    assert web.crs.to_epsg() == 4326
    assert web["tile_id"].tolist() == tiles["tile_id"].tolist()
    apart = web.to_crs(2154).geometry.centroid.distance(tiles.geometry.centroid)
    assert apart.max() < 0.05
    code, _, err = cli("index", "export", index, "-o", tmp_path / "town.shp")
    assert (code, err.count("\n"), ".gpkg" in err) == (2, 1, True)
