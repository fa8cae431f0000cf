"""Hostile and damaged pictures: one sentence that names the file, and nothing outside it is read or written."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
import rasterio

from georetrieval.errors import InputError
from georetrieval.geo.sheets import decode, read_header
from georetrieval.geo.sniff import sniff
from tests.made import tiny

VRT = """<VRTDataset rasterXSize="8" rasterYSize="8">
<VRTRasterBand dataType="Byte" band="1" subClass="VRTRawRasterBand">
<SourceFilename>/etc/passwd</SourceFilename></VRTRasterBand></VRTDataset>"""
MRF = """<MRF_META><CachedSource><Source>x.tif</Source></CachedSource><Raster><Size x="8" y="8"/></Raster></MRF_META>"""


@pytest.mark.parametrize("suffix", [".tif", ".jp2", ".png", ".jpg"])
@pytest.mark.parametrize("text", [VRT, MRF, "", "<GDAL_WMS/>", "hello"], ids=["vrt", "mrf", "empty", "wms", "text"])
def test_text_in_a_picture_name_is_refused(tmp_path: Path, suffix: str, text: str) -> None:
    path = tmp_path / f"photo{suffix}"
    path.write_text(text)
    with pytest.raises(InputError, match="photo"):
        read_header(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["/vsicurl/http://127.0.0.1:9/x.tif", "http://127.0.0.1:9/x.tif", VRT, "missing.tif"])
def test_what_is_not_a_local_file(name: str) -> None:
    with pytest.raises(InputError, match="does not exist"):
        sniff(Path(name.replace("\n", " ")[:200]))


def test_a_folder_is_not_a_picture(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        sniff(tmp_path)


@pytest.mark.parametrize(("driver", "name"), [
    ("JP2OpenJPEG", "p.jp2"), ("GTiff", "p.tif"), ("PNG", "p.png"), ("JPEG", "p.jpg"),
])
@pytest.mark.parametrize("kept", [0.3, 0.7, 0.97])
def test_a_truncated_picture_names_itself(tmp_path: Path, driver: str, name: str, kept: float) -> None:
    with rasterio.Env(GDAL_PAM_ENABLED="NO"):
        path = tiny.write_raster(tmp_path / name, tiny.noise((3, 300, 300)), crs="", driver=driver)
    decode(read_header(path), 1)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InputError, match=name):
        decode(read_header(path), 1)


def test_a_png_whose_pixels_were_changed(tmp_path: Path) -> None:
    with rasterio.Env(GDAL_PAM_ENABLED="NO"):
        path = tiny.write_raster(tmp_path / "p.png", tiny.noise((3, 64, 64)), crs="", driver="PNG")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"p\.png"):
        read_header(path)


def test_a_jpeg_2000_header_that_declares_60000_squared(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jp2"
    box = struct.pack(">I4sIIHBBBB", 22, b"ihdr", 60_000, 60_000, 3, 7, 7, 0, 0)
    path.write_bytes(b"\0\0\0\x0cjP  \r\n\x87\n" + struct.pack(">I4s", 8 + len(box), b"jp2h") + box + bytes(2000))
    with pytest.raises(InputError, match="60000 x 60000"):
        sniff(path)


def test_a_png_header_that_declares_a_billion_pixels(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head)))
    with pytest.raises(InputError, match="60000 x 60000"):
        sniff(path)


def test_a_sparse_tiff_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    with rasterio.open(path, "w", driver="GTiff", width=200_000, height=200_000, count=3, dtype="uint8",
                       tiled=True, blockxsize=4096, blockysize=4096, sparse_ok=True, bigtiff="YES"):
        pass
    with pytest.raises(InputError, match="200000 x 200000"):
        read_header(path)


def test_a_stale_side_car_does_not_move_the_photo(tmp_path: Path) -> None:
    path = tiny.write_raster(tmp_path / "p.tif", tiny.noise((1, 10, 10)))
    path.with_name("p.tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:4326</SRS><GeoTransform>0, 1, 0, 0, 0, -1</GeoTransform></PAMDataset>"
    )
    sheet = read_header(path)
    assert sheet.bounds == tiny.BOUNDS
    assert sheet.crs == "EPSG:2154"
