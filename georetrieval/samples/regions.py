"""Where the thing of each picture lies, as a rectangle along its axis: `regions.csv` beside a list of pictures.

| column | what |
|---|---|
| `file` | path of the picture, as in the list |
| `x y` | centre, in pixels of the file from its top left corner |
| `along across` | sides of the rectangle along and across the axis, in pixels |
| `angle_deg` | direction of the axis from x to y, which is clockwise as a picture is seen; a half turn is the same |
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.samples.images import picture_size
from georetrieval.samples.listing import Listing

NAME = "regions.csv"
COLUMNS = ("x", "y", "along", "across", "angle_deg")

Regions = npt.NDArray[np.float64]
"""`(n, 5)`, in the order of `COLUMNS`."""


def regions_of(listing: Listing, px: int) -> Regions:
    """The regions of the pictures of a list, in pixels of the square of side `px` that they are read at.

    Raises
    ------
    InputError
        When there is no such file, a picture is not in it, a number is none, or a picture is not square.
    """
    path = listing.folder / NAME
    known = _read(path)
    regions = []
    for file, picture in zip(listing.files.tolist(), listing.paths, strict=True):
        if file not in known:
            raise InputError(f"{path} does not say where the thing in {file} lies; give a line for each picture.")
        wide, high = picture_size(picture)
        if wide != high:
            raise InputError(f"{picture} is {wide} x {high} pixels; regions along an axis are learnt on squares, in "
                             "which an angle stays an angle.")
        regions.append(np.asarray(known[file]) * np.array([px / wide] * 4 + [1.0]))
    return np.asarray(regions, np.float64).reshape(-1, len(COLUMNS))


def _read(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        raise InputError(f"{path} does not exist; it says where the thing in each picture lies, which is to be learnt.")
    known: dict[str, list[float]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), 2):
                known[row["file"]] = [float(row[name]) for name in COLUMNS]
                x, y, along, across, angle = known[row["file"]]
                if not (np.isfinite([x, y, angle]).all() and 0 < along < np.inf and 0 < across < np.inf):
                    raise ValueError(f"line {line}")
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        told = ", ".join(("file", *COLUMNS))
        raise InputError(f"{path} is no list of regions with the columns {told}: {error}.") from error
    return known
