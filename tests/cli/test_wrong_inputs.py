"""What a new user does wrong: one sentence on stderr, the documented exit code, nothing left behind.

`WRONG` is the list that issue 2 asks for: what is typed, how it ends, what is said. The files are made by `zoo`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from georetrieval.cli.main import main
from georetrieval.files import TEMPORARY_PREFIX, locked
from tests.docs.test_help import ALL
from tests.made import tiny

TILE = "57-2004-E0905000N6930750-250"
BUILD = "tiles build -o out --scope 57 --date 2004 --cell-m 250 --px 64"
SEARCH = "search town"

WRONG: list[tuple[str, int, str]] = [
    # --- files that are missing, empty, or something else
    ("inspect missing.shp", 2, "missing.shp"),
    ("inspect empty", 2, "empty"),
    ("inspect text.shp", 2, r"text\.shp"),
    (f"{BUILD} --photos photo.tif --vectors no_dbf", 2, r"has no \.dbf file"),
    (f"{BUILD} --photos photo.tif --vectors no_shx", 2, r"no usable \.shx file"),
    ("inspect photo.tif", 2, r"photo\.tif"),
    ("inspect broken.zip", 2, r"broken\.zip"),
    ("inspect broken.gpkg", 2, r"broken\.gpkg"),
    ("inspect broken.7z", 2, r"broken\.7z"),
    ("inspect vectors --crs Lambert", 2, "not a coordinate system"),
    ("inspect vectors --encoding klingon", 2, "klingon"),
    ("inspect vectors --mapping missing.yaml", 2, r"missing\.yaml"),
    ("inspect vectors --legend missing.yaml", 2, r"missing\.yaml"),
    ("inspect vectors --legend recipe.yaml", 2, r"recipe\.yaml"),
    (f"{BUILD} --photos missing.tif", 2, "does not exist"),
    (f"{BUILD} --photos empty", 2, "holds no pictures"),
    (f"{BUILD} --photos vrt.tif", 2, r"vrt\.tif"),
    (f"{BUILD} --photos text.png", 2, r"text\.png"),
    (f"{BUILD} --photos none.tif", 2, r"none\.tif"),
    (f"{BUILD} --photos truncated.jp2", 2, r"truncated\.jp2"),
    (f"{BUILD} --photos flipped.jp2", 2, r"flipped\.jp2"),
    (f"{BUILD} --photos sheets", 3, r"truncated\.jp2"),
    (f"{BUILD} --photos photo.tif --vectors empty", 2, "empty"),
    (f"{BUILD} --photos photo.tif --vectors photo.tif", 2, r"photo\.tif"),
    # --- places that do not fit
    (f"{BUILD} --photos photo.tif --vectors far", 2, "do not overlap"),
    (f"{BUILD} --photos photo.tif --crs EPSG:27572", 2, "EPSG:27572"),
    (f"{BUILD} --photos photo.tif --crs EPSG:4326", 2, "metres"),
    (f"{BUILD} --photos photo.tif --crs EPSG:999999", 2, "not a coordinate system"),
    (f"{BUILD} --photos plain.png", 2, "plain.png"),
    (f"{BUILD} --photos plain.png --bounds 5 5 1 1", 2, "minimum below its maximum"),
    (f"{BUILD} --photos plain.png --bounds 0 0 1e12 1e12 --dry-run", 2, "check the bounds"),
    (f"{BUILD} --photos plain.png --bounds 1 2", 2, "bounds"),
    # --- numbers and words that make no sense
    (f"{BUILD} --photos photo.tif --cell-m 300", 2, "line up with the kilometre"),
    (f"{BUILD} --photos photo.tif --cell-m 0", 2, "0"),
    (f"{BUILD} --photos photo.tif --px 0", 2, "0"),
    (f"{BUILD} --photos photo.tif --px many", 2, "not a valid integer"),
    (f"{BUILD} --photos photo.tif --workers 0", 2, "at least one worker"),
    (f"{BUILD} --photos photo.tif --min-photo-share 2", 2, "2"),
    (f"{BUILD} --photos photo.tif --date yesterday", 2, "yesterday"),
    (f"{BUILD} --photos photo.tif --scope a/b", 2, "a/b"),
    (f"{BUILD} --world missing.json", 2, "leave|missing"),
    ("tiles build -o out --world empty", 2, "world.json"),
    ("tiles build -o out --photos photo.tif", 2, "--scope"),
    ("tiles build -o photo.tif --photos photo.tif --scope 57 --date 2004", 2, r"photo\.tif"),
    ("tiles build --photos photo.tif", 2, "-o"),
    ("tiles build -o tiles --photos photo.tif --scope 57 --date 2004", 4, "choose another output folder"),
    ("tiles list empty", 2, "tiles build"),
    ("tiles list damaged_tiles", 2, r"tiles\.json"),
    ("tiles show tiles nope", 2, "no tile nope"),
    (f"tiles show tiles {TILE} -o x.gif", 2, r"x\.png"),
    (f"tiles show torn_tiles {TILE} -o x.png", 2, r"pack\.npy"),
    ("nosuchcommand", 2, "nosuchcommand"),
    ("search", 2, "INDEX"),
    # --- indexes
    ("index build town --model hog --tiles tiles --date 2004", 2, "already"),
    ("index build new --model hog --tiles tiles --date 1850", 2, "no survey of date 1850"),
    ("index build new --model hog --tiles missing --date 2004", 2, "missing"),
    ("index build new --model nosuch --tiles tiles --date 2004", 2, "nosuch"),
    ("index build new --model text.safetensors --tiles tiles --date 2004", 2, r"text\.safetensors"),
    ("index build photo.tif/new --model hog --tiles tiles --date 2004", 2, r"photo\.tif"),
    ("index build ./tiles --model hog --tiles tiles --date 2004", 2, "holds other files"),
    ("index build . --model hog --tiles tiles --date 2004", 2, "holds other files"),
    ("index info missing", 2, "no index at"),
    ("index verify ./tiles", 2, "not an index"),
    ("index verify broken", 2, "1 problems"),
    ("index list missing", 2, "no folder"),
    # --- questions
    (f"{SEARCH} {TILE} -k 0", 2, "-k must be at least 1"),
    (f"{SEARCH} {TILE} -k -3", 2, "-k must be at least 1"),
    (f"{SEARCH} {TILE} -k 99999999999999999999", 2, "-k may be 10000 at most"),
    (f"{SEARCH} {TILE} -k five", 2, "not a valid integer.*See: .*search --help"),
    (f"search broken {TILE}", 2, "segments/"),
    (f"search missing {TILE}", 2, "no index at"),
    (f"{SEARCH} 57-2004-nowhere", 2, "neither a file nor a tile"),
    (f"{SEARCH} missing.tif", 2, r"no file missing\.tif"),
    (f"{SEARCH} text.png", 2, r"text\.png"),
    (f"{SEARCH} truncated.jp2", 2, r"truncated\.jp2"),
    (f"{SEARCH} vrt.tif", 2, r"vrt\.tif"),
    (f"{SEARCH} tiles", 2, "is a folder"),
    (f"{SEARCH} 100000,6000000", 2, "No tile lies at"),
    (f"{SEARCH} 2.35,48.85", 2, "No tile lies at"),
    (f"{SEARCH} 905900,6930900,905100,6930100", 2, "xmin < xmax"),
    (f"{SEARCH} 1,2,3", 2, "3 numbers"),
    (f"{SEARCH} {TILE} --bbox 905900,6930900,905100,6930100", 2, "xmin < xmax"),
    (f"{SEARCH} {TILE} --bbox north", 2, "not a box"),
    (f"{SEARCH} {TILE} --format gpkg", 2, r"-o FILE\.gpkg"),
    (f"{SEARCH} {TILE} --format xml", 2, "xml"),
    (f"{SEARCH} {TILE} -o answers.shp", 2, "does not say its format"),
    (f"{SEARCH} {TILE} -o photo.tif/a.csv", 2, r"photo\.tif"),
    (f"{SEARCH} {TILE} -o photo.tif/a.gpkg", 2, r"photo\.tif"),
    (f"{SEARCH} {TILE} --nosuch 3", 2, "no option|No such option"),
    (f"{SEARCH} 905100,6930100 --tiles tiles --date 1850", 2, "dates are 2004"),
    (f"{SEARCH} {TILE} --tiles missing", 2, "missing"),
    # --- what does not belong together
    (f"{SEARCH} {TILE} --tiles tiles --model class-shares", 4, "kind is hog in the index"),
    (f"{SEARCH} {TILE} --tiles other_legend", 4, "legend"),
    (f"{SEARCH} {TILE} --tiles other_px", 4, "pixels 64 in the index and 32 in the tiles"),
    ("evaluate town --tiles other_legend --date 2004", 4, "legend"),
    ("evaluate town --tiles tiles --date 1850", 2, "1850"),
    ("evaluate town --tiles tiles --date 2004 -k 0", 2, "-k must be at least 1"),
    ("evaluate town --tiles tiles --date 2004 -o m.shp", 2, r"\.gpkg"),
    # --- recipes
    ("run missing.yaml", 2, "does not exist; the published ones are in pipelines"),
    ("run empty", 2, "empty"),
    ("run photo.tif", 2, r"photo\.tif"),
    ("run typo.yaml", 2, r"learn\.epoch is not a setting \(did you mean epochs\?\)"),
    ("run recipe.yaml --set learn.epochs", 2, "not of the form"),
    ("run recipe.yaml --set learn.epochs=many", 2, r"learn\.epochs"),
    ("run recipe.yaml", 2, "share 16 cells"),
    ("run recipe.yaml --set tiles.surveys.0.photos=missing.tif", 2, r"missing\.tif"),
    ("run recipe.yaml --to paint", 2, "paint"),
    ("run recipe.yaml -o photo.tif", 2, r"photo\.tif"),
    ("train missing.yaml", 2, "does not exist"),
    ("train recipe.yaml --set split.test.scopes=[99]", 2, "split.test names 99"),
    ("demo -o photo.tif", 2, r"photo\.tif"),
    ("synth departement -o tiles", 2, "exists already"),
    ("synth departement -o out --km 1", 2, "km"),
    ("synth departement -o out --departement 1234", 2, "departement|département|two digits"),
    ("synth departement -o out --gsd-m 0", 2, "gsd"),
]
RECIPE = """
name: small
tiles: {cell_m: 250, px: 64, surveys: [{scope: "57", date: "2004", photos: photo.tif}]}
split: {train: {scopes: ["57"]}, test: {scopes: ["57"]}}
"""
Cli = Callable[..., tuple[int, str, str]]


def code_of(*arguments: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(argument) for argument in arguments])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with good and bad files, tiles of 2004 and the index "town"."""
    folder = tmp_path_factory.mktemp("zoo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _pictures()
        _vectors()
        _stores()
    return folder


def _pictures() -> None:
    good = tiny.noise((3, 500, 500))
    tiny.write_raster(Path("photo.tif"), good)
    tiny.write_raster(Path("good.jp2"), good, driver="JP2OpenJPEG")
    data = Path("good.jp2").read_bytes()
    Path("truncated.jp2").write_bytes(data[: len(data) // 3])
    at = data.index(b"\xff\x4f\xff\x51") + 8  # the width in the SIZ marker
    Path("flipped.jp2").write_bytes(data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :])
    Path("sheets").mkdir()
    shutil.copy("photo.tif", "sheets/good.tif")
    tiny.write_raster(Path("east.jp2"), good, (906000, 6930000, 907000, 6931000), driver="JP2OpenJPEG")
    data = Path("east.jp2").read_bytes()
    Path("sheets/truncated.jp2").write_bytes(data[: len(data) // 3])
    Path("vrt.tif").write_text('<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">'
                               "<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>"
                               "</VRTRasterBand></VRTDataset>")
    from PIL import Image

    Image.fromarray(tiny.noise((100, 100))).save("plain.png")
    for name in ("text.png", "text.shp", "text.safetensors", "broken.zip", "broken.7z", "broken.gpkg"):
        Path(name).write_text("These are words.\n" * 20)
    Path("none.tif").write_bytes(b"")
    Path("empty").mkdir()


def _vectors() -> None:
    tiny.write_vectors(Path("vectors"))
    tiny.write_vectors(Path("far"), east=90_000)
    for lost in ("dbf", "shx"):
        shutil.copytree("vectors", f"no_{lost}")
        for path in Path(f"no_{lost}").rglob(f"ROUTE.{lost}"):
            path.unlink()


def _stores() -> None:
    survey = ["--photos", "photo.tif", "--vectors", "vectors", "--scope", "57", "--date", "2004", "--cell-m", "250"]
    legend = Path(__file__).parents[2] / "georetrieval/geo/legends/bdtopo12.yaml"
    Path("legend.yaml").write_text(legend.read_text().replace("#FFA500", "#00A5FF"))
    assert code_of("tiles", "build", "-o", "tiles", "--px", 64, *survey) == 0
    assert code_of("tiles", "build", "-o", "other_px", "--px", 32, *survey) == 0
    assert code_of("tiles", "build", "-o", "other_legend", "--px", 64, "--legend", "legend.yaml", *survey) == 0
    for name in ("damaged_tiles", "torn_tiles"):
        shutil.copytree("tiles", name)
    Path("damaged_tiles/tiles.json").write_text("{")
    pack = Path("torn_tiles/57-2004/pack.npy")
    pack.write_bytes(pack.read_bytes()[:1000])
    assert code_of("index", "build", "town", "--model", "hog", "--tiles", "tiles", "--date", "2004") == 0
    shutil.copytree("indexes/town", "indexes/broken")
    segment = next(Path("indexes/broken/segments").iterdir())
    data = np.frombuffer(segment.read_bytes(), np.uint8).copy()
    data[len(data) // 2] ^= 1
    segment.write_bytes(data.tobytes())
    Path("recipe.yaml").write_text(RECIPE)
    Path("typo.yaml").write_text(RECIPE + "learn: {epoch: 3}\n")


@pytest.fixture
def cli(zoo: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """Run a command line in the zoo: exit code, stdout, stderr as the terminal gets them, libraries included."""
    monkeypatch.chdir(zoo)

    def run(line: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = code_of(*line.split())
        streams = capfd.readouterr()
        return code, streams.out, streams.err

    return run


@pytest.mark.parametrize(("line", "code", "said"), WRONG, ids=[line for line, _, _ in WRONG])
def test_wrong_input(cli: Cli, zoo: Path, line: str, code: int, said: str) -> None:
    before = {path for path in zoo.rglob("*") if path.name != ".lock"}
    found, _, err = cli(line)
    last = err.strip().splitlines()[-1] if err.strip() else ""
    try:
        assert found == code, err
        assert "Traceback" not in err
        if code:
            assert last.startswith("error: "), err
            assert re.search(said, last), last
            assert last.endswith((".", "?")), last
            assert len(last) < 500, last
        if code in (2, 4):
            left = {path for path in zoo.rglob("*") if path.name != ".lock"} - before
            assert not [path for path in left if path.is_file() and "runs" not in path.parts], left
        assert not list(zoo.rglob(f"{TEMPORARY_PREFIX}*"))
    finally:
        for made in ("out", "runs"):
            shutil.rmtree(zoo / made, ignore_errors=True)


def test_an_empty_name_is_no_index(cli: Cli) -> None:  # noqa: ARG001
    assert code_of("index", "build", "", "--model", "hog", "--tiles", "tiles", "--date", "2004") == 2
    assert code_of("search", "", TILE) == 2


@pytest.mark.parametrize("words", [
    ("search", "zoo", "a", "-o", "a\0b"), ("index", "info", "\0"), ("search", "zoo", "a", "-o", "\udd00")])
def test_what_no_shell_can_type(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Found by a night of R18: no shell can type it, who calls `main` can."""
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "A word of the command holds" in capsys.readouterr().err


def test_nothing_asked_is_answered_with_help(cli: Cli) -> None:
    for line in ("", "tiles", "index", "synth"):
        code, out, err = cli(line)
        assert code in (0, 2)
        assert "Usage" in out + err
        assert "Traceback" not in err


@pytest.mark.parametrize("name", ["", *ALL])
def test_help_of_everything(cli: Cli, name: str) -> None:
    code, out, err = cli(f"{name} --help")
    assert (code, err) == (0, "")
    assert "Usage" in out


def test_a_traps_report_is_no_error(cli: Cli) -> None:
    """`inspect` looks at what cannot be read too, and says so."""
    for lost in ("dbf", "shx"):
        code, out, _ = cli(f"inspect no_{lost} --format json")
        assert code == 0
        assert any(f".{lost}" in warning["sentence"] for warning in json.loads(out)["warnings"])


def test_an_index_that_is_being_written_is_busy(cli: Cli, zoo: Path) -> None:
    line = "index build town --model hog --tiles tiles --date 2004 --replace"
    with locked(zoo / "indexes" / "town" / ".lock"):
        code, _, err = cli(line)
        assert code == 75
        assert err.strip().splitlines()[-1].endswith("try again when it is done.")
        assert cli(f"{SEARCH} {TILE} --format json")[0] == 0, "who reads takes no lock"
    assert cli(line)[0] == 0


def test_a_missing_extra_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py7zr", None)
    code, _, err = cli("inspect broken.7z")
    assert code == 5
    assert re.search(r"georetrieval\[archives\]", err)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(cli: Cli, zoo: Path) -> None:
    (zoo / "fixed").mkdir(mode=0o555, exist_ok=True)
    for line in (f"{SEARCH} {TILE} -o fixed/a.csv", f"{BUILD.replace('out', 'fixed/out')} --photos photo.tif"):
        code, _, err = cli(line)
        assert code == 2
        assert "could not be written" in err


def interrupted(arguments: list[str], folder: Path, when: Callable[[], bool]) -> tuple[int, str]:
    """Start the program, press Ctrl-C once `when` says so: exit code, stderr.

    The signal is first given its usual meaning: what a shell starts in the background would ignore it.
    """
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    with subprocess.Popen([sys.executable, "-m", "georetrieval", *arguments], cwd=folder, text=True, env=environment,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        until = time.monotonic() + 120
        while not when() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        return process.returncode, err


def says_interrupted(code: int, err: str) -> None:
    assert code == 130, err
    assert "Traceback" not in err
    last = err.strip().splitlines()[-1]
    assert last == "interrupted: what was finished is kept; run the same command again to go on."


def test_ctrl_c_while_tiles_are_built(tmp_path: Path) -> None:
    """Nine blocks of 5 km; pressed when the first record is there. The next run ends as if nothing had been."""
    bounds = (900000.0, 6930000.0, 912000.0, 6942000.0)
    tiny.write_raster(tmp_path / "wide.tif", tiny.noise((3, 600, 600)), bounds)
    line = ["tiles", "build", "-o", "out", "--photos", "wide.tif", "--scope", "57", "--date", "2004", "--cell-m", "250",
            "--px", "64"]

    def records() -> list[Path]:
        return [p for p in (tmp_path / "out").rglob("records/*.json") if not p.name.startswith(TEMPORARY_PREFIX)]

    code, err = interrupted(line, tmp_path, lambda: bool(records()))
    says_interrupted(code, err)
    assert not (tmp_path / "out" / "tiles.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in records()}
    assert kept
    assert not list(tmp_path.rglob(f"{TEMPORARY_PREFIX}*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert code_of(*line) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was finished is kept"
    from georetrieval.geo.tileset import TileSet

    TileSet.open(tmp_path / "out").verify()
    assert len(TileSet.open(tmp_path / "out").catalogue) == 48 * 48


TRAINING = """
name: small
tiles:
  cell_m: 100
  px: 32
  surveys:
    - {scope: "57", date: "2004", photos: photo.tif}
    - {scope: "57", date: "2019", photos: photo.tif}
    - {scope: "54", date: "2004", photos: photo.tif}
    - {scope: "54", date: "2019", photos: photo.tif}
split: {train: {scopes: ["57"]}, test: {scopes: ["54"]}}
eye: {trunk: resnet10t, bands: [r, g, b], head: pool, descriptor: 8}
learn: {objective: infonce, pairs_per_batch: 50, epochs: 6, mining: null, precision: fp32}
"""


def test_ctrl_c_while_training(tmp_path: Path) -> None:
    tiny.write_raster(tmp_path / "photo.tif", tiny.noise((3, 500, 500)))
    (tmp_path / "recipe.yaml").write_text(TRAINING)
    metrics = tmp_path / "runs" / "small" / "model" / "metrics.json"
    line = ["train", "recipe.yaml"]
    code, err = interrupted(line, tmp_path, metrics.exists)
    says_interrupted(code, err)
    before = json.loads(metrics.read_text())["history"]
    assert 1 <= len(before) < 6
    assert not list(tmp_path.rglob(f"{TEMPORARY_PREFIX}*"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert code_of(*line) == 0
        after = json.loads(metrics.read_text())
        assert after["finished"] is True
        assert after["history"][: len(before)] == before
        assert [row["step"] for row in after["history"]] == [2, 4, 6, 8, 10, 12]
        assert code_of(*line, "--set", "learn.epochs=7", "--resume") == 0
    assert len(json.loads(metrics.read_text())["history"]) == 7
