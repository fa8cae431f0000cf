"""A small place photographed twice, in real files: 8 x 6 cells of 100 m in Lambert-93, two blank, an index."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from scipy.ndimage import gaussian_filter

from georetrieval.cli.main import main
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tiling import build_tiles

WEST, NORTH, CELL_M, COLS, ROWS, PX = 930_000, 6_920_600, 100, 8, 6, 64


def write_photo(path: Path, pixels: np.ndarray, west: float = WEST, north: float = NORTH, crs="EPSG:2154") -> Path:
    """(3, h, w) uint8 at 2 m as a GeoTIFF; 0 is nodata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        place = {"crs": crs, "transform": from_origin(west, north, 2, 2)} if crs else {}
        with rasterio.open(path, "w", driver="GTiff", width=pixels.shape[2], height=pixels.shape[1], count=3,
                           dtype="uint8", nodata=0 if crs else None, **place) as file:
            file.write(pixels)
    return path


def land(seed: int, change: float = 0.0, of: np.ndarray | None = None) -> np.ndarray:
    """(3, 300, 400) float: smooth random land, or other land with some of `of` left."""
    noise = np.random.default_rng(seed).normal(size=(3, ROWS * 50, COLS * 50))
    smooth = np.stack([gaussian_filter(band, 4) for band in noise])
    smooth /= smooth.std()
    return smooth if of is None else of * (1 - change) + smooth * change


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(128 + 40 * values, 1, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def place(tmp_path_factory) -> Path:
    """Folder with old.tif, new.tif, tiles/ (scope 57, 2004 and 2019; scope 54, 2004) and indexes/town."""
    folder = tmp_path_factory.mktemp("place")
    ground = land(1)
    old, new = as_bytes(ground), as_bytes(land(2, 0.6, ground))
    old[:, :50, :50] = 0       # the north-western cell has no photo in 2004
    new[:, -50:, -50:] = 0     # the south-eastern one none in 2019
    surveys = [
        Survey("57", "2004", photos=write_photo(folder / "old.tif", old)),
        Survey("57", "2019", photos=write_photo(folder / "new.tif", new)),
        Survey("54", "2004", photos=write_photo(folder / "east.tif", as_bytes(land(3)), west=WEST + 2000)),
    ]
    build_tiles(surveys, folder / "tiles", grid=TileGrid("EPSG:2154", CELL_M), px=PX, legend=Legend.load("bdtopo12"))
    return folder


@pytest.fixture
def run(capsys):
    """Run the command line where we are: exit code, stdout, stderr."""

    def words(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(argument) for argument in arguments])
        streams = capsys.readouterr()
        return int(end.value.code or 0), streams.out, streams.err

    return words


@pytest.fixture
def cli(run, place, monkeypatch):
    """Run the command line in the place's folder."""
    monkeypatch.chdir(place)
    return run


@pytest.fixture
def index(cli, place):
    """The index "town" of 2004, built once."""
    if not (place / "indexes" / "town" / "CURRENT").exists():
        code, _, err = cli("index", "build", "town", "--model", "hog", "--tiles", "tiles", "--date", "2004")
        assert code == 0, err
    return "town"
