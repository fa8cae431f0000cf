"""Questions to an eye that sees classes: the codes come from a picture, or are painted from a delivery."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from rasterio.transform import from_origin
from rasterio.windows import from_bounds

from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.sniff import opened
from georetrieval.geo.tile import Survey
from georetrieval.geo.tiling import build_tiles
from georetrieval.recipe.pictures import _nearest

WEST, SOUTH = 930_000, 6_920_000
CELLS = [f"E0930{i}00N6920000" for i in range(4)]


def write_delivery(path, shift=0.0):
    """A v3 GeoPackage: in cell i of a row of four, i + 1 houses of 30 m."""
    houses = [shapely.box(x, y, x + 30, y + 30)
              for i in range(4) for n in range(i + 1)
              for x, y in [(WEST + 100 * i + 5 + 45 * (n % 2) + shift, SOUTH + 5 + 45 * (n // 2))]]
    frame = gpd.GeoDataFrame({"nature": ["Indifférenciée"] * len(houses)}, geometry=houses, crs="EPSG:2154")
    frame.to_file(path, layer="batiment", driver="GPKG")
    return path


@pytest.fixture
def town(tmp_path, monkeypatch, place, cli):
    monkeypatch.chdir(tmp_path)
    old, new = write_delivery(tmp_path / "old.gpkg"), write_delivery(tmp_path / "new.gpkg", shift=4)
    shutil.copy(place / "new.tif", tmp_path / "photo.tif")
    bounds = (WEST, SOUTH, WEST + 400, SOUTH + 100)
    build_tiles([Survey("57", "2004", vectors=old, bounds=bounds)], tmp_path / "tiles",
                grid=TileGrid("EPSG:2154", 100), px=50, legend=Legend.load("bdtopo12"))
    code, _, err = cli("index", "build", "./town", "--model", "class-shares", "--tiles", "tiles", "--date", "2004")
    assert code == 0, err
    return new


def test_vectors_are_painted_under_a_geotiff(town, cli):
    code, out, err = cli("search", "./town", "photo.tif", "--vectors", town, "-k", "1", "--format", "json")
    assert code in (0, 3), err
    found = {row["query"].split(":")[1]: row for row in json.loads(out)}
    assert [found[cell]["tile_id"] for cell in CELLS] == [f"57-2004-{cell}-100" for cell in CELLS]
    assert all(found[cell]["hit"] for cell in CELLS)


@pytest.mark.usefixtures("town")
def test_a_picture_of_codes_goes_with_a_picture_without_a_place(cli, tmp_path):
    code_of_house = Legend.load("bdtopo12").by_key["building"].code
    codes = np.zeros((50, 50), np.uint8)
    for x, y in ((5, 5), (50, 5), (5, 50)):  # three houses: cell 2; rows count from the north
        codes[50 - (y + 30) // 2:50 - y // 2, x // 2:(x + 30) // 2] = code_of_house
    Image.fromarray(codes).save(tmp_path / "codes.png")
    noise = np.random.default_rng(0).integers(1, 255, (50, 50, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    code, out, err = cli("search", "./town", "photo.png", "--classes", "codes.png", "--format", "json")
    assert code == 0, err
    assert json.loads(out)[0]["tile_id"] == f"57-2004-{CELLS[2]}-100"
    Image.fromarray(codes + np.uint8(99)).save(tmp_path / "codes.png")
    code, _, err = cli("search", "./town", "photo.png", "--classes", "codes.png")
    assert code == 2
    assert "no class of the legend" in err
    code, _, err = cli("search", "./town", "photo.tif", "--classes", "codes.png")
    assert code == 2  # a picture of codes without a place cannot be cut like a photo that has one
    assert "does not say where it lies" in err


def test_without_classes_it_says_what_to_give(town, cli, tmp_path):
    code, _, err = cli("search", "./town", "photo.tif")
    assert (code, err.count("\n")) == (2, 1)
    assert "--classes FILE" in err
    Image.fromarray(np.random.default_rng(0).integers(1, 255, (50, 50, 3), np.uint8)).save(tmp_path / "photo.png")
    code, _, err = cli("search", "./town", "photo.png", "--vectors", town)
    assert code == 2
    assert "no place on the ground" in err


def test_codes_beyond_the_edge_are_none_and_no_vrt_is_needed(tmp_path):
    """An 8 x 8 raster of 1 m, values 10 * row + column, asked for 4 x 4 m that hang over its north-west corner."""
    path = tmp_path / "codes.tif"
    values = (10 * np.arange(8)[:, None] + np.arange(8)).astype(np.uint8)
    with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", crs="EPSG:2154",
                       transform=from_origin(100, 208, 1, 1)) as file:
        file.write(values, 1)
    with opened(path) as file:
        found = _nearest(file, from_bounds(98, 206, 102, 210, transform=file.transform), 4)
        assert found.tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 10, 11]]
        twice = _nearest(file, from_bounds(100, 206, 102, 208, transform=file.transform), 4)
        assert twice.tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [10, 10, 11, 11], [10, 10, 11, 11]]
        assert not _nearest(file, from_bounds(500, 500, 504, 504, transform=file.transform), 4).any()


@pytest.mark.usefixtures("town")
def test_codes_of_a_picture_in_a_process_of_its_own(tmp_path):
    """As on the command line, where GDAL's VRT driver is closed before anything is imported."""
    codes = np.full((50, 50), Legend.load("bdtopo12").by_key["building"].code, np.uint8)
    Image.fromarray(codes).save(tmp_path / "c.png")
    Image.fromarray(np.random.default_rng(0).integers(1, 255, (50, 50, 3), np.uint8)).save(tmp_path / "p.png")
    done = subprocess.run([sys.executable, "-m", "georetrieval", "search", "./town", "p.png", "--classes", "c.png",
                           "--format", "json"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
