"""One small world with photo and map: trained with parts left out, each part asking for each, a start from its net."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from georetrieval.errors import UsageError
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.stages import Run

torch.set_num_threads(1)
RECIPE = """
name: parts
tiles:
  cell_m: 500
  px: 32
  worlds: [{scope: "91", seed: 1, km: 3, gsd_m: 10.0, sheet_km: 3}]
split: {train: {area: [0, 0, 0.5, 1]}, test: {area: [0.5, 0, 1, 1]}}
eye: {trunk: resnet10t, head: pool, descriptor: 8, any_modality: true}
learn: {objective: clip, pairs_per_batch: 9, epochs: 2, mining: {every: 1}, precision: fp32,
        augment: {drop: {photo: 0.3, map: 0.3}, grey: 0.5}}
index: {folder: indexes}
evaluate: {baselines: [], modalities: true}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("parts")
    (folder / "parts.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Run(load_recipe(Path("parts.yaml")), Path("run")).to()
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "run" / "modalities.csv").open() as file:
        return list(csv.DictReader(file))


def test_each_part_asks_for_each(finished: Path) -> None:
    found = rows(finished)
    parts = ["both", "photo", "map"]
    assert [(row["query_bands"], row["gallery_bands"]) for row in found] == [(a, b) for a in parts for b in parts]
    assert {row["queries"] for row in found} == {"18"}, "half of 36 cells"
    assert all(0 <= float(row["map_at_5"]) <= 1 for row in found)
    main = json.loads((finished / "run" / "results.json").read_text())["rows"]
    trained = next(row for row in main if row["descriptor"] == "trained")
    assert float(found[0]["map_at_5"]) == trained["map_at_5"], "both for both is the main table's row"
    assert (finished / "run" / "modalities.md").read_text().count("\n") == 2 + 9


def test_training_with_missing_parts_gives_a_net_without_holes(finished: Path) -> None:
    tensors = load_file(finished / "run" / "model" / "weights.safetensors")
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    history = (finished / "run" / "model" / "metrics.csv").read_text().splitlines()
    assert len(history) == 1 + 2


def test_a_training_starts_from_our_own_net(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With rates of 0 the net stays the one it started from, but for what did not fit: the longer descriptor."""
    monkeypatch.chdir(finished)
    said: list[str] = []
    still = ["eye.weights=run", "eye.descriptor=9", "learn.epochs=1", "tiles.folder=shared", "index.folder=other",
             "learn.rate_fusion=0", "learn.rate_trunk=0", "learn.rate_new=0", "learn.mining=null"]
    run = Run(load_recipe(Path("parts.yaml"), still), Path("again"), progress=lambda _d, _t, what: said.append(what))
    run.to("train")
    mine = {name: p for name, p in load_file("again/model/weights.safetensors").items() if "running" not in name}
    theirs = load_file("run/model/weights.safetensors")
    kept = {name for name, tensor in mine.items() if torch.equal(tensor, theirs.get(name, torch.empty(0)))}
    assert {name for name in mine.keys() - kept if "num_batches" not in name} == {"head.fc.weight", "head.fc.bias"}
    assert json.loads(Path("again/model/start.json").read_text())["left_out"] == ["head.fc.weight", "head.fc.bias"]
    assert any("2 tensors are new (head.fc.weight, head.fc.bias)" in what for what in said)


def test_keys_that_need_an_eye_for_parts(finished: Path) -> None:
    path = finished / "parts.yaml"
    for setting, key in (("evaluate.modalities=false", "learn.augment.drop"), ("learn.augment=null", "modalities")):
        with pytest.raises(UsageError, match=rf"{key} needs an eye that takes photo and map apart"):
            load_recipe(path, ["eye.any_modality=false", setting])
    with pytest.raises(UsageError, match="any_modality needs bands"):
        load_recipe(path, ["eye.bands=[r,g,b]"])
    with pytest.raises(UsageError, match="1 at most"):
        load_recipe(path, ["learn.augment.drop={photo: 0.6, map: 0.6}"])
