"""Results in QGIS itself, as a user drags them in; the tools of its toolbox. Where QGIS is installed: make qgis."""

import shutil
import zipfile

import numpy as np
import pytest
from rasterio.transform import from_origin

from georetrieval.geo.legend import Legend
from georetrieval.geo.palette import write_classes
from tests.made.in_qgis import SCRIPTS, environment_of, loaded, opened, process

pytestmark = pytest.mark.qgis
NORTH_WEST = from_origin(930_000, 6_920_600, 2, 2)
POINT = "930350,6920350 [EPSG:2154]"
EXTENT = "6.16754,6.17047,49.33974,49.34162 [EPSG:4326]"
"""Four tiles lie within."""


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """That of a QGIS without a screen, with a profile of its own."""
    return environment_of(tmp_path)


@pytest.fixture
def toolbox(environment, cli, tmp_path) -> dict[str, str]:
    """The same, with our tools in its toolbox."""
    assert cli("qgis", "-o", tmp_path / SCRIPTS)[0] == 0
    return environment


def test_results_open_with_names_colours_and_labels(environment, cli, index, place, tmp_path):
    code, _, err = cli("search", index, "930350,6920350", "--tiles", "tiles", "--date", "2019", "-k", "3",
                       "-o", tmp_path / "réponses.gpkg")
    assert code == 0, err
    assert cli("index", "export", index, "-o", tmp_path / "rows.gpkg")[0] == 0
    photo = next((place / "tiles" / "57-2019" / "photo").glob("*.tif"))
    layers, pixels = opened([tmp_path / "réponses.gpkg", tmp_path / "rows.gpkg", photo], tmp_path, environment,
                            "results")
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
    layers, pixels = opened([tmp_path / "sheet.tif"], tmp_path, environment, "classes")
    named = [[item.code, f"#{bytes(item.colour).hex()}", item.name_fr] for item in legend.classes]
    assert layers["sheet"]["classes"] == named
    drawn = {tuple(map(int, pixel)) for pixel in np.unique(pixels, axis=0)}
    assert {item.colour for item in legend.classes} <= drawn
    (tmp_path / "sheet.qml").unlink()  # what lies beside it goes astray: GDAL's names are still there
    layers, _ = opened([tmp_path / "sheet.tif"], tmp_path, environment)
    assert layers["sheet"]["classes"][1:13] == named


def test_the_toolbox_indexes_tiles_and_finds_places(toolbox, index, place, tmp_path):
    """Both tools in one project, as from their dialogs: what they make is loaded, what is wrong is said."""
    there = tmp_path / "une étude"
    there.mkdir()
    shutil.copytree(place / "indexes" / index, there / "index été")
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as box:
        box.write(place / "new.tif", "new.tif")
    rasters = {"neuve": str(place / "new.tif"), "packed": f"/vsizip/{tmp_path / 'new.zip'}/new.tif"}
    tiles, town = {"TILES": str(place / "tiles")}, {"INDEX": str(there / "index été")}
    build = tiles | town | {"DATE": "2004", "SCOPE": "57", "OUTPUT": str(there / "lignes.gpkg")}
    ask = town | {"K": 3, "OUTPUT": str(there / "réponse.gpkg")}
    runs = [
        ("index_tiles", build, "Give the folder of a model or a baseline: one of them, not 0."),
        ("index_tiles", build | {"BASELINE": "hog", "MODEL": str(there)}, "one of them, not 2."),
        ("index_tiles", build | {"BASELINE": "hog"}, "There is an index at"),
        ("index_tiles", build | {"BASELINE": "hog", "REPLACE": True}, ""),
        ("find_place", ask, "Give a picture, an extent or a point: one of them, not 0."),
        ("find_place", ask | {"PICTURE": "packed"}, "The picture packed is not a file but /vsizip/"),
        ("find_place", ask | {"PICTURE": "neuve", "OUTPUT": str(there / "photo.gpkg")}, ""),
        ("find_place", ask | {"EXTENT": EXTENT, "DATE": "2019"} | tiles, ""),
    ]
    layers, said, pixels = loaded([(f"georetrieval_{name}", words) for name, words, _ in runs], tmp_path, toolbox,
                                  "toolbox", under=rasters)
    for sentence, (_, _, right) in zip(said, runs, strict=True):
        assert right in sentence
        assert bool(sentence) == bool(right), sentence
    assert all(layer["valid"] and layer["crs"] == "EPSG:2154" and layer["labels"] for layer in layers)
    found = sorted((layer["name"], layer["features"]) for layer in layers)
    assert found == [("matches", 12), ("matches", 141), ("queries", 4), ("queries", 47), ("tiles of the index", 47)]
    few = next(layer for layer in layers if layer["features"] == 12)
    assert few["renderer"] == "categorizedSymbol"
    told = {value.split()[0]: colour for value, _, colour in few["categories"]}
    assert told["no"] == "#d7191c"
    assert (pixels == (0xD7, 0x19, 0x1C)).all(axis=1).any()  # the answers are drawn, above the photograph


def test_the_toolbox_finds_a_point_without_a_window(toolbox, index, place, tmp_path):
    out = tmp_path / "réponse.gpkg"
    common = ("run", "script:georetrieval_find_place", "--", f"INDEX={place / 'indexes' / index}", f"OUTPUT={out}",
              f"POINT={POINT}", f"TILES={place / 'tiles'}", "DATE=2019")
    done = process(toolbox, *common)
    assert done.returncode == 0, done.stdout + done.stderr
    layers, _ = opened([out], tmp_path, toolbox, "point")
    assert layers["matches"]["renderer"] == "categorizedSymbol"
    assert layers["queries"]["features"] == 1
    out.unlink()
    done = process(toolbox, *common, "FILTER_DATE=1850")
    assert done.returncode == 1
    assert "1850" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not out.exists()
