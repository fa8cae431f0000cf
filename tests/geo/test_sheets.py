"""One sheet: where it lies, the level it is read at, where it holds photo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from georetrieval.errors import InputError
from georetrieval.geo import sheets
from georetrieval.geo.collars import collar
from georetrieval.geo.sheets import decode, level, parts, read_header
from tests.made import tiny


@pytest.mark.parametrize(("target", "factor"), [(2.0, 1), (3.9, 1), (4.0, 2), (7.9, 2), (8.0, 4), (0.5, 1)])
def test_the_smallest_level_that_is_still_fine_enough(tmp_path: Path, target: float, factor: int) -> None:
    sheet = read_header(tiny.write_raster(tmp_path / "p.tif", tiny.noise((1, 500, 500))))
    assert sheet.pixel_size == 2.0
    assert level(sheet, target) == factor


@pytest.mark.parametrize(("driver", "name"), [("GTiff", "p.tif"), ("JP2OpenJPEG", "p.jp2")])
def test_a_level_keeps_the_means_of_quarters(tmp_path: Path, driver: str, name: str) -> None:
    pixels = np.kron(np.array([[40, 80], [120, 200]], np.uint8), np.ones((256, 256), np.uint8))[None]
    sheet = read_header(tiny.write_raster(tmp_path / name, pixels, driver=driver))
    decoded = decode(sheet, 4)
    assert decoded.pixels.shape == (1, 128, 128)
    for (row, col), value in {(30, 30): 40, (30, 100): 80, (100, 30): 120, (100, 100): 200}.items():
        assert abs(int(decoded.pixels[0, row, col]) - value) <= 1


def test_the_levels_of_a_cog_are_used(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "p.tif", tiny.noise((3, 512, 512)), driver="COG", blocksize=128,
                             overview_resampling="nearest")
    with rasterio.open(path, overview_level=0) as dataset:
        overview = dataset.read()
    assert (decode(read_header(path), 2).pixels == overview).all()


def test_a_world_file_places_a_jpeg(tmp_path: Path) -> None:
    with rasterio.Env(GDAL_PAM_ENABLED="NO"):
        path = tiny.write_raster(tmp_path / "p.jpg", tiny.noise((3, 100, 100)), crs="", driver="JPEG")
    assert not read_header(path).placed
    assert read_header(path).bounds == (0.0, -100.0, 100.0, 0.0)
    for suffix in (".jgw", ".wld", ".jpgw"):
        world = path.with_suffix(suffix)
        world.write_text("10\n0\n0\n-10\n905005\n6930995\n")
        assert read_header(path).bounds == tiny.BOUNDS
        world.unlink()


def test_a_sheet_without_georeference_is_placed_by_its_ign_name(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "57-2004-0905-6931-LA93-0M50-E080.tif", tiny.noise((1, 2000, 2000)), crs="",
                             bounds=(0, -2000, 2000, 0))
    with rasterio.open(path, "r+") as dataset:
        dataset.transform = Affine.identity()
    sheet = read_header(path)
    assert sheet.bounds == tiny.BOUNDS
    assert sheet.crs == "EPSG:2154"


def test_nodata_alpha_and_mask(tmp_path: Path) -> None:
    pixels = tiny.noise((3, 40, 40))
    pixels[:, :, :10] = 7
    by_value = tiny.write_raster(tmp_path / "value.tif", pixels, nodata=7)
    alpha = np.full((1, 40, 40), 255, np.uint8)
    alpha[:, :, :10] = 0
    four = np.concatenate((pixels, alpha))
    by_alpha = tiny.write_raster(tmp_path / "alpha.tif", four, photometric="RGB", alpha="YES")
    by_mask = tiny.write_raster(tmp_path / "mask.tif", pixels)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(by_mask, "r+") as dataset:
        dataset.write_mask(alpha[0] > 0)
    for path in (by_value, by_alpha, by_mask):
        photo = decode(read_header(path), 1).photo
        assert not photo[:, :10].any(), path
        assert photo[:, 10:].all(), path


@pytest.mark.parametrize("value", [0, 255])
def test_a_collar_is_no_photo_but_a_dark_roof_is(value: int) -> None:
    pixels = tiny.noise((3, 60, 60))
    pixels[:, :20] = value
    pixels[:, 30:40, 30:40] = value
    found = collar(pixels, lossy=False)
    assert found[:20].all()
    assert not found[20:].any()


def test_a_lossy_collar_is_not_quite_constant(tmp_path: Path) -> None:
    pixels = tiny.noise((1, 256, 256))
    pixels[0, :, :100] = 0
    with rasterio.Env(GDAL_PAM_ENABLED="NO"):
        path = tiny.write_raster(tmp_path / "p.jpg", pixels, crs="", driver="JPEG", quality=80)
    photo = decode(read_header(path), 1).photo
    assert photo[:, :90].mean() < 0.01
    assert photo[:, 110:].mean() > 0.99


def test_a_large_tiff_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "PART_PX", 64)
    pixels = tiny.noise((1, 200, 200))
    whole = read_header(tiny.write_raster(tmp_path / "p.tif", pixels))
    found = parts(whole)
    assert len(found) == 16
    for part in found:
        col, row, width, height = part.window
        assert (decode(part, 1).pixels == pixels[:, row:row + height, col:col + width]).all()
        assert part.bounds[0] == tiny.WEST + col * 5
        assert part.bounds[3] == tiny.SOUTH + 1000 - row * 5


@pytest.mark.parametrize(("shape", "kind", "said"), [
    ((1, 20, 20), np.uint16, "gdal_translate -ot Byte"), ((5, 20, 20), np.uint8, "5 bands"),
])
def test_pictures_of_another_kind(tmp_path: Path, shape: tuple[int, ...], kind: type, said: str) -> None:
    path = tiny.write_raster(tmp_path / "p.tif", np.ones(shape, kind))
    with pytest.raises(InputError, match=said):
        read_header(path)


def test_a_picture_that_is_turned(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "p.tif", tiny.noise((1, 20, 20)))
    with rasterio.open(path, "r+") as dataset:
        dataset.transform = Affine.rotation(10) @ dataset.transform
    with pytest.raises(InputError, match="gdalwarp"):
        read_header(path)
