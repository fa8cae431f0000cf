"""Pictures in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.samples.images import ImageSamples


def picture(path: Path, colour: tuple[int, int, int], size: tuple[int, int] = (40, 30)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def test_a_folder_is_searched_whole_and_sorted(tmp_path: Path) -> None:
    picture(tmp_path / "b" / "two.png", (0, 255, 0))
    picture(tmp_path / "a" / "one.PNG", (255, 0, 0), (7, 90))
    (tmp_path / "notes.txt").write_text("no picture")
    found = ImageSamples([tmp_path], px=16)
    assert found.names == found.keys == ["one", "two"]
    assert found.batch([1, 0])[:, :, 3, 3].tolist() == [[0, 1, 0], [1, 0, 0]]


def test_same_names_in_two_folders_stay_apart(tmp_path: Path) -> None:
    picture(tmp_path / "a" / "one.png", (0, 0, 0))
    picture(tmp_path / "b" / "one.png", (0, 0, 0))
    assert len(set(ImageSamples([tmp_path], px=8).names)) == 2


def test_jpeg_is_reduced_to_the_right_size_and_colour(tmp_path: Path) -> None:
    path = picture(tmp_path / "big.jpg", (200, 100, 50), (1200, 900))
    pixels = ImageSamples([path], px=32)[0].pixels
    assert pixels.shape == (3, 32, 32)
    assert np.allclose(pixels.mean(axis=(1, 2)) * 255, (200, 100, 50), atol=3)


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n"])
def test_damaged_pictures(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(InputError, match="bad.png"):
        ImageSamples([tmp_path / "bad.png"], px=8).batch([0])


def test_missing_and_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        ImageSamples([tmp_path / "nowhere"], px=8)
    with pytest.raises(InputError, match="holds no picture"):
        ImageSamples([tmp_path], px=8)
    with pytest.raises(InputError, match="2 keys"):
        ImageSamples([picture(tmp_path / "a.png", (0, 0, 0))], px=8, keys=["a", "b"])
