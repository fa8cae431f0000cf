"""Writing sheets of tiles that QGIS opens as they are: photos as COG, classes with colours and names."""

from __future__ import annotations

import warnings
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from georetrieval.files import publish
from georetrieval.geo.legend import Legend

_COG = {"driver": "COG", "dtype": "uint8", "compress": "DEFLATE", "blocksize": 512, "bigtiff": "IF_SAFER"}


def write_photo(path: Path, pixels: NDArray[np.uint8], photo: NDArray[np.bool_], transform: Affine, crs: str) -> None:
    """Publish a photo as a Cloud Optimized GeoTIFF, lossless; a mask is kept where there is no photo.

    Parameters
    ----------
    pixels
        (1 or 3, h, w) uint8.
    photo
        (h, w) bool.
    """
    profile = {**_COG, "predictor": "YES", "overview_resampling": "AVERAGE"}
    publish(path, _encoded(pixels, transform, crs, profile, photo=None if photo.all() else photo))


def write_classes(path: Path, codes: NDArray[np.uint8], transform: Affine, crs: str, legend: Legend) -> None:
    """Publish class codes as a palette GeoTIFF, and beside it the class names where GDAL and QGIS look for them.

    QGIS would list all the 256 colours that a palette holds; the style beside the file keeps it to the classes.

    Parameters
    ----------
    codes
        (h, w) uint8.
    """
    profile = {**_COG, "overview_resampling": "MODE", "nodata": 0}
    publish(path.with_name(path.name + ".aux.xml"), _names(legend).encode())
    publish(path.with_suffix(".qml"), _style(legend).encode())
    publish(path, _encoded(codes[None], transform, crs, profile, legend=legend))


def _encoded(
    pixels: NDArray[np.uint8], transform: Affine, crs: str, profile: dict[str, object], *,
    photo: NDArray[np.bool_] | None = None, legend: Legend | None = None,
) -> bytes:
    bands, height, width = pixels.shape
    with rasterio.Env(GDAL_PAM_ENABLED="NO"), warnings.catch_warnings(), MemoryFile(ext=".tif") as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # a plain frame may lie at (0, 0)
        with memory.open(
            count=bands, height=height, width=width, transform=transform, crs=crs or None, **profile
        ) as dataset:
            dataset.write(pixels)
            if photo is not None:
                dataset.write_mask(photo)
            if legend is not None:
                dataset.colorinterp = [ColorInterp.palette]
                dataset.write_colormap(1, _colours(legend))
        return bytes(memory.getbuffer())


def _colours(legend: Legend) -> dict[int, tuple[int, ...]]:
    return {code: (*map(int, colour), 255 if code else 0) for code, colour in enumerate(legend.palette())}


def _names(legend: Legend) -> str:
    """Category names as GDAL keeps them (PAM). *Source*: GDAL raster data model, category names."""
    by_code = {0: "", **{item.code: item.name_fr for item in legend.classes}}
    lines = [f"      <Category>{escape(by_code.get(code, ''))}</Category>" for code in range(max(by_code) + 1)]
    return "\n".join((
        "<PAMDataset>", '  <PAMRasterBand band="1">', "    <CategoryNames>", *lines,
        "    </CategoryNames>", "  </PAMRasterBand>", "</PAMDataset>", "",
    ))


def _style(legend: Legend) -> str:
    """The legend as a style that QGIS applies by itself. *Source*: the style that QGIS 3.22 writes for such a file."""
    entries = [f'<paletteEntry value="{item.code}" color="#{bytes(item.colour).hex()}" alpha="255" '
               f"label={quoteattr(item.name_fr)}/>" for item in legend.classes]
    return "\n".join((
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>",
        '<qgis version="3.28.0" styleCategories="Symbology"><pipe>',
        '<rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1" nodataColor=""><colorPalette>',
        *entries, "</colorPalette></rasterrenderer></pipe></qgis>", "",
    ))
