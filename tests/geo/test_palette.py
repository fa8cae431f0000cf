"""What QGIS opens: colours in the file, names beside it, a COG with a mask."""

from __future__ import annotations

import ctypes
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

from georetrieval.geo.legend import Legend
from georetrieval.geo.palette import write_classes, write_photo
from tests.made import tiny

LEGEND = Legend.load("bdtopo12")
PLACE = Affine(2, 0, tiny.WEST, 0, -2, tiny.SOUTH + 1000)


def written_classes(folder: Path) -> tuple[Path, np.ndarray]:
    codes = np.random.default_rng(0).integers(0, 13, (300, 500), dtype=np.uint8)
    path = folder / "classes.tif"
    write_classes(path, codes, PLACE, tiny.CRS, LEGEND)
    return path, codes


def test_classes_keep_codes_place_and_colours(tmp_path: Path) -> None:
    path, codes = written_classes(tmp_path)
    with rasterio.open(path, driver="GTiff") as dataset:
        assert (dataset.read(1) == codes).all()
        assert dataset.transform == PLACE
        assert dataset.crs.to_epsg() == 2154
        colours = dataset.colormap(1)
    for item in LEGEND.classes:
        assert colours[item.code] == (*item.colour, 255)
    assert colours[0][3] == 0


def test_names_are_where_gdal_and_qgis_look(tmp_path: Path) -> None:
    """QGIS labels a paletted band by GDALGetRasterCategoryNames; the same call is made here."""
    path, _ = written_classes(tmp_path)
    tree = ET.parse(path.with_name("classes.tif.aux.xml"))
    names = [node.text or "" for node in tree.iter("Category")]
    assert len(names) == 13
    libraries = list(Path(rasterio.__file__).parents[1].glob("rasterio.libs/libgdal*"))
    if not libraries:
        pytest.skip("this rasterio carries no GDAL library of its own")
    gdal = ctypes.CDLL(str(libraries[0]))
    for name in ("GDALOpen", "GDALGetRasterBand"):
        getattr(gdal, name).restype = ctypes.c_void_p
    gdal.GDALGetRasterCategoryNames.restype = ctypes.POINTER(ctypes.c_char_p)
    with rasterio.Env(GDAL_PAM_ENABLED="YES"):
        dataset = ctypes.c_void_p(gdal.GDALOpen(str(path).encode(), 0))
        band = ctypes.c_void_p(gdal.GDALGetRasterBand(dataset, 1))
        gdal.GDALGetGeoTransform(dataset, (ctypes.c_double * 6)())  # as QGIS does first; it loads the side-car
        read = gdal.GDALGetRasterCategoryNames(band)
        assert bool(read)
        assert [read[code].decode() for code in range(13)] == names
        gdal.GDALClose(dataset)
    assert names[1:] == [item.name_fr for item in LEGEND.classes]


def test_the_style_lists_the_classes_and_nothing_else(tmp_path: Path) -> None:
    """A palette holds 256 colours and QGIS would list them all; it applies NAME.qml beside NAME.tif by itself."""
    path, _ = written_classes(tmp_path)
    renderer = ET.parse(path.with_suffix(".qml")).find("pipe/rasterrenderer")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "1")
    listed = [(int(e.get("value", "")), e.get("color"), e.get("label")) for e in renderer.iter("paletteEntry")]
    assert listed == [(c.code, "#{:02x}{:02x}{:02x}".format(*c.colour), c.name_fr) for c in LEGEND.classes]


@pytest.mark.parametrize("bands", [1, 3])
def test_a_photo_is_a_cog_without_loss(tmp_path: Path, bands: int) -> None:
    pixels, photo = tiny.noise((bands, 1100, 700)), np.ones((1100, 700), bool)
    photo[:50] = False
    path = tmp_path / "photo.tif"
    write_photo(path, pixels, photo, PLACE, tiny.CRS)
    with rasterio.open(path, driver="GTiff") as dataset:
        assert (dataset.read() == pixels).all()
        assert ((dataset.read_masks(1) > 0) == photo).all()
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.overviews(1)
    assert [p.name for p in tmp_path.iterdir()] == ["photo.tif"]


def test_a_plain_frame_has_no_crs(tmp_path: Path) -> None:
    write_photo(tmp_path / "p.tif", tiny.noise((1, 64, 64)), np.ones((64, 64), bool), Affine(1, 0, 0, 0, -1, 0), "")
    with rasterio.open(tmp_path / "p.tif") as dataset:
        assert dataset.crs is None
