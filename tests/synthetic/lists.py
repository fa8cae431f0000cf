"""What the tests of the picture worlds read: rows of a list, files as arrays, bytes of a folder, a cheap classifier."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage.feature import hog


def rows_of(folder: Path, **wanted: str) -> list[dict[str, str]]:
    """Rows of the folder's list, those whose columns have the wanted values."""
    with (folder / "pictures.csv").open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if all(row[name] == value for name, value in wanted.items())]


def box_of(row: dict[str, str]) -> tuple[int, ...]:
    return tuple(round(float(row[name])) for name in ("x0", "y0", "x1", "y1"))


def pixels_of(folder: Path, row: dict[str, str]) -> NDArray[np.uint8]:
    """The file of a row, decoded whole."""
    with Image.open(folder / row["file"]) as image:
        return np.asarray(image)


def fingerprints(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def hog_of(images: list[NDArray[np.uint8]], px: int = 64) -> NDArray[np.float64]:
    """(n, d) histograms of gradients of the images in grey, each resized to `px`."""
    grey = [np.asarray(Image.fromarray(image).convert("L").resize((px, px))) for image in images]
    return np.stack([hog(image, pixels_per_cell=(8, 8), cells_per_block=(2, 2)) for image in grey])


def nearest_centroid(train: NDArray[np.float64], keys: list[str], test: NDArray[np.float64]) -> list[str]:
    """The key whose mean of the training rows lies nearest to each test row."""
    names = sorted(set(keys))
    means = np.stack([train[np.array(keys) == name].mean(0) for name in names])
    return [names[i] for i in np.argmin(((test[:, None] - means) ** 2).sum(2), 1)]
