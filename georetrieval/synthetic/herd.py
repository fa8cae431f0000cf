"""A herd from above: frames with many animals, the box of each one, and who it is.

An animal is seen in several recordings; its pictures of one recording are a track. The last recording is the test
part and the one before it the validation part: all animals are in both, at another place under another light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from georetrieval.errors import UsageError
from georetrieval.files import publish_json, publishing_folder, put
from georetrieval.progress import Progress, silent
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.herd_animal import ALONG, Animal, Patch, make_animal, paint
from georetrieval.synthetic.herd_ground import SIZE, Recording, make_recording, photographed
from georetrieval.synthetic.herd_walk import flocks_of, walk
from georetrieval.synthetic.pictures import Bytes, Picture, as_jpeg, put_list

RECORDINGS = 8
CATEGORY = {"id": 1, "name": "animal", "supercategory": "animal"}
LEAST_VISIBLE = 0.4
"""An animal of which less is seen (out of the frame, or under others) gets no box."""
SHARED = 0.35
"""A box is said to hold a second animal when it covers so much of that animal's visible pixels."""


@dataclass(frozen=True)
class Seen:
    """One animal in one frame: its box (x0, y0, x1, y1), the visible share of it, and whom its box shows besides."""

    animal: str
    box: tuple[int, int, int, int]
    visible: float
    others: tuple[str, ...]


def write_herd(
    out: Path, *, seed: int = 1, animals: int = 36, frames: int = 200, progress: Progress = silent,
) -> dict[str, Any]:
    """Write the folder `out`, which must not exist, and return what its world.json says.

    Raises
    ------
    UsageError
        For fewer than 2 animals or 16 frames, or more than 1,000 animals.
    InputError
        When `out` exists.
    """
    if not 2 <= animals <= 1000:
        raise UsageError(f"--animals is {animals}; it must be from 2 to 1000.")
    if frames < 2 * RECORDINGS:
        raise UsageError(f"--frames is {frames}; at least {2 * RECORDINGS} are needed for {RECORDINGS} recordings.")
    herd = [make_animal(seed, number, animals) for number in range(1, animals + 1)]
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    pictures: list[Picture] = []
    with publishing_folder(out) as folder:
        for place, pixels, seen in frames_of(seed, herd, frames):
            file = f"{place.part}/recording-{place.recording}-{place.frame:04d}.jpg"
            put(folder / file, as_jpeg(pixels))
            images.append({"id": len(images) + 1, "file_name": file, "width": SIZE[0], "height": SIZE[1],
                           "part": place.part, "recording": place.recording})
            for one in seen:
                track = f"{one.animal} recording {place.recording}"
                boxes.append(_coco(len(boxes) + 1, len(images), one, track))
                pictures.append(Picture(file, one.animal, part=place.part, group=track, box=one.box))
            progress(len(images), frames, "frames")
        publish_json(folder / "boxes.json", {"images": images, "annotations": boxes, "categories": [CATEGORY]})
        put_list(folder, pictures, boxes=True)
        note = {"world": "herd", "seed": seed, "animals": animals, "frames": len(images), "recordings": RECORDINGS,
                "boxes": len(boxes), "boxes_of_two": sum(bool(box["attributes"]["others"]) for box in boxes),
                "size": list(SIZE)}
        publish_json(folder / "world.json", note)
    return note


@dataclass(frozen=True)
class Place:
    """Which frame of which recording, and the part it belongs to."""

    recording: int
    frame: int
    part: str


def frames_of(seed: int, herd: list[Animal], frames: int) -> Iterator[tuple[Place, Bytes, list[Seen]]]:
    """The frames of a world one after another, (640, 960, 3) uint8, with what is seen in each."""
    ends = np.round(np.linspace(0, frames, RECORDINGS + 1)).astype(int)
    for number in range(RECORDINGS):
        part = {RECORDINGS - 1: "test", RECORDINGS - 2: "validation"}.get(number, "train")
        recording = make_recording(seed, number)
        count, frame = int(ends[number + 1] - ends[number]), 0
        for flock, share in flocks_of(seed, number, len(herd), count, whole=part != "train" or number == 0):
            members = [herd[row] for row in flock]
            for poses in walk(stream(seed, "walk", number, frame), members, share):
                patches = [paint(*one, SIZE, recording.sun) for one in zip(members, poses, strict=True)]
                rng = stream(seed, "frame", number, frame)
                scene, seen = _scene(recording, members, patches)
                yield Place(number, frame, part), photographed(recording, scene, rng), seen
                frame += 1


def _scene(
    recording: Recording, members: list[Animal], patches: list[Patch | None]
) -> tuple[Any, list[Seen]]:
    """Ground, shadows and animals, the later ones on top, and what is seen of each."""
    scene = recording.ground.copy()
    top = np.full(scene.shape[:2], -1)
    for patch in patches:
        if patch is not None:
            _shade(scene, patch, recording)
    for row, patch in enumerate(patches):
        if patch is not None:
            view = scene[patch.window]
            view += patch.alpha[..., None] * (patch.pixels - view)
            top[patch.window][patch.alpha > 0.5] = row
    top[recording.leaves > 0.6] = -1
    return scene, _seen(members, patches, top)


def _shade(scene: Any, patch: Patch, recording: Recording) -> None:
    """Darken the ground beside an animal, away from the sun."""
    dx, dy = (round(-recording.shadow_px * turn(recording.sun)) for turn in (np.cos, np.sin))
    high, wide = patch.alpha.shape
    top, left = max(0, patch.top + dy), max(0, patch.left + dx)
    low, right = min(scene.shape[0], patch.top + dy + high), min(scene.shape[1], patch.left + dx + wide)
    if top < low and left < right:
        rows = slice(top - patch.top - dy, low - patch.top - dy)
        alpha = patch.alpha[rows, left - patch.left - dx : right - patch.left - dx]
        scene[top:low, left:right] *= 1 - recording.shade * alpha[..., None]


def _seen(members: list[Animal], patches: list[Patch | None], top: Any) -> list[Seen]:
    """Boxes of the animals of which enough is visible; a box is that of the visible pixels."""
    found: list[tuple[int, tuple[int, int, int, int], float]] = []
    whole = np.bincount(top[top >= 0], minlength=len(members))
    for row, (animal, patch) in enumerate(zip(members, patches, strict=True)):
        if patch is None or whole[row] < LEAST_VISIBLE * _area(animal):
            continue
        rows, cols = np.nonzero(top[patch.window] == row)
        box = (patch.left + int(cols.min()), patch.top + int(rows.min()), patch.left + int(cols.max()) + 1,
               patch.top + int(rows.max()) + 1)
        found.append((row, box, min(1.0, float(whole[row] / _area(animal)))))
    result = []
    for row, box, visible in found:
        inside = np.bincount(_within(top, box), minlength=len(members))
        others = tuple(members[other].name for other in np.flatnonzero(inside > SHARED * np.maximum(whole, 1))
                       if other != row and inside[other] > 0.1 * _area(members[other]))
        result.append(Seen(members[row].name, box, round(visible, 3), others))
    return result


def _within(top: Any, box: tuple[int, int, int, int]) -> Any:
    part = top[box[1] : box[3], box[0] : box[2]]
    return part[part >= 0]


def _area(animal: Animal) -> float:
    """Pixels of the whole animal: length times the mean width of its outline."""
    return float(np.trapezoid(animal.half, ALONG) * animal.width_px * animal.length_px)


def _coco(number: int, image: int, one: Seen, track: str) -> dict[str, Any]:
    x0, y0, x1, y1 = one.box
    return {"id": number, "image_id": image, "category_id": CATEGORY["id"], "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0), "iscrowd": 0,
            "attributes": {"identity": one.animal, "track": track, "visible": one.visible, "others": list(one.others)}}
