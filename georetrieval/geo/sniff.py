"""Opening a raster safely: the format is read from the first bytes, and only its one driver is asked.

GDAL's own choice of driver would follow a VRT or MRF text named `photo.tif` to any file or host (RELIABILITY.md 2.3).
"""

from __future__ import annotations

import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from georetrieval.errors import InputError
from georetrieval.foreign import regular
from georetrieval.geo.beside import check_beside

SUFFIXES = (".jp2", ".j2k", ".tif", ".tiff", ".jpg", ".jpeg", ".png")
MOST_PIXELS = 4_000_000_000
MOST_PIXELS_PER_BYTE = 20_000
"""A real sheet of one colour holds up to some thousand pixels per byte; a bomb holds more."""

_MAGIC = (
    (b"II*\0", "GTiff"), (b"MM\0*", "GTiff"), (b"II+\0", "GTiff"), (b"MM\0+", "GTiff"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2OpenJPEG"), (b"\xff\x4f\xff\x51", "JP2OpenJPEG"),
    (b"\xff\xd8\xff", "JPEG"), (b"\x89PNG\r\n\x1a\n", "PNG"),
)
_HEAD_BYTES = 4096
_SETTINGS = {"GDAL_PAM_ENABLED": "NO", "GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE", "GDAL_NUM_THREADS": "ALL_CPUS"}


def sniff(path: Path) -> str:
    """Name of the one GDAL driver for a local file, by its first bytes.

    Raises
    ------
    InputError
        When the path is no file, or not a JPEG 2000, TIFF, JPEG or PNG, or declares an absurd size.
    """
    size = regular(path, "a picture")
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    for magic, driver in _MAGIC:
        if head.startswith(magic):
            _refuse_bomb(path, *_declared(head, driver), size)
            return driver
    found = "is empty" if not head else "is no picture that is read here"
    raise InputError(f"{path} {found}; pictures are JPEG 2000, GeoTIFF, JPEG or PNG files.")


@contextmanager
def opened(path: Path) -> Iterator[DatasetReader]:
    """Open a raster with its sniffed driver; whatever goes wrong inside the block becomes an `InputError`.

    Raises
    ------
    InputError
        When the file is damaged, truncated, too large or of another kind.
    """
    driver = sniff(path)
    if driver == "PNG":
        _check_png(path)
    check_beside(Path(os.path.realpath(path)))
    try:
        with rasterio.Env(**_SETTINGS), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(os.path.realpath(path), driver=driver) as dataset:
                _refuse_bomb(path, dataset.width, dataset.height, path.stat().st_size)
                yield dataset
    except (RasterioError, OSError, ValueError, MemoryError) as error:
        raise InputError(f"{path} is damaged or cut short ({_reason(error)}); fetch it again.") from error


def _declared(head: bytes, driver: str) -> tuple[int, int]:
    """Width and height of a header that GDAL would allocate for at once; (0, 0) where it would not."""
    place = head.find(b"ihdr")
    if driver == "JP2OpenJPEG" and 0 <= place <= len(head) - 12:
        height, width = struct.unpack_from(">II", head, place + 4)
        return width, height
    if driver == "JP2OpenJPEG" and head.startswith(b"\xff\x4f") and len(head) >= 24:
        return struct.unpack_from(">II", head, 8)[0], struct.unpack_from(">II", head, 8)[1]
    if driver == "PNG" and len(head) >= 24:
        width, height = struct.unpack_from(">II", head, 16)
        return width, height
    return 0, 0


def _refuse_bomb(path: Path, width: int, height: int, size: int) -> None:
    pixels = width * height
    if pixels > MOST_PIXELS:
        raise InputError(f"{path} declares {width} x {height} pixels, more than {MOST_PIXELS:.0e}; cut it into sheets.")
    if pixels > MOST_PIXELS_PER_BYTE * max(size, 1) and pixels > 1 << 20:
        raise InputError(f"{path} declares {width} x {height} pixels in {size} bytes; such a file is not a photograph.")


def _check_png(path: Path) -> None:
    """Walk the chunks and their checksums: GDAL reads a truncated PNG without a word."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            body = file.read(length) if length < 1 << 31 else b""
            if len(body) < length or file.read(4) != struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))):
                break
            if kind == b"IEND":
                return
    raise InputError(f"{path} is damaged or cut short (a PNG part fails its checksum); fetch it again.")


def _reason(error: BaseException) -> str:
    """First sentence of the innermost cause, where GDAL says what it found."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
