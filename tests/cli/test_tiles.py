"""`georetrieval tiles` as a user types it: answers on stdout, one sentence and the right code when it goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from georetrieval.cli.main import main
from tests.made import tiny

ID = "57-2004-E0905000N6930750-250"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def survey(tmp_path: Path) -> list[object]:
    photo, vectors = tiny.write_survey(tmp_path / "in")
    return ["--photos", photo, "--vectors", vectors, "--scope", "57", "--date", "2004", "--cell-m", "250", "--px", "64"]


def test_build_list_and_show(tmp_path: Path, survey: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run("tiles", "build", "-o", out, *survey, "--format", "json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["scope"], row["date"], row["tiles"], row["valid"], row["blank"]) == ("57", "2004", 16, 16, 0)
    assert run("tiles", "list", out, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == [row]
    picture = tmp_path / "x.png"
    assert run("tiles", "show", out, ID, "-o", picture, "--format", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["tile_id"] == ID
    assert shown["share_vegetation"] == 1.0
    with Image.open(picture) as image:
        assert image.size == (64 + 4 + 64, 64)
        assert image.getpixel((100, 10)) == (0, 255, 0)
        beside = image.convert("RGB").crop((0, 0, 64, 64))
    assert run("tiles", "show", out, ID, "--photo", "-o", picture) == 0
    with Image.open(picture) as image:
        assert image.size == (64, 64)
        assert list(image.getdata()) == list(beside.getdata())
    assert run("tiles", "show", out, ID, "--photo") == 2
    assert "photo.png" in capsys.readouterr().err


def test_dry_run_writes_nothing(tmp_path: Path, survey: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run("tiles", "build", "-o", out, *survey, "--dry-run", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["tiles"] == 16
    assert run("tiles", "build", "-o", out, *survey, "--dry-run") == 0
    assert "MB" in capsys.readouterr().out
    assert not out.exists()


def test_a_world_names_its_surveys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_survey(tmp_path / "world")
    entry = {"date": "2004", "photos": "ortho", "vectors": "vectors"}
    world = tmp_path / "world" / "world.json"
    world.write_text(json.dumps({"scope": "57", "surveys": [entry]}))
    assert run("tiles", "build", "-o", tmp_path / "out", "--world", world, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)[0]["tiles"] == 4


def test_a_frame_of_pixels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "1961.png"
    Image.fromarray(tiny.noise((300, 520))).save(path)
    common = ["--photos", path, "--scope", "town", "--crs", "", "--cell-m", "128", "--px", "128", "--format", "json"]
    assert run("tiles", "build", "-o", tmp_path / "a", "--date", "1961", *common) == 0
    assert run("tiles", "build", "-o", tmp_path / "b", "--date", "1961", "--bounds", 0, 0, 520, 300, *common) == 0
    for text in capsys.readouterr().out.split("]\n")[:2]:
        (row,) = json.loads(text + "]")
        assert (row["tiles"], row["crs"]) == (3 * 5, "")


def error(capsys: pytest.CaptureFixture[str]) -> str:
    lines = capsys.readouterr().err.strip().splitlines()
    assert "Traceback" not in "\n".join(lines)
    return lines[-1]


def test_wrong_inputs(tmp_path: Path, survey: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    photo = survey[1]
    place = ["--scope", "57", "--date", "2004"]
    for code, said, arguments in (
        (2, "does not exist", ["--photos", tmp_path / "missing.tif", *place]),
        (2, "holds no pictures", ["--photos", (tmp_path / "empty"), *place]),
        (2, "--scope", ["--photos", photo]),
        (2, "neither photos nor vectors", place),
        (2, "line up with the kilometre", ["--photos", photo, *place, "--cell-m", "300"]),
        (2, "EPSG:27572", ["--photos", photo, *place, "--crs", "EPSG:27572"]),
        (2, "not a coordinate system", ["--photos", photo, *place, "--crs", "Lambert"]),
        (2, "do not overlap", ["--photos", photo, "--vectors", tiny.write_vectors(tmp_path / "far", east=9e4), *place]),
        (2, "is not an integer|not a valid integer", ["--photos", photo, *place, "--px", "many"]),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        assert run("tiles", "build", "-o", out, *arguments) == code
        found = error(capsys)
        assert any(part in found for part in said.split("|")), found
        assert not (out / "tiles.json").exists()
    assert run("tiles", "list", out) == 2
    assert "tiles build" in error(capsys)


def test_a_damaged_sheet_ends_with_gaps(
    tmp_path: Path, survey: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    photo = Path(str(survey[1]))
    (photo.parent / "z.jp2").write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100))
    assert run("tiles", "build", "-o", tmp_path / "out", *survey[2:], "--photos", photo.parent) == 3
    assert "z.jp2" in error(capsys)
    assert (tmp_path / "out" / "tiles.json").exists()


def test_show_of_a_missing_tile(tmp_path: Path, survey: list[object], capsys: pytest.CaptureFixture[str]) -> None:
    run("tiles", "build", "-o", tmp_path / "out", *survey)
    capsys.readouterr()
    assert run("tiles", "show", tmp_path / "out", "nope") == 2
    assert "holds no tile nope" in error(capsys)
    assert run("tiles", "show", tmp_path / "out", ID, "-o", "x.gif") == 2
    assert "x.png" in error(capsys)


@pytest.mark.parametrize(("words", "told"), [
    (["--jobs", "0"], "at least one job"),
    (["--jobs", "0", "--dry-run"], "at least one job"),
    (["--jobs", "2", "--workers", "2"], "leave it out"),
    (["--scheduler", "tcp://127.0.0.1:1", "--workers", "2"], "leave it out"),
    (["--min-photo-share", "50"], "0<=x<=1"),
    (["--min-photo-share", "nan", "--dry-run"], "no number"),
])
def test_who_works_and_how_much_photo_are_checked(cli, tmp_path, words, told):
    out = tmp_path / "made"
    code, _, err = cli("tiles", "build", "-o", out, "--photos", "old.tif", "--scope", "57", "--date", "2004",
                       "--cell-m", "100", "--px", "64", *words)
    assert (code, err.count("\n"), out.exists()) == (2, 1, False), err
    assert told in err
