"""A herd from above: boxes that hold their animal, tracks that do not mix, coats that are hard to tell apart."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.synthetic.herd import Seen, frames_of, write_herd
from georetrieval.synthetic.herd_animal import Pose, make_animal, paint
from georetrieval.synthetic.herd_ground import SIZE
from georetrieval.synthetic.herd_walk import flocks_of
from georetrieval.synthetic.pictures import as_jpeg
from tests.synthetic.lists import box_of, hog_of, nearest_centroid, pixels_of, rows_of

SMALL = {"seed": 5, "animals": 16, "frames": 16}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("herd") / "world"
    write_herd(folder, **SMALL)
    return folder


def test_boxes_and_list_say_the_same(world: Path) -> None:
    coco = json.loads((world / "boxes.json").read_text())
    files = {image["id"]: image for image in coco["images"]}
    said = [(files[a["image_id"]]["file_name"], a["attributes"]["identity"], a["attributes"]["track"],
             (*a["bbox"][:2], a["bbox"][0] + a["bbox"][2], a["bbox"][1] + a["bbox"][3]))
            for a in coco["annotations"]]
    rows = rows_of(world)
    assert [(row["file"], row["key"], row["group"], box_of(row)) for row in rows] == said
    assert len(coco["images"]) == 16
    assert {a["category_id"] for a in coco["annotations"]} == {c["id"] for c in coco["categories"]}
    assert len({a["id"] for a in coco["annotations"]}) == len(coco["annotations"])


def test_frames_are_there_and_boxes_lie_within_them(world: Path) -> None:
    rows = rows_of(world)
    for file in {row["file"] for row in rows}:
        assert pixels_of(world, {"file": file}).shape == (SIZE[1], SIZE[0], 3)
    for row in rows:
        x0, y0, x1, y1 = box_of(row)
        assert 0 <= x0 < x1 <= SIZE[0]
        assert 0 <= y0 < y1 <= SIZE[1]
        assert 15 < min(x1 - x0, y1 - y0) <= max(x1 - x0, y1 - y0) < 175


def test_every_animal_is_in_training_validation_and_test_on_other_tracks(world: Path) -> None:
    tracks = defaultdict(set)
    for row in rows_of(world):
        tracks[row["part"]].add((row["key"], row["group"]))
    animals = {f"A{n:02d}" for n in range(1, 17)}
    assert set(tracks) == {"train", "validation", "test"}
    for part in tracks:
        assert len({key for key, _ in tracks[part]}) >= 0.9 * len(animals)
    groups = {part: {group for _, group in tracks[part]} for part in tracks}
    assert not groups["train"] & groups["test"]
    assert not groups["validation"] & groups["test"]
    assert {key for part in tracks.values() for key, _ in part} == animals


def test_some_boxes_show_two_animals_and_say_so(world: Path) -> None:
    """A box that names another animal meets that animal's box by far more than boxes of strangers do."""
    coco = json.loads((world / "boxes.json").read_text())
    shown = defaultdict(dict)
    for a in coco["annotations"]:
        shown[a["image_id"]][a["attributes"]["identity"]] = a
    pairs = [(shown[a["image_id"]][other]["bbox"], a["bbox"]) for a in coco["annotations"]
             for other in a["attributes"]["others"] if other in shown[a["image_id"]]]
    assert 0.02 < len(pairs) / len(coco["annotations"]) < 0.5
    for (x, y, w, h), (u, v, m, n) in pairs:
        both = max(0, min(x + w, u + m) - max(x, u)) * max(0, min(y + h, v + n) - max(y, v))
        assert both > 0.2 * min(w * h, m * n)


def test_the_box_of_a_straight_animal_is_its_length_and_width() -> None:
    """Outline by hand: 100 px long and, at its widest, 40 px; heading along a row, then turned by a right angle."""
    made = make_animal(1, 1, 9)
    animal = replace(made, length_px=100.0, width_px=40.0, half=made.half / made.half.max())
    for heading, sides in ((0.0, (100, 40)), (np.pi / 2, (40, 100))):
        patch = paint(animal, Pose(300.0, 200.0, heading, 0.0, 0.0), SIZE, 0.0)
        assert patch is not None
        rows, cols = np.nonzero(patch.alpha > 0.5)
        found = (int(np.ptp(cols)) + 1, int(np.ptp(rows)) + 1)
        assert found[0] == pytest.approx(sides[0], abs=14)  # the tail reaches further than the body
        assert found[1] == pytest.approx(sides[1], abs=14)
        assert min(found) == pytest.approx(40, abs=4)


def test_the_coat_turns_with_the_animal() -> None:
    """A quarter turn of the pose is a quarter turn of the picture (light from nowhere: sun along the heading)."""
    animal = make_animal(3, 2, 9)
    first = paint(animal, Pose(300.5, 200.5, 0.0, 0.0, 0.2), SIZE, 0.0)
    second = paint(animal, Pose(300.5, 200.5, np.pi / 2, 0.0, 0.2), SIZE, np.pi / 2)
    assert first is not None
    assert second is not None
    side = min(first.alpha.shape[0], 2 * 60)
    one = (first.pixels * first.alpha[..., None])[:side, :side]
    middle = first.alpha.shape[0] // 2
    turned = np.rot90(second.pixels * second.alpha[..., None], 1)
    other = (first.pixels * first.alpha[..., None])
    room = 55
    a = other[middle - room : middle + room, middle - room : middle + room]
    centre = turned.shape[0] // 2
    errors = [np.abs(a - turned[centre - room + i : centre + room + i, centre - room + j : centre + room + j]).mean()
              for i in (-1, 0, 1) for j in (-1, 0, 1)]
    assert one.size
    assert min(errors) < 0.15 * a.mean()


def test_an_animal_outside_the_frame_is_not_painted() -> None:
    assert paint(make_animal(1, 1, 9), Pose(-300.0, 200.0, 0.0, 0.0, 0.0), SIZE, 0.0) is None


def test_flocks_share_the_frames_and_whole_recordings_show_all() -> None:
    flocks = flocks_of(1, 0, 36, 25, whole=True)
    assert sorted(row for rows, _ in flocks for row in rows) == list(range(36))
    assert sum(share for _, share in flocks) == 25
    assert max(len(rows) for rows, _ in flocks) <= 14
    some = flocks_of(1, 1, 36, 25, whole=False)
    assert sum(len(rows) for rows, _ in some) == round(0.65 * 36)
    assert Counter(share for _, share in flocks_of(1, 0, 36, 2, whole=True)) == {1: 2}


def test_same_seed_same_frames_other_seed_other_herd(world: Path) -> None:
    """The first two frames again: the same pixels and boxes, and the file's bytes with them."""
    def first(seed: int) -> list[tuple[bytes, list[Seen]]]:
        herd = [make_animal(seed, n, 16) for n in range(1, 17)]
        return [(as_jpeg(pixels), seen) for _, pixels, seen in islice(frames_of(seed, herd, 16), 2)]

    again = first(5)
    assert again[0][0] == (world / "train/recording-0-0000.jpg").read_bytes()
    assert again[1][0] == (world / "train/recording-0-0001.jpg").read_bytes()
    rows = [(row["key"], box_of(row)) for row in rows_of(world, file="train/recording-0-0000.jpg")]
    assert [(one.animal, one.box) for one in again[0][1]] == rows
    assert first(6)[0][0] != again[0][0]


def test_who_is_who_is_lost_on_hog_and_above_chance_for_colours(world: Path) -> None:
    """Animals turn, so that gradients on a grid say little; how much of a crop is how bright says something."""
    def crops(*parts: str) -> tuple[list[np.ndarray], list[str]]:
        rows = [row for row in rows_of(world) if row["part"] in parts]
        boxes = [box_of(row) for row in rows]
        images = [pixels_of(world, row)[b[1] : b[3], b[0] : b[2]] for row, b in zip(rows, boxes, strict=True)]
        return images, [row["key"] for row in rows]

    train, keys = crops("train", "validation")
    test, truth = crops("test")
    accuracy = {}
    for of in (hog_of, colours_of):
        said = nearest_centroid(of(train), keys, of(test))
        accuracy[of] = np.mean([a == b for a, b in zip(said, truth, strict=True)])
    assert accuracy[hog_of] < 0.35
    assert 2 / 16 < accuracy[colours_of] < 0.7


def colours_of(images: list[np.ndarray]) -> np.ndarray:
    """(n, 24) quantiles of each colour in the middle of a crop, in units of the crop's mean."""
    found = []
    for image in images:
        h, w = image.shape[:2]
        middle = image[h // 5 : -h // 5, w // 5 : -w // 5].reshape(-1, 3) / image.mean()
        found.append(np.quantile(middle, np.linspace(0.05, 0.95, 8), axis=0).ravel())
    return np.stack(found)


@pytest.mark.parametrize("wrong", [{"animals": 1}, {"animals": 1001}, {"frames": 8}])
def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        write_herd(tmp_path / "world", **wrong)
    assert list(tmp_path.iterdir()) == []
