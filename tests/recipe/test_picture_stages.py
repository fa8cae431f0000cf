"""Whole recipes of pictures on tiny lists: each kind of lessons, skipped when nothing changed, resumed, summed up."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import yaml

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.many import Many
from georetrieval.recipe.models import WEIGHTS
from georetrieval.recipe.picture_pairs import ious
from georetrieval.recipe.picture_stages import PictureRun
from georetrieval.recipe.runs import run_of
from georetrieval.search.store import IndexStore
from tests.made.interruption import CtrlC
from tests.made.pictures import write_parts, write_tracks

torch.set_num_threads(1)
EYE = {"bands": ["r", "g", "b"], "trunk": "two-convs", "normalise": "none", "head": "fc", "hidden": [8],
       "dropout": 0.0, "descriptor": 4, "space": "euclidean"}
LEARN = {"objective": "contrastive", "epochs": 8, "rate_trunk": 0.001, "rate_new": 0.001, "rate_fusion": 0.0,
         "precision": "fp32", "mining": None}
CLASSES = LEARN | {"objective": "cross-entropy", "lessons": {"kind": "classes", "batch": 8}}


def written(folder: Path, **values: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tiny.yaml").write_text(yaml.safe_dump({"name": "tiny", "eye": EYE, **values}))
    return folder / "tiny.yaml"


def masks(folder: Path, **values: Any) -> Path:
    source = write_parts(folder / "pictures", ("a", "b", "c"))
    return written(folder, **{
        "pictures": {"source": str(source), "px": 16}, "classifier": CLASSES,
        "learn": LEARN | {"lessons": {"kind": "masks", "batch": 8}}} | values)


def keyed(folder: Path, **values: Any) -> Path:
    source = write_tracks(folder / "pictures", ("red", "green", "blue", "white", "black"))
    pictures = {"source": str(source), "px": 16, "group": r"^(t\d+)_", "split": {"by": "key", "unseen": 2}}
    return written(folder, **{
        "pictures": pictures, "index": {"rows": "mean"},
        "learn": LEARN | {"objective": "triplet", "margin": 0.5, "lessons": {"kind": "keys", "batch": 9, "each": 3}}
    } | values)


def paired(folder: Path, **values: Any) -> Path:
    source = write_parts(folder / "pictures", ("",), keys=("red", "green", "blue"), masks=False)
    return written(folder, **{
        "pictures": {"source": str(source), "px": 16}, "index": {"rows": "none"}, "evaluate": {"pairs": 60},
        "eye": EYE | {"transformer": "translation-scale", "crop_px": 10},
        "learn": LEARN | {"lessons": {"kind": "pairs", "batch": 8},
                          "phases": [{"train": ["transformer"]}, {"epochs": 2, "train": "all"}]}} | values)


def run(path: Path, out: Path, *settings: str, **more: Any) -> PictureRun:
    made = run_of(load_recipe(path, settings), out, **more)
    assert isinstance(made, PictureRun)
    return made


def test_masks_are_nearer_when_they_are_right(tmp_path: Path) -> None:
    """Three scopes: a line for each and their mean, for the baselines, the classifier and the trained net."""
    one = run(masks(tmp_path, classifiers=[{"name": "flat", "eye": EYE | {"hidden": [], "bands": ["grey"]}}]),
              tmp_path / "run")
    rows = one.to()
    assert [row["part"] for row in rows if row["descriptor"] == "trained"] == [
        "test: a", "test: b", "test: c", "test: mean of scopes"]
    means = {row["descriptor"]: row["accuracy"] for row in rows if row["part"].endswith("mean of scopes")}
    assert list(means) == ["hog", "untrained", "classifier", "flat", "trained"]
    assert means["flat"] >= 0.8
    assert means["trained"] >= 0.9
    assert means["classifier"] >= 0.9
    assert means["untrained"] < 0.9
    store = IndexStore.open(one.index)
    assert sorted(store.load()[0].keys.tolist()) == ["green"] * 3 + ["red"] * 3
    assert (one.out / "results.md").read_text().splitlines()[0].startswith("| part | hog | untrained | classifier")


def test_a_done_run_is_not_done_again_and_a_change_is(tmp_path: Path) -> None:
    path = masks(tmp_path, classifier=None, learn=LEARN | {"epochs": 1, "lessons": {"kind": "masks", "batch": 8}})
    run(path, tmp_path / "run").to()
    again = run(path, tmp_path / "run")
    assert [again.stager(again._stage(name))["state"] for name in ("train", "index", "evaluate")] == ["as before"] * 3
    other = run(path, tmp_path / "run", "evaluate.baselines=[]")
    states = [other.stager(other._stage(name))["state"] for name in ("train", "index", "evaluate")]
    assert states == ["as before", "as before", "done"]
    before = other._stage("train").inputs
    (tmp_path / "pictures" / "a" / "red-train-0.png").write_bytes(b"changed, and of another size")
    assert run(path, tmp_path / "run")._stage("train").inputs != before


def test_keys_that_were_never_seen_and_strangers(tmp_path: Path) -> None:
    one = run(keyed(tmp_path), tmp_path / "run")
    rows = one.to()
    trained = [row for row in rows if row["descriptor"] == "trained"]
    assert len(trained) == 3 * 3
    assert {row["part"] for row in trained} == {"unseen keys", "unseen keys among all", "seen keys"}
    by = {(row["part"], row["gallery"]): row for row in trained}
    assert by["seen keys", "mean"]["rows"] == 3
    assert by["unseen keys among all", "mean"]["rows"] == 5
    assert by["seen keys", "each"]["rows"] == 3 * 9
    assert by["seen keys", "mean"]["accuracy"] >= 0.9
    assert by["unseen keys", "mean"]["accuracy"] >= 0.9
    assert 0 <= by["seen keys", "mean"]["auroc_unknown"] <= 1
    assert by["unseen keys", "mean"]["auroc_unknown"] is None
    with (one.out / "keys.csv").open(encoding="utf-8") as file:
        keys = [line for line in csv.DictReader(file)
                if (line["descriptor"], line["part"], line["gallery"]) == ("trained", "seen keys", "mean")]
    assert len(keys) == 3
    assert np.mean([float(line["f1"]) for line in keys]) == pytest.approx(by["seen keys", "mean"]["f1"], abs=1e-4)
    assert len(IndexStore.open(one.index).load()[0].keys) == 5


def test_pairs_are_judged_by_the_distance_of_the_validation_part(tmp_path: Path) -> None:
    one = run(paired(tmp_path), tmp_path / "run")
    rows = one.to()
    assert [row["descriptor"] for row in rows] == ["hog", "untrained", "trained"]
    trained = rows[-1]
    assert trained["accuracy"] >= 0.9
    assert trained["queries"] == 60
    assert 0 < trained["mean_iou"] <= 1
    assert rows[0]["mean_iou"] is None
    kept = json.loads((one.model / "threshold.json").read_text())
    assert kept["distance"] == pytest.approx(trained["threshold"], abs=1e-6)


def test_a_classifier_alone(tmp_path: Path) -> None:
    path = masks(tmp_path, classifier=None, learn=CLASSES, index={"rows": "none"}, evaluate={"baselines": []})
    rows = run(path, tmp_path / "run").to()
    assert {row["gallery"] for row in rows} == {"classes"}
    assert rows[-1]["accuracy"] >= 0.9


def test_other_classifiers_whose_weights_cannot_be_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything before them is done and kept; without them the run goes on from there."""
    def offline(*words: Any, pretrained: bool = False, **more: Any) -> Any:
        if pretrained:
            raise OSError("no network")
        return made(*words, **more)

    made = timm.create_model
    monkeypatch.setattr(timm, "create_model", offline)
    large = {"name": "large", "eye": EYE | {"trunk": "resnet10t", "head": "pool", "weights": "hub"}}
    path = masks(tmp_path, learn=LEARN | {"epochs": 1, "lessons": {"kind": "masks", "batch": 8}}, classifier=None,
                 classifiers=[large | {"learn": CLASSES}])
    with pytest.raises(InputError, match="weights of 'resnet10t' could not be fetched"):
        run(path, tmp_path / "run").to()
    one = run(path, tmp_path / "run", "classifiers=[]")
    assert one.stager(one._stage("train"))["state"] == "as before"
    assert [row["stage"] for row in run(path, tmp_path / "other").plan()] == [
        "train", "classifier large", "index", "evaluate"]


def test_intersection_over_union_by_hand() -> None:
    """A square on itself; moved by half a side: 1/3; turned by 45 degrees: an octagon 2 (sqrt 2 - 1)."""
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], float)
    turned = (square - 0.5) @ np.array([[1, 1], [-1, 1]]) / np.sqrt(2) + 0.5
    corners = np.stack([square, square + np.array([0.5, 0]), turned, square + 5])
    both = 2 * (np.sqrt(2) - 1)
    found = ious(corners, np.tile([0.0, 0.0, 1.0, 1.0], (4, 1)))
    assert found.tolist() == pytest.approx([1, 1 / 3, both / (2 - both), 0])


def test_an_interrupted_training_goes_on(tmp_path: Path) -> None:
    path = paired(tmp_path)

    whole = run(path, tmp_path / "whole").to()
    with pytest.raises(KeyboardInterrupt):
        run(path, tmp_path / "parts", progress=CtrlC(8)).to()
    parts = run(path, tmp_path / "parts")
    assert parts.to() == whole
    assert parts.stager.going_on


def test_seeds_make_one_table_of_accuracies(tmp_path: Path) -> None:
    recipe = load_recipe(paired(tmp_path), ["learn.epochs=1"])
    many = Many([recipe], [1, 2], tmp_path / "runs")
    rows = many.to()
    many.require_all()
    assert [row["descriptor"] for row in rows] == ["hog", "untrained", "trained"]
    last = rows[-1]
    assert last["accuracy"] == pytest.approx((last["seed_1"] + last["seed_2"]) / 2, abs=1e-4)
    assert last["spread"] == pytest.approx(abs(last["seed_1"] - last["seed_2"]), abs=1e-4)


def test_what_there_is_to_do(tmp_path: Path) -> None:
    one = run(masks(tmp_path), tmp_path / "run")
    assert [row["stage"] for row in one.plan()] == ["train", "classifier", "index", "evaluate"]
    with pytest.raises(UsageError, match="no stage 'tiles'"):
        one.to("tiles")
    with pytest.raises(UsageError, match="asks for no worlds"):
        one.to("worlds")


def test_a_plan_counts_the_pictures_or_says_that_there_are_none(tmp_path: Path) -> None:
    path = masks(tmp_path)
    plan = {row["stage"]: row["plan"] for row in run(path, tmp_path / "run").plan()}
    assert "24 pictures of 2 keys" in plan["train"], "three scopes, two keys, four pictures of the train part each"
    assert not (tmp_path / "run").exists()
    (tmp_path / "nothing").mkdir()
    for source, told in (("nothing", "holds no picture"), ("nowhere", "nowhere does not exist")):
        with pytest.raises(InputError, match=told):
            run(path, tmp_path / "run", f"pictures.source={tmp_path / source}").plan()
    besides = f"pictures.also=[{{kind: herd-crops, folder: {tmp_path / 'worlds'}}}]"
    assert "24 pictures of 2 keys and made-up ones" in run(path, tmp_path / "run", besides).plan()[1]["plan"]
    with pytest.raises(InputError, match="nowhere does not exist"):
        run(path, tmp_path / "run", besides, "pictures.source=nowhere").to()
    assert not (tmp_path / "worlds").exists(), "no world is written for a list that is not there"
    made_up = written(tmp_path / "later", pictures={"world": {"kind": "digits"}},
                      learn=LEARN | {"lessons": {"kind": "pairs"}})
    assert run(made_up, tmp_path / "run").plan()[0]["plan"].startswith("to write"), "a world may be written later"


def test_a_run_without_figures_and_then_with(tmp_path: Path) -> None:
    """The evaluation is done once without figures; the run that wants them gets those of its own evaluation."""
    path = masks(tmp_path, classifier=None, learn=LEARN | {"epochs": 1, "lessons": {"kind": "masks", "batch": 8}})
    drawn = []

    def artist(one: PictureRun, _: object, rows: list[dict[str, Any]]) -> None:
        drawn.append((one.out, len(rows)))

    rows = run(path, tmp_path / "run").to("evaluate")
    assert run(path, tmp_path / "run", draw_pictures=artist).to("report") == rows
    assert drawn == [(tmp_path / "run", len(rows))]
    for last, with_figures in (("report", artist), ("evaluate", None), ("report", artist)):
        run(path, tmp_path / "run", draw_pictures=with_figures).to(last)
    assert len(drawn) == 1, "they are there"
    fewer = run(path, tmp_path / "run", "evaluate.baselines=[]").to("evaluate")
    run(path, tmp_path / "run", "evaluate.baselines=[]", draw_pictures=artist).to("report")
    assert drawn[1:] == [(tmp_path / "run", len(fewer))], "the figures were of another evaluation"


@pytest.mark.parametrize(("values", "said"), [
    ({"tiles": {"px": 64}}, "says both tiles and pictures"),
    ({"learn": LEARN}, "learn.lessons says what batches"),
    ({"learn": LEARN | {"objective": "triplet", "lessons": {"kind": "pairs"}}}, "choose contrastive, bce"),
    ({"learn": LEARN | {"lessons": {"kind": "twins"}}}, "lessons.kind"),
    ({"learn": LEARN | {"lessons": {"kind": "pairs"}, "phases": [{"train": ["nose"]}]}}, "learn.phases.0.train"),
    ({"eye": EYE | {"bands": ["r", "sr"]}}, "eye.bands names sr"),
    ({"pictures": {"px": 16}}, "exactly one of world and source"),
    ({"pictures": {"world": {"kind": "unicorns"}}}, "'unicorns' is unknown"),
    ({"pictures": {"world": {"kind": "digits", "options": {"size": 3}}}}, "has no option 'size'; it takes"),
    ({"pictures": {"source": "x", "split": {"by": "key"}}}, "unseen says how many"),
    ({"pictures": {"source": "x", "pix": 3}}, "did you mean px"),
    ({"classifiers": [{"name": "hog", "eye": EYE, "learn": CLASSES}]}, "names of their own, found hog"),
    ({"classifiers": [{"name": "other", "eye": EYE}]}, "other needs learn.lessons.kind: classes"),
    ({"classifier": LEARN | {"lessons": {"kind": "pairs"}}}, "classifier.lessons.kind has to be classes"),
])
def test_recipes_that_make_no_sense(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_recipe(paired(tmp_path, **values))


def test_tiles_have_no_lessons(tmp_path: Path) -> None:
    tiles = {"tiles": {"worlds": [{"scope": "91", "seed": 1}]}, "split": {"train": {}, "test": {}}, "eye": {}}
    for learn, said in (({"lessons": {"kind": "pairs"}}, "lessons is for pictures"),
                        ({"objective": "triplet"}, "takes labelled pictures")):
        with pytest.raises(UsageError, match=said):
            load_recipe(written(tmp_path, **tiles, learn=learn))


HERD = {"kind": "herd-crops", "options": {"animals": 8, "pictures": 3, "px": 32}}


def test_regions_first_then_keys_along_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transformer of the second run is that of the first, and its training has the made-up animals besides."""
    monkeypatch.chdir(tmp_path)
    eye = EYE | {"transformer": "axis", "crop_px": 16, "space": "cosine"}
    plain = {"turns": False, "flips": False}
    lessons = {"objective": "regions", "epochs": 1, "lessons": {"kind": "regions", "batch": 6}, "augment": plain}
    first = written(tmp_path / "first", pictures={"world": HERD | {"folder": "herd"}, "px": 32}, learn=LEARN | lessons,
                    eye=eye | {"head": "pool"}, index={"rows": "none"}, evaluate={"baselines": []})
    (line,) = PictureRun(load_recipe(first), tmp_path / "regions").to()
    assert (line["gallery"], line["queries"]) == ("regions", 6)
    assert 0 < line["accuracy"] < 1
    learn = LEARN | {"objective": "supcon", "epochs": 1, "lessons": {"kind": "keys", "batch": 8, "each": 2},
                     "phases": [{"train": ["trunk", "new"]}], "augment": {"flips": False, "tint": 0.2, "far": 0.5}}
    second = keyed(tmp_path / "second", eye=eye | {"weights": str(tmp_path / "regions"), "both_ways": True},
                   learn=learn, index={"rows": "mean"}, evaluate={"baselines": []})
    values = yaml.safe_load(second.read_text())
    values["pictures"] |= {"px": 32, "also": [HERD | {"folder": "herd"}]}
    values["finish"] = {"whiten": 0.1, "zooms": [0.9, 1.1]}
    second.write_text(yaml.safe_dump(values))
    run = PictureRun(load_recipe(second), tmp_path / "out")
    run.to()
    assert run.parts.besides == len(run.parts.train) - 12  # four animals of eight are in the train part
    learnt, taken = PictureRun(load_recipe(first), tmp_path / "regions").eye(), run.eye()
    for name, tensor in learnt.transformer.named_parameters():
        assert torch.equal(tensor, taken.transformer.get_parameter(name)), name
    assert taken.settings.zooms == (0.9, 1.1)
    bare = DescriptorNet.load(run.model / WEIGHTS)
    assert bare.settings.zooms == ()
    assert not torch.equal(bare.head.fc.weight, taken.head.fc.weight)
    assert Path(IndexStore.open(run.index).manifest.model).name == "finished"
    assert len(list((tmp_path / "herd").glob("herd-crops-*/pictures.csv"))) == 1  # written once
    assert set(IndexStore.open(run.index).load()[0].scopes.tolist()) == {""}


def test_the_index_knows_from_where_on_a_picture_is_unknown(tmp_path: Path) -> None:
    run = PictureRun(load_recipe(keyed(tmp_path)), tmp_path / "out")
    run.to("index")
    found = IndexStore.open(run.index).manifest.pictures.unknown
    assert found.how == "balanced"
    assert found.known == found.unknown == len(run.parts.validation.queries)
    assert found.kept > 0.5
