"""Lists of pictures: what is read is what was written, and what makes no sense is one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.samples.listing import Listing


def picture(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def plain(path: Path, colour: tuple[int, int, int], size: int = 8) -> Path:
    return picture(path, np.broadcast_to(np.array(colour), (size, size, 3)))


def listed(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "pictures.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def two(tmp_path: Path) -> Path:
    plain(tmp_path / "in" / "a.png", (255, 0, 0))
    plain(tmp_path / "in" / "b.png", (0, 0, 255))
    return tmp_path


def test_columns_that_are_left_out_have_their_defaults(two: Path) -> None:
    found = Listing.read(listed(two, "key,file\nopen,in/a.png\nclose,in/b.png\n"))
    assert found.files.tolist() == found.names == ["in/a.png", "in/b.png"]
    assert found.keys.tolist() == ["open", "close"]
    assert found.scopes.tolist() == found.parts.tolist() == found.groups.tolist() == ["", ""]
    assert found.roles.tolist() == ["image", "image"]
    assert np.isnan(found.boxes).all()
    assert not found.boxed.any()


def test_what_is_written_is_read_again_from_another_folder_too(two: Path) -> None:
    text = ("file,key,scope,role,part,group,x0,y0,x1,y1\n"
            "in/a.png,one,lift 3,image,train,t0,1,2,3.5,4\nin/a.png,two,,mask,,,,,,\n"
            "in/b.png,\"é, \"\"x\"\"\",,image,gallery,t9,0,0,8,8\n")
    first = Listing.read(listed(two, text))
    for target in (two / "again.csv", two / "other" / "deep"):
        target.parent.mkdir(exist_ok=True)
        again = Listing.read(first.write(target))
        for name in ("keys", "scopes", "roles", "parts", "groups"):
            assert getattr(again, name).tolist() == getattr(first, name).tolist()
        assert np.array_equal(again.boxes, first.boxes, equal_nan=True)
        assert [path.resolve() for path in again.paths] == [path.resolve() for path in first.paths]
    assert first.names == ["in/a.png#1,2,3.5,4", "in/a.png#nan,nan,nan,nan", "in/b.png"]


def test_sub_folders_are_keys_and_a_pattern_finds_the_groups(tmp_path: Path) -> None:
    for name in ("007/t1_2.jpg", "007/t0_1.jpg", "008/x.png", ".hidden/t9_9.png"):
        plain(tmp_path / name, (9, 9, 9))
    found = Listing.read(tmp_path, group=r"^(t\d+)_")
    assert found.files.tolist() == ["007/t0_1.jpg", "007/t1_2.jpg", "008/x.png"]
    assert found.keys.tolist() == ["007", "007", "008"]
    assert found.groups.tolist() == ["t0", "t1", ""]


def test_rows_are_taken_by_mask_and_by_position(two: Path) -> None:
    whole = Listing.read(listed(two, "file,key\nin/a.png,a\nin/b.png,b\n"))
    assert whole.take(whole.keys == "b").files.tolist() == ["in/b.png"]
    assert whole.take([1, 0]).keys.tolist() == ["b", "a"]
    assert len(whole.take([])) == 0


def test_photographs_masks_and_boxes_become_pixels(tmp_path: Path) -> None:
    photo = np.zeros((8, 8, 3))
    photo[2:6, 4:8] = 200, 100, 50
    picture(tmp_path / "photo.png", photo)
    mask = np.zeros((4, 4))
    mask[0, 0], mask[0, 1], mask[3, 3] = 127, 128, 255
    picture(tmp_path / "mask.png", mask)
    text = "file,key,role,x0,y0,x1,y1\nphoto.png,p,image,4,2,8,6\nmask.png,m,mask,,,,\n"
    found = Listing.read(listed(tmp_path, text))
    cut = found.samples(4, crop=True)
    assert np.allclose(cut.batch([0])[0] * 255, np.array([200, 100, 50])[:, None, None], atol=0.01)
    assert cut[1].pixels[:, 0].tolist() == [[0, 1, 0, 0]] * 3  # 127 is below the half, 128 is not
    assert cut[1].pixels[:, 3].tolist() == [[0, 0, 0, 1]] * 3
    whole = found.samples(8, ("grey",))
    assert whole.batch([0, 1]).shape == (2, 1, 8, 8)
    assert whole[0].pixels[0, 0, 0] == 0  # not cut
    assert (cut.keys, cut.names, cut.scopes) == (["p", "m"], ["photo.png", "mask.png"], ["", ""])
    assert cut.batch([]).shape == (0, 3, 4, 4)


def test_kept_pixels_are_those_of_the_file(two: Path) -> None:
    found = Listing.read(listed(two, "file,key\nin/a.png,a\nin/b.png,b\n"))
    kept, fresh = found.samples(8, keep=True), found.samples(8)
    assert np.array_equal(kept.batch([1, 0, 1]), fresh.batch([1, 0, 1]))
    (two / "in" / "a.png").unlink()
    assert np.array_equal(kept.batch([0]), np.broadcast_to(np.array([1, 0, 0])[:, None, None], (1, 3, 8, 8)))
    with pytest.raises(InputError, match=r"a\.png"):
        fresh.batch([0])


@pytest.mark.parametrize(("text", "said"), [
    ("key\na\n", "no column 'file'"),
    ("file,name\nin/a.png,a\n", "no column 'key' among file, name"),
    ("", "no column 'file'"),
    ("file,key\n", "lists no pictures"),
    ("file,key\nin/a.png,a\nin/c.png,c\n", r"line 3: the file in/c\.png is not there"),
    ("file,key,role\nin/a.png,a,video\n", "role 'video' is unknown; give one of image, mask"),
    ("file,key,part\nin/a.png,a,trian\n", "part 'trian' is unknown"),
    ("file,key\nin/a.png,a\nin/a.png,b\n", "twice without a box"),
    ("file,key,x0,y0,x1,y1\nin/a.png,a,1,2,3,\n", "box of in/a.png is not"),
    ("file,key,x0,y0,x1,y1\nin/a.png,a,3,2,1,4\n", "box of in/a.png is not"),
    ("file,key,x0,y0,x1,y1\nin/a.png,a,3,2,x,4\n", "line 2 has a box that is not four numbers"),
])
def test_lists_that_make_no_sense(two: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        Listing.read(listed(two, text))
    assert "pictures.csv" in str(error.value)


def test_places_without_a_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        Listing.read(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no picture"):
        Listing.read(tmp_path)
    plain(tmp_path / "a.png", (0, 0, 0))
    with pytest.raises(InputError, match="holds neither"):
        Listing.read(tmp_path)
    (tmp_path / "list.csv").write_bytes(b"\xff\xfe\x00file")
    with pytest.raises(InputError, match="cannot be read as a list"):
        Listing.read(tmp_path / "list.csv")
    plain(tmp_path / "k" / "a.png", (0, 0, 0))
    with pytest.raises(InputError, match="no regular expression"):
        Listing.read(tmp_path, group="(")


def test_a_box_outside_its_picture(two: Path) -> None:
    found = Listing.read(listed(two, "file,key,x0,y0,x1,y1\nin/a.png,a,9,9,12,12\n"))
    with pytest.raises(InputError, match="lies outside"):
        found.samples(8, crop=True).batch([0])


def test_paths_are_put_together_once() -> None:
    """Asked for row by row, a list of 16,000 pictures took minutes."""
    listing = Listing(Path("x"), np.array(["a.png", "b.png"]), *(np.array(["", ""]),) * 2, np.array(["image"] * 2),
                      *(np.array(["", ""]),) * 2, boxes=np.full((2, 4), np.nan))
    assert listing.paths == [Path("x/a.png"), Path("x/b.png")]
    assert listing.paths is listing.paths
