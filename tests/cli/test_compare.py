"""`compare`: same or different, where the net looked, and COCO labels whose overlap is known by hand."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.recipe.reading_pairs import iou, visible
from tests.made import bars


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """Blots of two individuals with a list of them and of pairs, and a net that looks at the middle half."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("pairs")
    rows = []
    for who in (0, 3):
        for i in range(3):
            bars.save(folder / f"{who}-{i}.png", bars.blot(who, i))
            rows.append({"file": f"{who}-{i}.png", "key": f"ox-{who}", "x0": 16, "y0": 16, "x1": 48, "y1": 32})
    bars.write_list(folder / "pictures.csv", rows)
    pairs = [("0-0", "0-1", 1), ("0-1", "0-2", 1), ("3-0", "3-2", 1), ("0-0", "3-0", 0), ("0-1", "3-2", 0)]
    bars.write_list(folder / "pairs.csv", [{"a": f"{a}.png", "b": f"{b}.png", "same": same} for a, b, same in pairs])
    torch.manual_seed(0)
    settings = NetSettings(bands=("r", "g", "b"), px=32, trunk="two-convs", head="fc", hidden=(), dropout=0.0,
                           descriptor=2, space="euclidean", transformer="translation-scale", crop_scale=0.5)
    DescriptorNet(settings).save(folder / "net" / "weights.safetensors")
    return folder


@pytest.fixture
def cli(run, world, monkeypatch):
    monkeypatch.chdir(world)
    return run


def test_two_pictures(cli):
    words = ("--model", "hog", "--threshold", "0.3", "--format", "json", "--boxes", "pictures.csv")
    (same,) = json.loads(cli("compare", "0-0.png", "0-1.png", *words)[1])
    (other,) = json.loads(cli("compare", "0-0.png", "3-0.png", *words)[1])
    assert (same["verdict"], other["verdict"]) == ("same", "different")
    assert same["distance"] < 0.3 < other["distance"]
    assert same["score"] == pytest.approx(1 - same["distance"], abs=2e-6)
    assert same["region_a"] == [[0, 0], [64, 0], [64, 64], [0, 64]], "HOG looks at the whole picture"
    assert same["iou_a"] == 32 * 16 / 64**2


def test_regions_of_a_transformer_in_pixels(cli):
    """It starts at the middle half: 16..48 of 64 px; the true box is its upper half."""
    code, out, err = cli("compare", "0-0.png", "3-0.png", "--model", "net", "--threshold", "1", "--format", "json",
                         "-o", "regions.json")
    (row,) = json.loads(out)
    assert code == 0
    np.testing.assert_allclose(row["region_a"], [[16, 16], [48, 16], [48, 48], [16, 48]], atol=0.01)
    assert row["iou_b"] == pytest.approx(0.5, abs=1e-3)
    assert row["score"] == -row["distance"]
    assert "mean IoU of region and true box 0.500 (2 regions)" in err
    labels = json.loads(Path("regions.json").read_text())
    assert [image["file_name"] for image in labels["images"]] == ["0-0.png", "3-0.png"]
    assert [(image["width"], image["height"]) for image in labels["images"]] == [(64, 64)] * 2
    assert {c["id"]: c["name"] for c in labels["categories"]} == {1: "ox-0", 2: "ox-3"}
    first = labels["annotations"][0]
    assert (first["image_id"], first["category_id"], first["iscrowd"]) == (1, 1, 0)
    np.testing.assert_allclose(first["bbox"], [16, 16, 32, 32], atol=0.01)
    np.testing.assert_allclose(first["segmentation"], [[16, 16, 48, 16, 48, 48, 16, 48]], atol=0.01)
    assert (first["area"], first["iou"]) == (pytest.approx(1024, abs=0.1), pytest.approx(0.5, abs=1e-3))


def test_a_list_of_pairs_is_judged(cli):
    code, out, err = cli("compare", "--pairs", "pairs.csv", "--model", "hog", "--threshold", "0.3", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [row["verdict"] for row in rows] == ["same"] * 3 + ["different"] * 2
    assert all(row["hit"] == "True" for row in rows)
    assert "5 of 5 pairs are right (100.00%)" in err


def test_a_threshold_is_measured_and_kept(cli):
    words = ("compare", "--pairs", "pairs.csv", "--model", "net")
    code, out, err = cli(*words)
    assert (code, out) == (2, "")
    assert "No threshold is kept" in err
    code, out, err = cli(*words, "--fit", "--format", "json")
    assert code == 0
    kept = json.loads(Path("net/threshold.json").read_text())
    assert f"same up to a distance of {kept['distance']:.6g}" in err
    assert kept["accuracy"] == pytest.approx(np.mean([row["hit"] for row in json.loads(out)]))
    assert kept["accuracy"] >= 0.6, "the greatest of all thresholds is at least as good as calling all the same"
    assert cli(*words, "--format", "json")[1] == out
    Path("net/threshold.json").write_text("{}")
    code, _, err = cli(*words)
    assert (code, err.count("\n")) == (2, 1)
    assert "damaged" in err
    Path("net/threshold.json").unlink()


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(cli, tmp_path):
    bars.save(tmp_path / "a.png", bars.blot(0, 0))
    bars.save(tmp_path / "b.png", bars.blot(0, 1))
    (tmp_path / "torn.png").write_bytes((tmp_path / "a.png").read_bytes()[:300])
    bars.write_list(tmp_path / "p.csv", [{"a": "a.png", "b": b} for b in ("b.png", "torn.png", "gone.png")])
    code, out, err = cli("compare", "--pairs", tmp_path / "p.csv", "--model", "hog", "--threshold", "0.3", "--format",
                         "jsonl")
    assert code == 3
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["same"]
    assert "torn.png cannot be read" in err
    assert "There is no file" in err
    assert err.splitlines()[-1] == "error: 2 of 3 pairs were left out; see above."


@pytest.mark.parametrize(("words", "told"), [
    ("compare 0-0.png --model hog", "found 1 pictures"),
    ("compare 0-0.png 0-1.png --pairs pairs.csv --model hog", "and a list"),
    ("compare 0-0.png 0-1.png --model hog", "No threshold is kept"),
    ("compare 0-0.png 0-1.png --model net --fit", "--fit needs --pairs"),
    ("compare 0-0.png gone.png --model hog --threshold 1", "There is no file gone.png"),
    ("compare 0-0.png 0-1.png --model nowhere --threshold 1", "nowhere"),
    ("compare --pairs gone.csv --model hog --threshold 1", "gone.csv"),
    ("compare --pairs pictures.csv --model hog --threshold 1", "needs the columns a and b"),
    ("compare --pairs wrong.csv --model hog --threshold 1", "line 3: same is 'perhaps'"),
    ("compare 0-0.png 0-1.png --model hog --threshold 1 --boxes gone.csv", "gone.csv"),
])
def test_wrong_questions_are_one_sentence(cli, words, told):
    Path("wrong.csv").write_text("a,b,same\n0-0.png,0-1.png,1\n0-0.png,0-1.png,perhaps\n")
    code, out, err = cli(*words.split())
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert told in err


def test_a_label_ends_at_the_edge_of_the_picture():
    """A square of 4 around the upper left corner of 10 x 8: a quarter of it is in the picture."""
    found = visible(np.array([[-2, -2], [2, -2], [2, 2], [-2, 2]], float), (10, 8))
    assert sorted(map(tuple, found.tolist())) == [(0, 0), (0, 2), (2, 0), (2, 2)]
    inside = np.array([[1, 1], [3, 1], [3, 2], [1, 2]], float)
    assert visible(inside, (10, 8)) is inside
    nothing = np.full((4, 2), -1.0)
    assert visible(nothing, (10, 8)) is nothing


def test_overlap_of_regions_by_hand():
    """A unit square turned by 45 degrees about the middle of another one: the octagon has the area 2 (sqrt 2 - 1)."""
    square = np.array([0, 0, 1, 1], float)
    angles = np.radians([0, 90, 180, 270])
    turned = 0.5 + np.sqrt(0.5) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    common = 2 * (np.sqrt(2) - 1)
    assert iou(turned, square) == pytest.approx(common / (2 - common))
    assert iou(np.array([[2, 2], [3, 2], [3, 3], [2, 3]], float), square) == 0
