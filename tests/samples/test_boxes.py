"""COCO files of boxes: what is read, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.samples.boxes import BoxedPictures, whole_picture


def coco(folder: Path, **changed: Any) -> Path:
    """Two pictures of 40 x 30, the second without a box; ids that are neither in order nor without gaps."""
    values: dict[str, Any] = {
        "images": [{"id": 7, "file_name": "b.png", "width": 40, "height": 30},
                   {"id": 3, "file_name": "sub/a.png", "width": 40, "height": 30}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 5, "bbox": [1, 2, 10, 20]},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [30, 20, 20, 20], "identity": "x", "iscrowd": 0},
            {"id": 3, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5, 5], "iscrowd": 1},
        ],
        "categories": [{"id": 5, "name": "calf"}, {"id": 2, "name": "ox"}],
    }
    (folder / "sub").mkdir(exist_ok=True)
    for number, name in enumerate(("b.png", "sub/a.png")):
        Image.new("RGB", (40, 30), (number, 100, 200)).save(folder / name)
    (folder / "boxes.json").write_text(json.dumps(values | changed))
    return folder / "boxes.json"


def test_boxes_are_corners_inside_the_picture(tmp_path: Path) -> None:
    found = BoxedPictures.read(coco(tmp_path))
    assert found.files == ("b.png", "sub/a.png")
    assert found.labels == ("ox", "calf"), "in the order of the ids"
    assert found.boxes[0].tolist() == [[1, 2, 11, 22], [30, 20, 40, 30]]
    assert found.numbers[0].tolist() == [1, 0]
    assert found.boxes[1].shape == (0, 4)
    assert found.picture(1)[:, 0, 0].tolist() == [1, 100, 200]
    assert found.picture(0).shape == (3, 30, 40)


def test_the_usual_area_is_a_share_of_the_picture(tmp_path: Path) -> None:
    """200 and 100 square pixels of 1200: the median is 150."""
    found = BoxedPictures.read(coco(tmp_path))
    assert found.usual_area() == pytest.approx(150 / 1200)
    rest = found.take([1])
    assert rest.files == ("sub/a.png",)
    assert rest.usual_area() is None


def test_parts_of_a_file_that_names_them(tmp_path: Path) -> None:
    images = [{"id": 7, "file_name": "b.png", "width": 40, "height": 30, "part": "test"},
              {"id": 3, "file_name": "sub/a.png", "width": 40, "height": 30}]
    found = BoxedPictures.read(coco(tmp_path, images=images))
    assert found.parts == ("test", "")
    assert found.part("test").files == ("b.png",)
    with pytest.raises(InputError, match="'train'.*none named, test"):
        found.part("train")


@pytest.mark.parametrize(("changed", "match"), [
    ({"categories": []}, "no COCO file"),
    ({"images": []}, "no picture|no COCO"),
    ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3]}]}, "no COCO file"),
    ({"annotations": [{"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4]}]}, "no COCO file"),
    ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [5, 5, 0, 4]}]}, "no area"),
    ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": [50, 5, 4, 4]}]}, "no area"),
    ({"annotations": [{"image_id": 7, "category_id": 2, "bbox": ["nan", 5, 4, 4]}]}, "no area"),
    ({"images": [{"id": 7, "file_name": "gone.png", "width": 40, "height": 30}], "annotations": []}, "gone.png"),
])
def test_what_is_no_coco_file_is_said(tmp_path: Path, changed: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        BoxedPictures.read(coco(tmp_path, **changed))


@pytest.mark.parametrize("content", ["", "[]", "{", "\xff"])
def test_files_of_other_kinds(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError):
        BoxedPictures.read(tmp_path / "x.json")
    with pytest.raises(InputError, match="nowhere"):
        BoxedPictures.read(tmp_path / "nowhere.json")


def test_damaged_and_other_pictures(tmp_path: Path) -> None:
    found = BoxedPictures.read(coco(tmp_path))
    Image.fromarray(np.zeros((10, 10, 3), dtype=np.uint8)).save(tmp_path / "b.png")
    with pytest.raises(InputError, match="10 x 10"):
        found.picture(0)
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        whole_picture(tmp_path / "b.png")
