"""Pictures with boxes in COCO's format: what a detector learns from and is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.foreign import read_json
from georetrieval.samples.images import picture

MOST_BYTES = 512 << 20

Numbers = npt.NDArray[np.int64]
Corners = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BoxedPictures:
    """Picture files and the boxes of each.

    Attributes
    ----------
    folder
        What the file names are relative to.
    files
        One name per picture.
    sizes
        `(n, 2)` int64, width and height in pixels.
    boxes
        Per picture `(m, 4)` float32: x0, y0, x1, y1 in its pixels, inside it, sides above 0.
    numbers
        Per picture `(m,)` int64: place of each box's label in `labels`.
    labels
        Names of the categories, in the order of their ids.
    parts
        Per picture "train", "validation", "test" or what else the file says as "part"; "" where it says nothing, as
        COCO's own files do.
    """

    folder: Path
    files: tuple[str, ...]
    sizes: Numbers
    boxes: tuple[Corners, ...]
    numbers: tuple[Numbers, ...]
    labels: tuple[str, ...]
    parts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.files)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a COCO JSON file; boxes marked `iscrowd` are left out, the others are cut at the picture's edge.

        Raises
        ------
        InputError
            When the file or a picture is not there, no COCO JSON, or holds a box that is none.
        """
        path = Path(path)
        values = _json_of(path)
        try:
            categories = sorted(values["categories"], key=lambda category: int(category["id"]))
            images = sorted(values["images"], key=lambda image: str(image["file_name"]))
            files = tuple(str(image["file_name"]) for image in images)
            sizes = np.asarray([(image["width"], image["height"]) for image in images], dtype=np.int64).reshape(-1, 2)
            place = {int(category["id"]): number for number, category in enumerate(categories)}
            found = _by_image(values["annotations"], [int(image["id"]) for image in images], place)
            parts = tuple(str(image.get("part", "")) for image in images)
            labels = tuple(str(category["name"]) for category in categories)
        except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            raise InputError(f"{path} is no COCO file of boxes: {type(error).__name__} at {error}; it wants images, "
                             "annotations with bbox, image_id and category_id, and categories.") from error
        absent = [name for name in files if not (path.parent / name).is_file()]
        if absent or not files:
            what = f"{len(absent)} of its {len(files)} pictures are not there" if files else "it names no picture"
            raise InputError(f"{path}: {what}{f', the first is {absent[0]}' if absent else ''}; names are relative to "
                             "its folder.")
        boxes = tuple(_cut(box, size, f"{path}, {file}")
                      for (box, _), size, file in zip(found, sizes, files, strict=True))
        return cls(path.parent, files, sizes, boxes, tuple(number for _, number in found), labels, parts)

    def take(self, rows: Sequence[int]) -> Self:
        """Some of the pictures."""
        kept = [int(row) for row in rows]
        return type(self)(self.folder, tuple(self.files[r] for r in kept), self.sizes[kept],
                          tuple(self.boxes[r] for r in kept), tuple(self.numbers[r] for r in kept), self.labels,
                          tuple(self.parts[r] for r in kept))

    def part(self, name: str) -> Self:
        """The pictures of a part; `InputError` when there is none."""
        rows = [row for row, part in enumerate(self.parts) if part == name]
        if not rows:
            there = ", ".join(sorted({part or "none named" for part in self.parts}))
            raise InputError(f"{self.folder} holds no picture of the part {name!r}; its parts are {there}.")
        return self.take(rows)

    def picture(self, row: int) -> npt.NDArray[np.uint8]:
        """`(3, H, W)` uint8, at the size of the file.

        Raises
        ------
        InputError
            When the file is damaged or has another size than the boxes are made for.
        """
        return whole_picture(self.folder / self.files[row], expected=(int(self.sizes[row][0]), int(self.sizes[row][1])))

    def usual_area(self) -> float | None:
        """Median area of the boxes as a share of their picture's area; None without boxes."""
        shares = [(box[:, 2:] - box[:, :2]).prod(axis=1) / size.prod()
                  for box, size in zip(self.boxes, self.sizes, strict=True)]
        together = np.concatenate(shares) if shares else np.empty(0)
        return float(np.median(together)) if len(together) else None


def whole_picture(path: Path, *, expected: tuple[int, int] | None = None) -> npt.NDArray[np.uint8]:
    """`(3, H, W)` uint8 of a picture file; `InputError` when it is damaged or not `expected` (width, height)."""
    pixels = np.asarray(picture(path, "RGB"), dtype=np.uint8)
    height, width = pixels.shape[:2]
    if expected is not None and (width, height) != expected:
        raise InputError(f"{path} has {width} x {height} pixels, its boxes are made for {expected[0]} x {expected[1]}.")
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _json_of(path: Path) -> dict[str, Any]:
    values = read_json(path, MOST_BYTES, "a COCO file of boxes")
    if not isinstance(values, dict):
        raise InputError(f"{path} is no COCO file of boxes: it holds a {type(values).__name__}, not an object.")
    return values


def _by_image(
    annotations: list[dict[str, Any]], images: list[int], place: dict[int, int]
) -> list[tuple[Corners, Numbers]]:
    boxes: dict[int, list[list[float]]] = {image: [] for image in images}
    numbers: dict[int, list[int]] = {image: [] for image in images}
    for annotation in annotations:
        if annotation.get("iscrowd"):
            continue
        x, y, width, height = (float(value) for value in annotation["bbox"])
        boxes[int(annotation["image_id"])].append([x, y, x + width, y + height])
        numbers[int(annotation["image_id"])].append(place[int(annotation["category_id"])])
    return [(np.asarray(boxes[image], dtype=np.float32).reshape(-1, 4), np.asarray(numbers[image], dtype=np.int64))
            for image in images]


def _cut(boxes: Corners, size: Numbers, where: str) -> Corners:
    """Boxes cut at the edge of their picture."""
    edges = np.tile(size, 2).astype(np.float32)
    cut = np.clip(boxes, 0, edges).astype(np.float32)
    if not np.isfinite(boxes).all() or (cut[:, 2:] <= cut[:, :2]).any():
        raise InputError(f"{where}: a box has no area inside the picture; remove it, or mend its bbox (x, y, width, "
                         "height in pixels).")
    return cut
