"""What a detector finds becomes crops and a list of pictures, which an index, `classify` and `search` read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from georetrieval.errors import InputError, UsageError
from georetrieval.files import publish, publish_json
from georetrieval.nets.detector import Detector, Found
from georetrieval.progress import Progress, silent
from georetrieval.recipe.reading_pictures import listed
from georetrieval.samples.images import picture
from georetrieval.samples.listing import COLUMNS, NAME
from georetrieval.search.row_ids import row_id

WEIGHTS = "detector.safetensors"
BOXES = "boxes.json"
EXTRA = ("source", "x", "y", "width", "height", "score", "label", "crowded")
"""Columns of the list besides those of every list: where the crop was, in pixels of its source, and how sure it is."""


def load_detector(model: str) -> Detector:
    """The detector of a run folder, or of a weights file.

    Raises
    ------
    InputError
        When there is none.
    """
    path = Path(model)
    for candidate in (path, path / WEIGHTS, path / "model" / WEIGHTS):
        if candidate.is_file():
            return Detector.load(candidate)
    raise InputError(f"The model {model} is neither a detector's weights file nor a run folder with {WEIGHTS}.")


@dataclass
class Crops:
    """Crops on disk and what is to be listed of them.

    Attributes
    ----------
    out : their folder
    rows : one per crop, columns of the list
    images, annotations : of the COCO file
    damaged : a sentence for each picture that could not be read
    """

    out: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    @property
    def crowded(self) -> int:
        """How many boxes are flagged: they seem to hold more than one thing."""
        return sum(row["crowded"] for row in self.rows)


def detect_into(
    out: Path, words: Sequence[Path], detector: Detector, *, least_score: float = 0.5, margin: float = 0.0,
    alone: bool = False, progress: Progress = silent,
) -> Crops:
    """Look for things in pictures; write a crop of each, a list (`pictures.csv`) and COCO boxes (`boxes.json`).

    When it is interrupted, list and boxes hold what was done until then.

    Parameters
    ----------
    out : a folder that does not exist or is empty
    words : pictures, folders of them, lists
    least_score : boxes whose score, 0..1, is not above are left out
    margin : added on each side, as a share of the box's
    alone : leave out boxes that seem to hold more than one thing

    Raises
    ------
    InputError
        When there is no picture, or the folder holds something.
    UsageError
        When the margin is not between 0 and 1.
    """
    if not 0 <= margin <= 1:
        raise UsageError(f"The margin is a share of the box, 0 to 1, and is {margin:g}.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} exists already; choose another output folder or remove it first.")
    files = list(dict.fromkeys(listed(words).paths))
    crops = Crops(out)
    try:
        for i, path in enumerate(files):
            try:
                whole = picture(path, "RGB")
            except InputError as error:
                crops.damaged.append(str(error))
                continue
            _cut(crops, detector, path, whole, least_score, margin, alone)
            progress(i + 1, len(files), "detecting")
    finally:
        if crops.images:
            publish(out / NAME, _list_of(crops.rows))
            names = [{"id": i, "name": name} for i, name in enumerate(detector.settings.labels, 1)]
            publish_json(out / BOXES, {"images": crops.images, "annotations": crops.annotations, "categories": names})
    if not crops.images:
        raise InputError(f"None of the {len(files)} pictures could be looked at; {crops.damaged[0]}")
    return crops


def _cut(
    crops: Crops, detector: Detector, path: Path, whole: Image.Image, least_score: float, margin: float, alone: bool
) -> None:
    """Add what is found in one picture."""
    pixels = torch.from_numpy(np.asarray(whole, np.float32).transpose(2, 0, 1) / np.float32(255))
    found = detector.detect(pixels, least_score=least_score)
    full = detector.crowded(found, whole.height, whole.width)
    number = len(crops.images) + 1
    crops.images.append({"id": number, "file_name": str(path.resolve()), "width": whole.width,
                         "height": whole.height})
    stem = row_id(path.stem, str(path.resolve()).encode())
    for i, (x0, y0, x1, y1) in enumerate(_edges(found, whole.size, margin), 1):
        flagged = bool(full[i - 1])
        score, label = float(found.scores[i - 1]), str(found.labels[i - 1])
        crops.annotations.append({
            "id": len(crops.annotations) + 1, "image_id": number, "iscrowd": 0, "score": round(score, 6),
            "category_id": detector.settings.labels.index(label) + 1, "crowded": flagged,
            "bbox": [round(float(v), 3) for v in (*found.boxes[i - 1][:2],
                                                  *(found.boxes[i - 1][2:] - found.boxes[i - 1][:2]))],
            "area": round(float(np.prod(found.boxes[i - 1][2:] - found.boxes[i - 1][:2])), 3)})
        if flagged and alone:
            continue
        name = f"{stem}-{i:03d}.png"
        data = io.BytesIO()
        whole.crop((x0, y0, x1, y1)).save(data, "PNG")
        publish(crops.out / name, data.getvalue())
        crops.rows.append({"file": name, "key": "", "scope": "", "role": "image", "part": "", "group": path.stem,
                           "source": str(path.resolve()), "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0,
                           "score": round(score, 6), "label": label, "crowded": int(flagged)})


def _edges(found: Found, size: tuple[int, int], margin: float) -> Iterator[tuple[int, int, int, int]]:
    """Whole pixels of each box with its margin, inside the picture and at least one pixel large."""
    width, height = size
    for x0, y0, x1, y1 in found.boxes.astype(np.float64):
        across, down = margin * (x1 - x0), margin * (y1 - y0)
        left, top = int(np.clip(np.floor(x0 - across), 0, width - 1)), int(np.clip(np.floor(y0 - down), 0, height - 1))
        right, bottom = min(width, int(np.ceil(x1 + across))), min(height, int(np.ceil(y1 + down)))
        yield left, top, max(left + 1, right), max(top + 1, bottom)


def _list_of(rows: Sequence[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *EXTRA], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
