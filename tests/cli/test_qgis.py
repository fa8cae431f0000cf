"""Results in QGIS itself, as a user drags them in; the tools of its toolbox. Runs where QGIS is installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rasterio.transform import from_origin

from georetrieval.cli.qgis import ALGORITHMS, script
from georetrieval.geo.legend import Legend
from georetrieval.geo.palette import write_classes

SYSTEM_PYTHON = "/usr/bin/python3"
OPENING = Path(__file__).parents[1] / "made" / "qgis_opening.py"
NORTH_WEST = from_origin(930_000, 6_920_600, 2, 2)


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """Without a screen, with a profile of its own; skips where there is no QGIS."""
    ours = ("PYTHON", "GDAL_", "PROJ_", "VIRTUAL_ENV")  # set for this process: a user's QGIS has none of them
    own = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    room = tmp_path / "room"
    room.mkdir(mode=0o700)
    own |= {"QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(room), "XDG_DATA_HOME": str(tmp_path / "share"),
            "PATH": "/usr/bin:/bin"}  # the Python inside QGIS takes its libraries from the first python3 there
    found = shutil.which("qgis_process") and Path(SYSTEM_PYTHON).exists() and subprocess.run(
        [SYSTEM_PYTHON, "-c", "import qgis.core"], env=own, capture_output=True, check=False).returncode == 0
    if not found:
        assert os.environ.get("GEORETRIEVAL_QGIS") != "required", "QGIS is required and is not installed"
        pytest.skip("QGIS is not installed: apt-get install --no-install-recommends qgis python3-qgis")
    return own


def opened(files, folder: Path, environment):
    """Layers by name, and the pixels of the map."""
    asked = folder / "asked.json"
    asked.write_text(json.dumps({"files": [str(f) for f in files], "pictures": str(folder), "size": [400, 300]}))
    done = subprocess.run([SYSTEM_PYTHON, str(OPENING), str(asked)], env=environment, capture_output=True, text=True,
                          timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["errors"] == []
    layers = {layer["name"]: layer for file in told["files"] for layer in file["layers"]}
    assert all(layer["valid"] and layer["crs"] == "EPSG:2154" for layer in layers.values())
    return layers, np.asarray(Image.open(told["picture"]).convert("RGB")).reshape(-1, 3)


def test_results_open_with_names_colours_and_labels(environment, cli, index, place, tmp_path):
    code, _, err = cli("search", index, "930350,6920350", "--tiles", "tiles", "--date", "2019", "-k", "3",
                       "-o", tmp_path / "réponses.gpkg")
    assert code == 0, err
    assert cli("index", "export", index, "-o", tmp_path / "rows.gpkg")[0] == 0
    photo = next((place / "tiles" / "57-2019" / "photo").glob("*.tif"))
    layers, pixels = opened([tmp_path / "réponses.gpkg", tmp_path / "rows.gpkg", photo], tmp_path, environment)
    assert set(layers) == {"matches", "queries", "rows", photo.stem}
    matches = layers["matches"]
    assert [label for _, label, _ in matches["categories"]] == matches["legend"]
    told = {value.split()[0]: colour for value, _, colour in matches["categories"]}
    assert told["no"] == "#d7191c"
    assert told.get("yes", "#1a9641") == "#1a9641"
    assert matches["features"] == 3
    assert '"rank"' in matches["label"]["text"]
    assert layers["queries"]["label"]["text"] == '"query"'
    assert all(layers[name]["labels"] for name in ("matches", "queries", "rows"))
    assert '"tile_id"' in layers["rows"]["map_tip"]
    assert layers[photo.stem]["renderer"] == "multibandcolor"
    assert (pixels == (0xD7, 0x19, 0x1C)).all(axis=1).any()  # a line of a wrong answer is drawn


def test_classes_open_with_the_names_of_the_legend(environment, tmp_path):
    legend = Legend.load("bdtopo12")
    codes = np.repeat(np.arange(13, dtype=np.uint8), 20)[None].repeat(100, axis=0)
    write_classes(tmp_path / "sheet.tif", codes, NORTH_WEST, "EPSG:2154", legend)
    layers, pixels = opened([tmp_path / "sheet.tif"], tmp_path, environment)
    named = [[item.code, f"#{bytes(item.colour).hex()}", item.name_fr] for item in legend.classes]
    assert layers["sheet"]["classes"] == named
    drawn = {tuple(map(int, pixel)) for pixel in np.unique(pixels, axis=0)}
    assert {item.colour for item in legend.classes} <= drawn
    (tmp_path / "sheet.qml").unlink()  # what lies beside it goes astray: GDAL's names are still there
    layers, _ = opened([tmp_path / "sheet.tif"], tmp_path, environment)
    assert layers["sheet"]["classes"][1:13] == named


def process(environment, *words: str) -> subprocess.CompletedProcess[str]:
    """`qgis_process`; Debian's wrapper passes an option that it does not know, so what is behind it where there is."""
    name = shutil.which("qgis_process.bin") or "qgis_process"
    return subprocess.run([name, *words], env=environment, capture_output=True, text=True, timeout=500, check=False)


def test_the_toolbox_finds_a_place_and_says_what_is_wrong(environment, cli, index, place, tmp_path):
    scripts = tmp_path / "share/QGIS/QGIS3/profiles/default/processing/scripts"
    assert cli("qgis", "-o", scripts)[0] == 0
    there = tmp_path / "une étude"
    there.mkdir()
    shutil.copytree(place / "indexes" / index, there / "index été")
    out = there / "réponse.gpkg"
    common = ("run", "script:georetrieval_find_place", "--", f"INDEX={there / 'index été'}", f"OUTPUT={out}")
    done = process(environment, *common, "POINT=930350,6920350 [EPSG:2154]", f"TILES={place / 'tiles'}", "DATE=2019")
    assert done.returncode == 0, done.stdout + done.stderr
    layers, _ = opened([out], tmp_path, environment)
    assert layers["matches"]["renderer"] == "categorizedSymbol"
    out.unlink()
    done = process(environment, *common)
    assert done.returncode == 1
    assert "Give a picture, an extent or a point: one of them, not 0." in done.stdout + done.stderr
    done = process(environment, *common, f"PICTURE={place / 'new.tif'}", "FILTER_DATE=1850")
    assert done.returncode == 1
    assert "1850" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not out.exists()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_script_is_whole_and_names_this_python(name):
    text = script(name)
    compile(text, name, "exec")
    assert f"PYTHON = {sys.executable!r}" in text
    assert "command_line import" not in text
    assert "import georetrieval" not in text


def test_scripts_go_into_a_profile_that_is_there(run, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    code, _, err = run("qgis", "--profile", "levé")
    assert (code, list(tmp_path.iterdir())) == (2, [])
    assert "no profile 'levé'" in err
    profile = tmp_path / "QGIS" / "QGIS3" / "profiles" / "levé"
    profile.mkdir(parents=True)
    code, out, _ = run("qgis", "--profile", "levé")
    assert code == 0
    assert sorted(p.name for p in Path(out.strip()).iterdir()) == sorted(ALGORITHMS)
    assert Path(out.strip()) == profile / "processing" / "scripts"
