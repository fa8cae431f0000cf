"""Picture lists of the made-up worlds: files beside a `pictures.csv` that says what each of them shows."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from georetrieval.files import put

Bytes = NDArray[np.uint8]
LIST = "pictures.csv"
COLUMNS = ("file", "key", "scope", "role", "part", "group", "x0", "y0", "x1", "y1")


@dataclass(frozen=True)
class Picture:
    """One row of the list.

    Attributes
    ----------
    file : path below the list's folder, with forward slashes
    key : identity that a match is judged by
    scope : whom a query may meet
    role : "image" or "mask"
    part : "train", "validation", "test", "gallery" or ""
    group : what belongs together in time
    box : x0, y0, x1, y1 in pixels of the file, x to the right and y downwards, or nothing
    """

    file: str
    key: str
    scope: str = ""
    role: str = "image"
    part: str = ""
    group: str = ""
    box: tuple[float, float, float, float] | None = None


def put_list(folder: Path, pictures: Iterable[Picture], *, boxes: bool) -> None:
    """Write `pictures.csv` into a lent folder, its four columns of boxes only where they are wanted."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS if boxes else COLUMNS[:6])
    for picture in pictures:
        row = [picture.file, picture.key, picture.scope, picture.role, picture.part, picture.group]
        writer.writerow(row + [f"{value:g}" for value in picture.box or ()] if boxes else row)
    put(folder / LIST, text.getvalue().encode())


def as_png(pixels: Bytes) -> bytes:
    """(h, w) or (h, w, 3) uint8 as the bytes of a PNG file."""
    return _encoded(pixels, "PNG", compress_level=3)


def as_jpeg(pixels: Bytes, quality: int = 92) -> bytes:
    """(h, w, 3) uint8 as the bytes of a JPEG file."""
    return _encoded(pixels, "JPEG", quality=quality)


def _encoded(pixels: Bytes, form: str, **settings: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **settings)
    return file.getvalue()
