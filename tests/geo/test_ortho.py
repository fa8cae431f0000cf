"""Mosaics: pixels where they belong, each sheet decoded once, seams that do not show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.geo import ortho
from georetrieval.geo.ortho import open_mosaic
from tests.made import tiny

WEST, SOUTH, EAST, NORTH = tiny.BOUNDS


def split(folder: Path, pixels: np.ndarray, suffix: str = ".tif", driver: str = "GTiff") -> Path:
    """Write a square in four sheets; the cut is not in the middle."""
    cut, size = 200, pixels.shape[1]
    step = 1000 / size
    middle = NORTH - cut * step
    for rows, south, north in ((slice(0, cut), middle, NORTH), (slice(cut, size), SOUTH, middle)):
        for cols, west, east in ((slice(0, cut), WEST, WEST + cut * step), (slice(cut, size), WEST + cut * step, EAST)):
            name = f"{west:.0f}-{south:.0f}{suffix}"
            tiny.write_raster(folder / name, pixels[:, rows, cols], (west, south, east, north), driver=driver)
    return folder


def test_pixels_that_coincide_are_copied(tmp_path: Path) -> None:
    pixels = tiny.noise((3, 500, 500))
    mosaic = open_mosaic(tiny.write_raster(tmp_path / "p.tif", pixels))
    found, photo = mosaic.read((WEST + 200, SOUTH + 100, WEST + 600, SOUTH + 300), (100, 200))
    assert (found == pixels[:, 350:450, 100:300]).all()
    assert photo.all()
    assert mosaic.bands == ("r", "g", "b")
    assert mosaic.bounds == tiny.BOUNDS


@pytest.mark.parametrize(("suffix", "driver"), [(".tif", "GTiff"), (".jp2", "JP2OpenJPEG")])
@pytest.mark.parametrize("px", [500, 250, 128, 600])
def test_a_folder_of_sheets_is_one_picture(tmp_path: Path, suffix: str, driver: str, px: int) -> None:
    slopes = np.add.outer(np.arange(500), np.arange(500)) / 5 + 20
    pixels = slopes.astype(np.uint8)[None]
    whole = open_mosaic(tiny.write_raster(tmp_path / "whole.tif", pixels))
    sheets = open_mosaic(split(tmp_path / "sheets", pixels, suffix, driver))
    assert len(sheets.sheets) == 4
    one, one_photo = whole.read(tiny.BOUNDS, (px, px))
    four, four_photo = sheets.read(tiny.BOUNDS, (px, px))
    assert one_photo.all()
    assert four_photo.all()
    assert np.abs(one.astype(int) - four).max() <= 2


def test_a_tile_is_the_same_alone_and_in_its_block(tmp_path: Path) -> None:
    mosaic = open_mosaic(tiny.write_raster(tmp_path / "p.tif", tiny.noise((3, 500, 500))))
    block, _ = mosaic.read(tiny.BOUNDS, (256, 256))
    tile, _ = mosaic.read((WEST + 250, SOUTH + 500, WEST + 500, SOUTH + 750), (64, 64))
    assert np.abs(block[:, 64:128, 64:128].astype(int) - tile).max() <= 1


def test_each_sheet_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[Path] = []
    decode = ortho.decode
    monkeypatch.setattr(ortho, "decode", lambda sheet, factor: decoded.append(sheet.path) or decode(sheet, factor))
    mosaic = open_mosaic(split(tmp_path, tiny.noise((1, 500, 500)), ".jp2", "JP2OpenJPEG"))
    for col in range(4):
        for row in range(4):
            west, south = WEST + 250 * col, SOUTH + 250 * row
            mosaic.read((west, south, west + 250, south + 250), (64, 64))
    assert sorted(decoded) == sorted(sheet.path for sheet in mosaic.sheets)


def test_outside_the_sheets_there_is_no_photo(tmp_path: Path) -> None:
    mosaic = open_mosaic(tiny.write_raster(tmp_path / "p.tif", tiny.noise((1, 100, 100))))
    pixels, photo = mosaic.read((WEST - 500, SOUTH, WEST + 500, SOUTH + 1000), (100, 100))
    assert not photo[:, :50].any()
    assert photo[:, 50:].all()
    assert not pixels[:, :, :50].any()


def test_grey_and_colour_together_are_colour(tmp_path: Path) -> None:
    grey = tiny.noise((1, 100, 100))
    tiny.write_raster(tmp_path / "a.tif", grey)
    tiny.write_raster(tmp_path / "b.tif", tiny.noise((3, 100, 100), 1), (EAST, SOUTH, EAST + 1000, NORTH))
    mosaic = open_mosaic(tmp_path)
    pixels, _ = mosaic.read(tiny.BOUNDS, (100, 100))
    assert pixels.shape == (3, 100, 100)
    assert (pixels == grey).all()


def test_bounds_place_a_plain_picture(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "p.png", tiny.noise((1, 50, 80)), crs="", driver="PNG")
    path.with_name("p.png.aux.xml").unlink(missing_ok=True)
    assert open_mosaic(path).bounds == (0.0, -50.0, 80.0, 0.0)
    placed = open_mosaic(path, bounds=(0.0, 0.0, 80.0, 50.0), crs="EPSG:2154")
    assert placed.bounds == (0.0, 0.0, 80.0, 50.0)
    assert placed.crs == "EPSG:2154"
    with pytest.raises(UsageError, match="xmin ymin xmax ymax"):
        open_mosaic(path, bounds=(80.0, 0.0, 0.0, 50.0))


def test_a_damaged_sheet_of_a_folder_is_named(tmp_path: Path) -> None:
    split(tmp_path, tiny.noise((1, 500, 500)), ".jp2", "JP2OpenJPEG")
    broken, cut = sorted(tmp_path.glob("*.jp2"))[:2]
    broken.write_bytes(b"nothing")
    cut.write_bytes(cut.read_bytes()[:-5000])
    mosaic = open_mosaic(tmp_path)
    assert list(mosaic.broken) == [broken]
    with pytest.raises(InputError, match=cut.name):
        mosaic.read(tiny.BOUNDS, (100, 100))
    _, photo = mosaic.read(tiny.BOUNDS, (100, 100), skip_broken=True)
    assert 0 < photo.mean() < 1
    assert set(mosaic.broken) == {broken, cut}


def test_folders_that_are_no_mosaic(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        open_mosaic(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        open_mosaic(tmp_path / "missing")
    tiny.write_raster(tmp_path / "a.tif", tiny.noise((1, 10, 10)))
    tiny.write_raster(tmp_path / "b.tif", tiny.noise((1, 10, 10)), crs="EPSG:27572")
    with pytest.raises(InputError, match="two CRS"):
        open_mosaic(tmp_path)


@pytest.mark.parametrize("content", [b"", b"2\n0\n0\n", bytes(40)])
def test_a_sheet_whose_world_file_is_damaged_is_listed(tmp_path, content):
    """It was left out without a word, as a picture that lies beside the sheets for people."""
    for number in range(2):
        bounds = (1000.0 * number, 0.0, 1000.0 * number + 100, 100.0)
        tiny.write_raster(tmp_path / f"{number}.png", tiny.noise((1, 50, 50)), bounds, driver="PNG", WORLDFILE="YES")
    tiny.write_raster(tmp_path / "overview.png", tiny.noise((1, 50, 50)), crs="", driver="PNG")
    (tmp_path / "1.wld").write_bytes(content)
    mosaic = open_mosaic(tmp_path)
    assert [sheet.path.name for sheet in mosaic.sheets] == ["0.png"]
    assert list(mosaic.broken) == [tmp_path / "1.png"]
    assert "1.wld" in mosaic.broken[tmp_path / "1.png"]
