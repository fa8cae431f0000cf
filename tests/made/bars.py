"""Pictures of a bar that is up or down, at two places that look different, and their masks; four blots that move.

A bar up is a bright horizontal stripe near the top, down near the bottom; at "south" it is a vertical one left or
right. HOG tells them apart, so that no net has to be trained.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PX = 64
BARS = {("north", "up"): (8, 8, 56, 16), ("north", "down"): (8, 48, 56, 56),
        ("south", "up"): (8, 8, 16, 56), ("south", "down"): (48, 8, 56, 56)}
"""x0, y0, x1, y1 in pixels of the bar of each place and state."""


def bar(place: str, state: str, value: int = 255, ground: int = 0) -> NDArray[np.uint8]:
    """(64, 64) uint8."""
    picture = np.full((PX, PX), ground, np.uint8)
    x0, y0, x1, y1 = BARS[place, state]
    picture[y0:y1, x0:x1] = value
    return picture


def photo(place: str, state: str, seed: int) -> NDArray[np.uint8]:
    """(64, 64, 3) uint8: the bar on a noisy ground."""
    noise = np.random.default_rng(seed).integers(0, 40, (PX, PX, 3))
    return np.clip(bar(place, state, 200, 40)[..., None] + noise, 0, 255).astype(np.uint8)


def save(path: Path, pixels: NDArray[np.uint8]) -> Path:
    """Write a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def write_list(path: Path, rows: list[dict[str, object]]) -> Path:
    """Write pictures.csv; all rows have the columns of the first."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_places(folder: Path, *, photos: int = 2) -> Path:
    """Two places with two masks each and some photos of each state, in one list; answers the folder."""
    rows: list[dict[str, object]] = []
    for seed, (place, state) in enumerate(BARS):
        save(folder / place / f"mask-{state}.png", bar(place, state))
        rows.append({"file": f"{place}/mask-{state}.png", "key": state, "scope": place, "role": "mask", "part": ""})
        for i in range(photos):
            save(folder / place / f"{state}-{i}.png", photo(place, state, 10 * seed + i))
            rows.append({"file": f"{place}/{state}-{i}.png", "key": state, "scope": place, "role": "image",
                         "part": "test"})
    write_list(folder / "pictures.csv", rows)
    return folder


def labelme(path: Path, place: str, state: str) -> Path:
    """Write the bar's rectangle as a LabelMe file."""
    x0, y0, x1, y1 = BARS[place, state]
    shape = {"label": "bar", "points": [[x0, y0], [x1, y1]], "shape_type": "rectangle"}
    path.write_text(json.dumps({"imageHeight": PX, "imageWidth": PX, "shapes": [shape]}))
    return path


def blot(who: int, seed: int) -> NDArray[np.uint8]:
    """(64, 64, 3) uint8: an individual is a direction of stripes, with noise of its own in each picture."""
    y, x = np.mgrid[:PX, :PX]
    angle = np.pi * who / 6
    stripes = 128 + 90 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / 3)
    noise = np.random.default_rng(1000 * who + seed).normal(0, 25, (PX, PX, 3))
    return np.clip(stripes[..., None] + noise, 0, 255).astype(np.uint8)


def write_blots(folder: Path, who: list[int], count: int = 4, first: int = 0) -> Path:
    """One sub-folder per individual."""
    for one in who:
        for i in range(first, first + count):
            save(folder / f"ox-{one}" / f"{i}.png", blot(one, i))
    return folder
