"""`index tune` and what `search` and `index info` make of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

CELL = "E0930200N6920200"
TILE = f"57-2004-{CELL}-100"
KIND = "PQ2x4fs,RFlat"


@pytest.fixture
def town(index, tmp_path) -> str:
    return str(shutil.copytree(Path("indexes") / index, tmp_path / "town"))


def answers(cli, town, *more):
    code, out, err = cli("search", town, TILE, "--format", "json", *more)
    assert code == 0, err
    return json.loads(out), err


def info(cli, town):
    return json.loads(cli("index", "info", town, "--format", "json")[1])["search"]


def test_a_kind_that_was_asked_for_is_kept_shown_and_searched(cli, town):
    assert info(cli, town) == "exact"
    exact, _ = answers(cli, town)
    code, out, err = cli("index", "tune", town, "--index", KIND, "--recall", "0.5")
    assert code == 0, err
    assert out.strip() == town
    assert err.startswith(f"{KIND}: recall ")
    told = info(cli, town)
    assert (told["factory"], told["recall"], told["measured"][0]["factory"]) == (KIND, 0.5, "exact")
    assert len(answers(cli, town)[0]) == len(exact) == 5
    assert answers(cli, town, "--exact")[0] == exact
    (codes,) = Path(town).glob("ann/*.faiss")
    codes.write_bytes(codes.read_bytes()[:-1])
    found, err = answers(cli, town)
    assert found == exact
    assert f"{codes} is damaged: all rows were compared; make it again with: georetrieval index tune {town}" in err
    assert answers(cli, town, "--exact") == (exact, "")
    code, out, _ = cli("index", "verify", town, "--format", "json")
    assert (code, len(json.loads(out)["derived"])) == (0, 1)
    assert cli("index", "tune", town, "--index", KIND, "--recall", "0.5")[0] == 0
    assert answers(cli, town)[1] == ""


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_build_by_tasks_chooses_too_and_its_own_bytes_do_not_tell(cli, index, tmp_path):  # noqa: ARG001
    """Codes are derived: with and without them the manifest, segments and canaries are the same."""
    words = ("--model", "hog", "--tiles", "tiles", "--date", "2004")
    for name, more in (("plain", ()), ("codes", ("--index", KIND, "--recall", "0.5"))):
        code, out, err = cli("index", "build", str(tmp_path / name), *words, *more)
        assert (code, out.strip()) == (0, str(tmp_path / name)), err
    assert f"{KIND}: recall " in err
    plain, codes = files_of(tmp_path / "plain"), files_of(tmp_path / "codes")
    assert {name for name in codes if name not in plain} == {name for name in codes if name.startswith("ann/")}
    assert len(codes) == len(plain) + 2
    assert all(codes[name] == data for name, data in plain.items())
    assert (info(cli, str(tmp_path / "codes"))["factory"], info(cli, str(tmp_path / "plain"))) == (KIND, "exact")
    for option in (("--index", KIND), ("--recall", "0.9")):
        code, _, err = cli("index", "build", str(tmp_path / "p"), "--model", "hog", "--pictures", "none", *option)
        assert code == 2
        assert option[0] in err


def test_the_kind_stays_when_rows_go(cli, town):
    assert cli("index", "tune", town, "--index", KIND, "--recall", "0.5")[0] == 0
    code, _, err = cli("index", "remove", town, TILE)
    assert code == 0
    assert f"{KIND}: recall " in err
    assert info(cli, town)["asked"] == KIND
    code, _, err = cli("index", "compact", town)
    assert code == 0
    assert f"{KIND}: recall " in err
    code, _, err = cli("index", "tune", town)
    assert (code, err.strip()) == (0, "exact: nothing was measured")
    assert info(cli, town) == "exact"


def test_an_import_chooses_as_a_build_does(cli, town, tmp_path, monkeypatch):
    """By what is asked, else by itself where there are many rows: 95 are few, unless few is said to be less."""
    from georetrieval.search import choosing

    file, back = tmp_path / "town.parquet", str(tmp_path / "back")
    assert cli("index", "export", town, "-o", file)[0] == 0
    code, out, err = cli("index", "import", back, file, "--index", KIND, "--recall", "0.5")
    assert (code, out.strip()) == (0, back), err
    assert f"{KIND}: recall " in err
    assert info(cli, back)["asked"] == KIND
    assert cli("index", "import", str(tmp_path / "few"), file)[2].count("\n") == 1
    monkeypatch.setattr(choosing, "SMALL", 50)
    code, _, err = cli("index", "import", str(tmp_path / "many"), file)
    assert (code, err.count("\n"), "exact: " in err or "PQ" in err) == (0, 2, True), err


def test_the_kind_stays_after_a_repair(cli, town):
    """Salvaged rows are a new version, an older one has its own choice or none."""
    assert cli("index", "tune", town, "--index", KIND, "--recall", "0.5")[0] == 0
    segment = sorted(Path(town).glob("segments/*"))[0]
    segment.write_bytes(segment.read_bytes()[:-9])
    assert "recall" not in cli("index", "repair", town, "--salvage", "--dry-run")[2]
    code, _, err = cli("index", "repair", town, "--salvage")
    assert code == 3
    assert f"{KIND}: recall " in err
    assert (info(cli, town)["asked"], cli("index", "verify", town)[0]) == (KIND, 0)
    (Path(town) / "CURRENT").unlink()
    assert "recall" not in cli("index", "repair", town)[2], "its choice is there"
    assert info(cli, town)["asked"] == KIND


@pytest.mark.parametrize(("words", "told"), [
    (("--index", "NoSuch7"), "FAISS cannot build an index 'NoSuch7'"), (("--recall", "0"), "0"),
    (("--recall", "nan"), "nan")])
def test_what_makes_no_sense_is_one_sentence(cli, town, words, told):
    code, out, err = cli("index", "tune", town, *words)
    assert (code, out) == (2, "")
    assert told in err
    assert "Traceback" not in err
    assert not list(Path(town).glob("ann/*"))


def test_a_kind_that_can_never_be_built_is_told_before_anything_is_embedded(cli, place, tmp_path):
    code, out, err = cli("index", "build", tmp_path / "new", "--model", "hog", "--tiles", place / "tiles",
                         "--date", "2004", "--index", "NONSENSE")
    assert (code, out) == (2, "")
    assert "FAISS knows no kind of index 'NONSENSE'" in err
    assert not (tmp_path / "new").exists()


def test_answers_beyond_a_distance(cli, town):
    """Cells of 100 m: within 150 m lie the eight around; the nearest that may answer is two cells away."""
    for row in answers(cli, town, "-k", "500", "--beyond", "150")[0]:
        assert max(abs(row["xmin"] - 930200), abs(row["ymin"] - 6920200)) >= 200
    near = answers(cli, town, "-k", "500")[0]
    far = answers(cli, town, "-k", "500", "--beyond", "150")[0]
    assert len(near) - len(far) == 8
    assert [r["tile_id"] for r in far] == [r["tile_id"] for r in near if r["tile_id"] in {f["tile_id"] for f in far}]
