"""The classifier is trained before the net, which keeps its convolutions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from georetrieval.errors import InputError
from georetrieval.nets.classifier import Classifier
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.recipe.picture_stages import PictureRun
from georetrieval.recipe.schema_pictures import PictureRecipe
from georetrieval.synthetic.chairlifts import write_chairlifts

PLAIN = {"kind": "classes", "batch": 8}


def recipe(source: Path, **more: object) -> PictureRecipe:
    learn = {"objective": "contrastive", "lessons": {"kind": "masks", "batch": 8, "scopes": 2, "swap": 1.0},
             "mining": None, "epochs": 1, "keep_maps": True, "phases": [{"train": ["new"]}], "rate_new": 0.5}
    return PictureRecipe.model_validate({
        "name": "little", "pictures": {"source": str(source), "px": 32},
        "eye": {"bands": ["r", "g", "b"], "trunk": "two-convs", "head": "fc", "hidden": [], "dropout": 0.0,
                "descriptor": 2, "space": "euclidean", "normalise": "picture", "fusion": "stack", "centre": True},
        "learn": learn,
        "classifier": {"objective": "cross-entropy", "lessons": PLAIN, "mining": None, "epochs": 1,
                       "rate_trunk": 1e-3},
        "classifier_first": True, "evaluate": {"baselines": []}} | more)


def test_the_net_has_the_convolutions_of_the_classifier(tmp_path: Path) -> None:
    write_chairlifts(tmp_path / "world", lifts=2, images_share=0.05)
    run = PictureRun(recipe(tmp_path / "world"), tmp_path / "run")
    assert [row["stage"] for row in run.plan()] == ["classifier", "train", "index", "evaluate"]
    assert [row["stage"] for row in run.plan("train")] == ["classifier", "train"]
    run.to("train")
    net, classifier = DescriptorNet.load(run.weights), Classifier.load(run.classifier / "weights.safetensors")
    for name, value in classifier.trunk.state_dict().items():
        assert torch.equal(value, net.trunk.state_dict()[name])
        assert not torch.equal(value, run.untrained().trunk.state_dict()[name])  # it did learn
    assert not torch.equal(classifier.head.fc.weight, net.head.fc.weight)


@pytest.mark.parametrize(("more", "match"), [
    ({"classifier": None}, "classifier_first needs a classifier"),
    ({"learn": {"objective": "contrastive", "lessons": {"kind": "masks"}, "keep_maps": True}}, "keep_maps needs"),
    ({"eye": {"bands": ["r"], "head": "map", "filters": [2]}}, "a map has none; name another net under classifiers"),
])
def test_what_does_not_go_together_is_refused(tmp_path: Path, more: dict[str, object], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        recipe(tmp_path, **more)


def test_a_mask_that_tells_nothing_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    write_chairlifts(tmp_path / "world", lifts=2, images_share=0.05)
    Image.new("L", (200, 200)).save(tmp_path / "world" / "S2" / "open.png")
    run = PictureRun(recipe(tmp_path / "world"), tmp_path / "run")
    with pytest.raises(InputError, match=r"S2/open.png is empty"):
        run.to("train")
    assert not (tmp_path / "run" / "classifier").exists()
