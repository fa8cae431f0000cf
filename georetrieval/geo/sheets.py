"""One sheet of photographs: where it lies, and its pixels decoded once at the resolution that is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.io import DatasetReader
from rasterio.windows import Window

from georetrieval.errors import InputError
from georetrieval.geo.collars import collar
from georetrieval.geo.grid import Bounds
from georetrieval.geo.sniff import opened

RGB = ("r", "g", "b")
GREY = ("grey",)
PART_PX = 8192
"""Larger TIFFs are read in parts of this side; the other formats cannot be read in part without decoding them whole."""

_IGN_NAME = re.compile(r"(?:\d{2}|2[AB]|97\d)-\d{4}-(\d{4})-(\d{4})-([A-Z0-9]+)-(\d)M(\d{2})(?:-.*)?", re.IGNORECASE)
_LOSSY = {"JPEG", "JP2OpenJPEG"}


@dataclass(frozen=True)
class Sheet:
    """A file, or a part of a large one.

    Attributes
    ----------
    bounds
        Its rectangle on the ground.
    crs
        As text; "" when the file does not say.
    window
        Column, row, width, height of the part in the file's pixels.
    bands
        ("r", "g", "b") or ("grey",).
    placed
        False when neither the file nor its name says where it lies; `bounds` is then (0, -height, width, 0).
    """

    path: Path
    bounds: Bounds
    crs: str
    window: tuple[int, int, int, int]
    bands: tuple[str, ...]
    driver: str
    placed: bool

    @property
    def pixel_size(self) -> float:
        """The finer of the two sides of a pixel, in ground units."""
        west, south, east, north = self.bounds
        return min((east - west) / self.window[2], (north - south) / self.window[3])

    def at(self, bounds: Bounds, crs: str | None) -> Sheet:
        """The same picture, placed by hand."""
        return replace(self, bounds=bounds, crs=crs or self.crs, placed=True)


@dataclass(frozen=True)
class Decoded:
    """Pixels of a whole sheet at one level.

    Attributes
    ----------
    pixels
        (bands, h, w) uint8.
    photo
        (h, w) bool, False where there is no photograph.
    """

    pixels: NDArray[np.uint8]
    photo: NDArray[np.bool_]

    @property
    def nbytes(self) -> int:
        """Memory that both take."""
        return self.pixels.nbytes + self.photo.nbytes


def read_header(path: Path) -> Sheet:
    """What a picture says of itself, without its pixels.

    Raises
    ------
    InputError
        When it is damaged, turned against north, not 8 bit, or neither grey nor in colour.
    """
    with opened(path) as dataset:
        bands = _bands(path, dataset)
        crs = dataset.crs.to_string() if dataset.crs else ""
        bounds, crs, placed = _place(path, dataset, crs)
        return Sheet(path, bounds, crs, (0, 0, dataset.width, dataset.height), bands, dataset.driver, placed)


def parts(sheet: Sheet) -> list[Sheet]:
    """A sheet as itself, or a very large TIFF as parts that fit into memory."""
    _, _, width, height = sheet.window
    if sheet.driver != "GTiff" or max(width, height) <= PART_PX + PART_PX // 2:
        return [sheet]
    west, south, east, north = sheet.bounds
    across, down = (east - west) / width, (north - south) / height
    found = []
    for row in range(0, height, PART_PX):
        for col in range(0, width, PART_PX):
            w, h = min(PART_PX, width - col), min(PART_PX, height - row)
            bounds = (west + col * across, north - (row + h) * down, west + (col + w) * across, north - row * down)
            found.append(replace(sheet, window=(col, row, w, h), bounds=bounds))
    return found


def level(sheet: Sheet, target: float) -> int:
    """The largest power of two by which a sheet can be reduced and still be at least as fine as `target`."""
    factor = 1
    while sheet.pixel_size * factor * 2 <= target * (1 + 1e-9) and factor * 2 <= min(sheet.window[2:]):
        factor *= 2
    return factor


def decode(sheet: Sheet, factor: int) -> Decoded:
    """Read a sheet reduced by `factor`, from the resolution level of the file where it has one.

    Raises
    ------
    InputError
        When the file is damaged or cut short.
    """
    col, row, width, height = sheet.window
    shape = (-(-height // factor), -(-width // factor))
    with opened(sheet.path) as dataset:
        window = Window(col, row, width, height)
        numbers = list(range(1, len(sheet.bands) + 1))
        if sheet.driver == "JPEG" and factor > 1:  # its own reduction (DCT scaling) is no mean over an area
            pixels = _reduced(dataset.read(numbers, window=window), factor)
        else:
            pixels = dataset.read(
                numbers, window=window, out_shape=(len(numbers), *shape), resampling=Resampling.average
            )
        photo = _marked(dataset, pixels, window, shape)
    np.greater(photo, collar(pixels, lossy=sheet.driver in _LOSSY), out=photo)  # and not
    return Decoded(pixels, photo)


def _reduced(pixels: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    return np.stack([np.asarray(Image.fromarray(band).reduce(factor)) for band in pixels])


def _marked(
    dataset: DatasetReader, pixels: NDArray[np.uint8], window: Window, shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Where the file itself says that there is photo: alpha band, mask, nodata value."""
    photo = np.ones(shape, bool)
    alpha = [i for i, kind in enumerate(dataset.colorinterp, 1) if kind is ColorInterp.alpha]
    if alpha:
        photo &= dataset.read(alpha[0], window=window, out_shape=shape, resampling=Resampling.nearest) >= 128
    elif MaskFlags.per_dataset in dataset.mask_flag_enums[0]:
        photo &= dataset.read_masks(1, window=window, out_shape=shape) >= 128
    if dataset.nodata is not None:
        photo &= ~(pixels == dataset.nodata).all(axis=0)
    return photo


def _bands(path: Path, dataset: DatasetReader) -> tuple[str, ...]:
    kinds = set(dataset.dtypes)
    if kinds != {"uint8"}:
        raise InputError(
            f"{path} holds {', '.join(sorted(kinds))} values; 8 bits per band are read: "
            "convert it with `gdal_translate -ot Byte -scale`."
        )
    if ColorInterp.palette in dataset.colorinterp:
        raise InputError(f"{path} has a colour table; convert it with `gdal_translate -expand rgb`.")
    if dataset.count in (1, 2):
        return GREY
    if dataset.count in (3, 4):
        return RGB
    raise InputError(f"{path} has {dataset.count} bands; photographs have 1 (grey) or 3 (colour), and one for alpha.")


def _place(path: Path, dataset: DatasetReader, crs: str) -> tuple[Bounds, str, bool]:
    transform = dataset.transform
    if not transform.is_identity:
        if transform.b or transform.d or transform.a <= 0 or transform.e >= 0:
            raise InputError(f"{path} is turned or mirrored against north; straighten it with `gdalwarp`.")
        west, south, east, north = dataset.bounds
        return (west, south, east, north), crs, True
    if match := _IGN_NAME.fullmatch(path.stem):
        west, north = int(match[1]) * 1000.0, int(match[2]) * 1000.0
        size = int(match[4]) + int(match[5]) / 100
        bounds = (west, north - dataset.height * size, west + dataset.width * size, north)
        return bounds, crs or ("EPSG:2154" if match[3].upper() == "LA93" else ""), True
    return (0.0, -float(dataset.height), float(dataset.width), 0.0), crs, False
