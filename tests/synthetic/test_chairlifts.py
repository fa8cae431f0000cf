"""Chairlifts: the numbers of the paper, masks that are where the bar is, pictures that are hard but not hopeless."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from georetrieval.errors import UsageError
from georetrieval.synthetic.chairlifts import counts, write_chairlifts
from georetrieval.synthetic.chairlifts_masks import draw_mask
from georetrieval.synthetic.chairlifts_model import Camera, make_lift
from georetrieval.synthetic.chairlifts_places import make_day
from georetrieval.synthetic.chairlifts_scene import draw_frame
from tests.synthetic.lists import fingerprints, hog_of, nearest_centroid, pixels_of, rows_of

SMALL = {"seed": 2, "lifts": 3, "images_share": 0.06}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chairlifts") / "world"
    write_chairlifts(folder, **SMALL)
    return folder


def test_counts_are_those_of_table_1() -> None:
    """The table's own last row, and two lifts copied by hand.

    The table's total of validation close is 879, but its twenty rows are 100 pictures each and sum to 816.
    """
    total = Counter[tuple[str, str]]()
    lift = {}
    for want in counts():
        total[want.part, want.state] += want.count
        lift[want.number, want.part, want.state] = want.count
    assert (total["train", "open"], total["train", "close"]) == (1184, 816)
    assert (total["validation", "open"], total["validation", "close"]) == (1184, 816)
    assert (total["test", "open"], total["test", "close"]) == (8123, 5732)
    assert [lift[7, part, state] for part in ("train", "validation", "test") for state in ("open", "close")] == [
        91, 9, 95, 5, 722, 89]
    assert [lift[19, "test", state] for state in ("open", "close")] == [67, 422]
    assert all(lift[n, "train", "open"] + lift[n, "train", "close"] == 100 for n in range(1, 21))


def test_counts_of_the_large_set_are_those_of_table_3() -> None:
    large = {(w.number, w.part, w.state): w.count for w in counts(large=True)}
    assert sum(count for (_, part, state), count in large.items() if (part, state) == ("train", "open")) == 22161
    assert sum(count for (_, part, state), count in large.items() if (part, state) == ("train", "close")) == 14439
    assert (large[10, "train", "open"], large[17, "train", "close"]) == (2445, 123)
    small = {(w.number, w.part, w.state): w.count for w in counts()}
    assert all(large[key] == count for key, count in small.items() if key[1] != "train")


def test_the_list_holds_what_was_counted_and_every_file_is_there(world: Path) -> None:
    rows = rows_of(world, role="image")
    found = Counter((row["scope"], row["part"], row["key"]) for row in rows)
    assert found == {(f"S{w.number}", w.part, w.state): w.count for w in counts(lifts=3, images_share=0.06)}
    assert all(pixels_of(world, row).shape == (200, 200, 3) for row in rows)
    assert len({row["file"] for row in rows}) == len(rows)


def test_a_passage_has_three_frames_of_one_part_and_one_state(world: Path) -> None:
    passages: dict[str, list[tuple[str, ...]]] = {}
    for row in rows_of(world, role="image"):
        passages.setdefault(row["group"], []).append((row["scope"], row["part"], row["key"]))
    assert all(len(set(kinds)) == 1 for kinds in passages.values())
    assert max(map(len, passages.values())) == 3


def test_masks_are_binary_differ_and_lie_beside_their_polygons(world: Path) -> None:
    masks = {(row["scope"], row["key"]): (row, pixels_of(world, row)) for row in rows_of(world, role="mask")}
    assert set(masks) == {(f"S{n}", state) for n in (1, 2, 3) for state in ("open", "close")}
    for (scope, state), (row, mask) in masks.items():
        assert mask.shape == (200, 200)
        assert set(np.unique(mask)) == {0, 255}
        assert 100 < (mask > 0).sum() < 0.15 * mask.size
        other = masks[scope, "close" if state == "open" else "open"][1]
        assert ((mask > 0) & (other > 0)).sum() < 0.35 * (mask > 0).sum()
        drawn = Image.new("L", (200, 200))
        note = json.loads((world / row["file"]).with_suffix(".json").read_text())
        for shape in note["shapes"]:
            assert (shape["shape_type"], shape["label"]) == ("polygon", state)
            ImageDraw.Draw(drawn).polygon([tuple(point) for point in shape["points"]], fill=255)
        assert np.array_equal(np.asarray(drawn), mask)


def test_all_masks_of_a_world_lie_within_the_picture() -> None:
    for number in range(1, 21):
        lift = make_lift(1, number)
        points = np.concatenate([*lift.seen_bar("open"), *lift.seen_bar("close")])
        assert points.min() > -12
        assert points.max() < 212
        assert len({draw_mask(lift, state).tobytes() for state in ("open", "close")}) == 2


def test_the_camera_sees_what_geometry_says() -> None:
    """Face to face, level: x to the right, z up, and what is nearer is larger, as (9 - 0) / (9 - 1)."""
    camera = Camera(yaw=0, pitch=0, roll=0, scale=50, middle=(100, 100))
    seen, depth = camera.see(np.array([(0, 0.25, 0.5), (1, 0.25, 0.5), (0, 0.25, 1.5), (1, 1.25, 0.5)]))
    assert np.allclose(seen[:3], [(100, 100), (150, 100), (100, 50)])
    assert np.allclose(seen[3], (100 + 50 * 9 / 8, 100))
    assert np.allclose(depth, (9, 9, 9, 8))
    side = Camera(yaw=np.pi / 2, pitch=0, roll=0, scale=50, middle=(100, 100))
    assert np.allclose(side.see(np.array([(0, 0.75, 0.5)]))[0], [(125, 100)])
    above = Camera(yaw=0, pitch=np.pi / 2, roll=0, scale=50, middle=(100, 100))
    assert np.allclose(above.see(np.array([(0, 0.75, 0.5)]))[0], [(100, 125)])


def test_the_open_bar_is_higher_and_the_arms_keep_their_length() -> None:
    for number in range(1, 21):
        lift = make_lift(1, number)
        low, high = lift.bar("close")[0], lift.bar("open")[0]
        assert high[2:4, 2].min() > low[2:4, 2].max() + 0.3
        for tube in (low, high):
            reach = np.hypot(tube[2, 1] - lift.pivot[0], tube[2, 2] - lift.pivot[1])
            assert reach == pytest.approx(lift.arm_m)


def test_the_bar_is_where_its_mask_is() -> None:
    """Two frames that differ in the bar alone (its colour) differ within the mask, given some room for the jitter."""
    for number in (1, 5, 9):
        lift = make_lift(2, number)
        day = replace(make_day(2, lift, 0), veil=0.0, flakes=0, noise=0.0, blur_px=0.3)
        near = Image.fromarray(draw_mask(lift, "open")).filter(ImageFilter.MaxFilter(15))
        frames = []
        for shade in (0.0, 255.0):
            paint = lift.paint.copy()
            paint[1] = shade
            frames.append(draw_frame(2, replace(lift, paint=paint), "open", day, "test", 1).astype(int))
        changed = np.abs(frames[0] - frames[1]).max(2) > 20
        assert changed.sum() > 60
        assert (changed & (np.asarray(near) > 0)).sum() > 0.97 * changed.sum()


def test_same_seed_same_bytes_other_seed_other_lifts(world: Path, tmp_path: Path) -> None:
    write_chairlifts(tmp_path / "again", **{**SMALL, "lifts": 1})
    again, first = fingerprints(tmp_path / "again"), fingerprints(world)
    files = {name for name in again if name.startswith("S1/")}
    assert len(files) > 30
    assert all(again[name] == first[name] for name in files)
    write_chairlifts(tmp_path / "other", seed=3, lifts=1, images_share=0.01)
    assert fingerprints(tmp_path / "other")["S1/open.png"] != first["S1/open.png"]


def test_hard_for_hog_and_nearest_centroid_over_all_lifts() -> None:
    """Forty pictures each of ten lifts, half of them new passages: above chance (.5), far below solved."""
    images: dict[str, list[np.ndarray]] = {"train": [], "test": []}
    keys: dict[str, list[str]] = {"train": [], "test": []}
    for number in range(1, 11):
        lift = make_lift(1, number)
        day = make_day(1, lift, 0)
        for part in images:
            for state in ("open", "close"):
                for n in range(6):
                    images[part].append(draw_frame(1, lift, state, day, f"{part}-{state}-{n}", n % 3))
                    keys[part].append(state)
    said = nearest_centroid(hog_of(images["train"]), keys["train"], hog_of(images["test"]))
    accuracy = float(np.mean([a == b for a, b in zip(said, keys["test"], strict=True)]))
    assert 0.5 < accuracy < 0.85


@pytest.mark.parametrize("wrong", [{"lifts": 0}, {"lifts": 21}, {"images_share": 0.0}, {"images_share": 1.5}])
def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        write_chairlifts(tmp_path / "world", **wrong)
    assert list(tmp_path.iterdir()) == []
