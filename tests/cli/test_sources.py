"""`georetrieval sources`, and --sums of `tiles build` and `index build`."""

from __future__ import annotations

import json
import subprocess

import pytest

from georetrieval.files import sha256_file
from georetrieval.geo import sums as hashing
from georetrieval.geo.tileset import TileSet
from georetrieval.search.store import IndexStore
from tests.made import tiny

SIZES = ("--scope", "57", "--date", "2004", "--cell-m", 250, "--px", 64)


@pytest.fixture
def sheets(tmp_path, monkeypatch):
    """Four sheets with vectors where we are, and the list that `sources sums` writes of them."""
    monkeypatch.chdir(tmp_path)
    survey, _ = tiny.sheets(tmp_path / "in")
    return sorted(survey.photos.glob("*.tif"))


@pytest.fixture
def listed(run, sheets):
    assert run("sources", "sums", "in", "-o", "in.sha256")[0] == 0
    return sheets


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def test_the_list_is_that_of_sha256sum_and_check_agrees(run, listed, tmp_path):
    assert subprocess.run(["sha256sum", "--check", "--quiet", "../in.sha256"], cwd=tmp_path / "in",
                          check=False).returncode == 0
    assert run("sources", "sums", "in")[1] == (tmp_path / "in.sha256").read_text()
    assert (tmp_path / "in.sha256").read_text().count("\n") == 4 + 4 * 5
    assert run("sources", "check", "in/ortho", "--sums", "in.sha256") == (
        0, "", "checksums: 4/4\n4 files are as in.sha256 says\n")
    flip(listed[1])
    code, out, err = run("sources", "check", "in", "--sums", "in.sha256", "--format", "json")
    assert (code, json.loads(out)) == (2, [{"file": f"in/ortho/{listed[1].name}", "state": "differs"}])
    assert listed[1].name in err.splitlines()[-1]


def test_tiles_leave_out_a_sheet_that_changed_and_list_what_they_read(run, listed, tmp_path):
    flip(listed[1])
    build = ["tiles", "build", "--photos", "in/ortho", "--vectors", "in/vectors", *SIZES]
    code, _, err = run(*build, "-o", "tiles", "--sums", "in.sha256")
    assert (code, err.splitlines()[-1].count(listed[1].name)) == (3, 1)
    held = TileSet.open(tmp_path / "tiles")
    assert len(held.catalogue) == 48
    code, out, _ = run("sources", "list", "tiles", "--format", "json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert set(rows) == {p.name for p in listed if p != listed[1]} | {
        str(p.relative_to(tmp_path / "in" / "vectors")) for p in (tmp_path / "in" / "vectors").rglob("*.*")
        if p.is_file()}
    assert rows[listed[0].name] == {"scope": "57", "date": "2004", "kind": "photos", "name": listed[0].name,
                                    "bytes": listed[0].stat().st_size, "sha256": sha256_file(listed[0])}
    assert run(*build, "-o", "all")[0] == 0, "without a list the bit is not noticed"


def test_an_index_leaves_it_out_too_and_says_what_it_read(run, listed, tmp_path):
    build = ["index", "build", "--model", "hog", "--photos", "in/ortho", *SIZES]
    flip(listed[1])
    code, _, err = run(*build, "./town", "--sums", "in.sha256")
    assert (code, listed[1].name in err) == (3, True)
    source = IndexStore.open(tmp_path / "town").manifest.sources[0]
    assert (len(source["files"]), len(source["gaps"])) == (3, 1)
    assert json.loads(run("sources", "list", "./town", "--format", "json")[1])[0]["name"] == listed[0].name
    assert json.loads(run("index", "info", "./town", "--format", "json")[1])["sources"][0]["files"] == 3
    flip(listed[1])  # mended: the same command takes it in, by another list too
    (tmp_path / "in.sha256").rename(tmp_path / "list")
    assert run(*build, "./town", "--sums", "list")[0] == 0
    assert len(IndexStore.open(tmp_path / "town").manifest.sources[0]["files"]) == 4


def test_an_index_names_a_sheet_whose_header_cannot_be_read(run, sheets, tmp_path):
    """It was left out without a word: no task was ever made of it."""
    sheets[1].write_bytes(b"II*\0" + bytes(100))
    code, _, err = run("index", "build", "./town", "--model", "hog", "--photos", "in/ortho", *SIZES)
    assert (code, sheets[1].name in err) == (3, True)
    assert sheets[1].name in IndexStore.open(tmp_path / "town").manifest.sources[0]["gaps"][0]


@pytest.mark.usefixtures("listed")
def test_each_file_is_read_for_its_checksum_once(run, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(hashing, "file_sum", lambda path, **named: seen.append(path.absolute()) or known(path, **named))
    assert run("tiles", "build", "--photos", "in/ortho", "--vectors", "in/vectors", *SIZES, "-o", "tiles",
               "--sums", "in.sha256")[0] == 0
    assert sorted(seen) == sorted(p for p in (tmp_path / "in").rglob("*") if p.is_file())


known = hashing.file_sum


@pytest.mark.parametrize(("words", "said"), [
    (["sources", "check", "in", "--sums", "no"], "no"), (["sources", "sums", "nowhere"], "nowhere"),
    (["sources", "sums", "empty"], "holds no sheets"), (["sources", "list", "in"], "in"),
    (["tiles", "build", "--photos", "in/ortho", *SIZES, "-o", "t", "--sums", "bad"], "bad, line 1"),
    (["index", "build", "./t", "--model", "hog", "--tiles", "t", "--date", "2004", "--sums", "bad"], "--sums"),
])
@pytest.mark.usefixtures("sheets")
def test_one_sentence(run, tmp_path, words, said):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").write_text("\x00\x01")
    code, _, err = run(*words)
    assert (code, err.count("\n"), said in err) == (2, 1, True), err
