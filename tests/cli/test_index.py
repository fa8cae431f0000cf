import json
import shutil

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
