"""Bright rectangles on dark pictures, as files with COCO boxes: what a small detector learns in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from georetrieval.samples.boxes import BoxedPictures

SIDE = 64


def drawn(folder: Path, count: int, seed: int, parts: tuple[str, ...] = ()) -> BoxedPictures:
    """Dark pictures with one or two bright rectangles of 20 to 28 px each, which do not touch; parts in turn."""
    chance = np.random.default_rng(seed)
    images, annotations = [], []
    folder.mkdir()
    for number in range(count):
        pixels = chance.integers(0, 60, (SIDE, SIDE, 3)).astype(np.uint8)
        for half in range(1 + number % 2):
            w, h = (int(side) for side in chance.integers(20, 29, 2))
            x, y = int(chance.integers(0, SIDE - w)), 32 * half + int(chance.integers(0, 32 - h + 1))
            pixels[y : y + h, x : x + w] = 230
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": 1,
                                "bbox": [x, y, w, h]})
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
        part = {"part": parts[number % len(parts)]} if parts else {}
        images.append({"id": number, "file_name": f"{number:03}.png", "width": SIDE, "height": SIDE, **part})
    values = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "sheet"}]}
    (folder / "boxes.json").write_text(json.dumps(values))
    return BoxedPictures.read(folder / "boxes.json")
