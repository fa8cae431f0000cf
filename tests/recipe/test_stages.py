"""Stages on a small made-up place: what is done stays done, what changes is redone, what is damaged is mended."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from georetrieval.errors import BusyError, MismatchError, UsageError
from georetrieval.files import locked, sha256_file
from georetrieval.progress import Progress, silent
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.stages import STAGES, Run
from georetrieval.search.store import IndexStore
from tests.made.departements import TILES

torch.set_num_threads(1)
RECIPE = "name: tiny" + TILES + """split: {train: {scopes: ["91"]}, test: {scopes: ["92"]}}
eye: {trunk: resnet10t, bands: [r, g, b], head: pool, descriptor: 8}
learn: {objective: infonce, pairs_per_batch: 18, epochs: 2, mining: null, precision: fp32}
index: {folder: indexes}
evaluate: {baselines: [hog]}
"""
"""36 cells of 500 m per place and date, two steps an epoch."""


def run_of(*settings: str, resume: bool | None = None, progress: Progress = silent) -> Run:
    return Run(load_recipe(Path("tiny.yaml"), settings), Path("run"), resume=resume, progress=progress)


def states(*settings: str, last: str = "index", resume: bool | None = None) -> dict[str, str]:
    return {row["stage"]: row["state"] for row in run_of(*settings, resume=resume).to(last)}


def redone(*settings: str, last: str = "index") -> set[str]:
    return {stage for stage, state in states(*settings, last=last).items() if state == "done"}


def net_in(folder: Path) -> dict[str, bytes]:
    """Names and bytes of the trained tensors; the order inside the file is not fixed."""
    tensors = load_file(folder / "run" / "model" / "weights.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_of().to()
    return folder


@pytest.fixture
def here(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the finished run, times of change included, to work in."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_everything_is_done_and_lies_where_it_should(here: Path) -> None:
    results = json.loads((here / "run" / "results.json").read_text())
    assert {row["descriptor"] for row in results["rows"]} == {"hog", "trained"}
    for row in results["rows"]:
        assert (row["part"], row["query"], row["gallery"], row["queries"]) == ("test", "2019", "2004", 36)
        assert 0 <= row["recall_at_1"] <= row["map_at_5"] <= row["recall_at_5"] <= 1
    assert (here / "run" / "results.csv").read_text().count("\n") == 3
    assert (here / "run" / "matches.gpkg").stat().st_size > 10_000
    store = IndexStore.open(here / "indexes" / "tiny")
    assert store.manifest.counts.tiles == 36
    assert not store.verify().problems
    assert set(store.load()[0].scopes.tolist()) == {"92"}
    assert load_recipe(here / "run" / "recipe.yaml").model_dump() == load_recipe(here / "tiny.yaml").model_dump()
    assert not list(here.rglob(".georetrieval-*"))


def test_a_second_run_rebuilds_nothing(here: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*") if path.is_file()}
    first = json.loads((here / "run" / "results.json").read_text())["rows"]
    assert run_of().to() == first
    touched = {path.name for path, when in before.items() if path.stat().st_mtime_ns != when}
    assert touched <= {"recipe.yaml", ".lock"}
    assert set(states().values()) == {"as before"}


def test_a_run_without_figures_and_then_with(here: Path) -> None:
    drawn = []

    def artist(run: Run, _: object, rows: list[dict[str, object]]) -> None:
        drawn.append((run.out, len(rows)))

    for _ in range(2):
        Run(load_recipe(here / "tiny.yaml"), Path("run"), draw=artist, index=Path("indexes") / "tiny").to("report")
    assert drawn == [(Path("run"), 2)], "drawn for the evaluation that is there, once"


@pytest.mark.usefixtures("here")
def test_a_changed_setting_redoes_what_depends_on_it() -> None:
    assert redone("evaluate.k=3") == set()
    assert "map_at_3" in run_of("evaluate.k=3").to()[0]
    assert redone("index.folder=elsewhere") == {"index"}
    assert redone("tiles.workers=2", "index.folder=elsewhere") == set()


def test_other_training_settings_train_anew(here: Path) -> None:
    old = net_in(here)
    assert redone("learn.rate_new=0.01", "learn.epochs=1") == {"train", "index"}
    assert net_in(here) != old
    assert json.loads((here / "run" / "model" / "metrics.json").read_text())["history"][-1]["step"] == 2
    assert json.loads((here / "run" / "model" / "metrics.json").read_text())["finished"] is True
    assert redone() == {"train", "index"}
    assert net_in(here) == old, "the same inputs give the same net"


def test_changed_photographs_are_not_a_training_to_be_resumed(here: Path) -> None:
    """Cells keep their names when a photograph is replaced: only the digest tells that the data is other data."""
    (sheet, *_) = sorted((here / "run" / "worlds").glob("91-*/*2019*/**/*.tif"))
    os.utime(sheet, ns=(1, 1))
    assert redone() == {"tiles", "train", "index"}
    with pytest.raises(MismatchError, match="other tiles"):
        run_of("tiles.min_photo_share=0.4", resume=True).to("train")


def test_an_interrupted_training_is_resumed(here: Path) -> None:
    whole = net_in(here)
    shutil.rmtree(here / "run" / "model")
    steps: list[str] = []

    def press(done: int, total: int, what: str) -> None:  # noqa: ARG001
        if what.startswith("training"):
            steps.append(what)
            if len(steps) == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_of(progress=press).to("train")
    assert len(steps) == 1
    assert run_of(progress=press).to("train")[-1]["state"] == "done"
    assert len(steps) == 4, "two epochs of two steps, none of them twice"
    assert net_in(here) == whole


def test_an_interrupted_other_training_does_not_pass_for_the_first(here: Path) -> None:
    def press(done: int, total: int, what: str) -> None:  # noqa: ARG001
        if what.startswith("training, epoch 2"):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run_of("learn.rate_new=0.02", progress=press).to("train")
    assert (here / "run" / "model" / "weights.safetensors").exists()
    assert redone(last="train") == {"train"}


def test_resume_on_demand_makes_a_training_longer(here: Path) -> None:
    assert states("learn.epochs=3", last="train", resume=True)["train"] == "done"
    history = json.loads((here / "run" / "model" / "metrics.json").read_text())["history"]
    assert [row["step"] for row in history] == [2, 4, 6]
    with pytest.raises(MismatchError, match="other settings"):
        run_of("learn.rate_new=0.02", resume=True).to("train")


@pytest.mark.parametrize("damage", ["pack", "catalogue", "manifest"])
def test_damaged_tiles_are_made_again(here: Path, damage: str) -> None:
    tiles = here / "run" / "tiles"
    path = {"pack": tiles / "92-2019" / "pack.npy", "catalogue": tiles / "catalogue.parquet",
            "manifest": tiles / "tiles.json"}[damage]
    whole = sha256_file(path)
    path.write_bytes(path.read_bytes()[:-100])
    assert redone() == {"tiles"}
    assert sha256_file(path) == whole


@pytest.mark.parametrize("damage", ["CURRENT", "segment", "gone"])
def test_a_damaged_index_is_built_again(here: Path, damage: str) -> None:
    index = here / "indexes" / "tiny"
    if damage == "CURRENT":
        (index / "CURRENT").write_text("{")
    elif damage == "segment":
        segment = next((index / "segments").iterdir())
        segment.write_bytes(segment.read_bytes()[:-1])
    else:
        shutil.rmtree(index)
    assert redone() == {"index"}
    assert not IndexStore.open(index).verify().problems


def test_lost_weights_are_trained_again(here: Path) -> None:
    weights = here / "run" / "model" / "weights.safetensors"
    whole = net_in(here)
    weights.unlink()
    assert redone() == {"train"}
    assert net_in(here) == whole


def test_a_plan_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(RECIPE)
    plan = run_of().plan()
    assert [row["stage"] for row in plan] == list(STAGES)
    assert plan[0]["plan"] == "2 of 2 made-up départements to write"
    assert plan[1]["plan"].startswith("144 tiles"), "two places, two dates, 6 x 6 cells of 500 m"
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


def test_a_plan_of_what_is_there_counts_it(here: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in here.rglob("*")}
    plan = run_of().plan("tiles")
    assert plan[0]["plan"].startswith("0 of 2")
    assert plan[1]["plan"].startswith("144 tiles, ")
    assert {path: path.stat().st_mtime_ns for path in here.rglob("*")} == before


def test_one_at_a_time_in_a_folder(here: Path) -> None:
    with locked(here / "run" / ".lock"), pytest.raises(BusyError, match="another process"):
        run_of().to()


@pytest.mark.usefixtures("here")
def test_unknown_stage() -> None:
    with pytest.raises(UsageError, match="stages are worlds, tiles, train, index, evaluate"):
        run_of().to("paint")
