"""All tasks of a build look through one engine, whoever does them: chosen once, kept, refused where it is not there."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from georetrieval.errors import MissingExtraError
from georetrieval.nets import choice, engines
from georetrieval.nets.choice import VARIABLE, using
from georetrieval.recipe import embedding_work
from georetrieval.recipe.index_by_tasks import build_shard, work_folder
from georetrieval.recipe.index_surveys import index_surveys, plan_surveys
from georetrieval.search.store import IndexStore
from georetrieval.tasks.running import Hands
from georetrieval.tasks.task import Shard
from tests.made import siamese, tiny
from tests.made.campaign import WHICH


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    """Nothing remembered, and a choice however few tiles there are."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(engines, "MANY", {"bfloat16": 10**9, "openvino": 1})
    _forget()
    yield
    _forget()


def _forget():
    engines.forget()
    embedding_work._kept.clear()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Four sheets of 16 tiles of 32 px, and a net."""
    folder = tmp_path_factory.mktemp("place")
    survey, settings = tiny.sheets(folder / "in", px=32)
    return survey, settings, str(siamese.weights(folder / "net", legend=settings.legend.digest))


@pytest.fixture(scope="module")
def whole(place, tmp_path_factory):
    """By engine: what one process makes without any choice of its own."""
    survey, settings, model = place
    made = {}
    for engine in ("torch", "openvino"):
        with using(engine):
            made[engine] = index_surveys(tmp_path_factory.mktemp("whole") / engine, [survey], settings, model)
    assert vectors(made["torch"]) != vectors(made["openvino"]), "these differ in their last bits"
    return made


def vectors(store):
    return store.load()[0].vectors.tobytes()


def same(store, whole):
    return store.name == whole.name and tiny.files_of(store.path) == tiny.files_of(whole.path)


def kept(path):
    return [json.loads(note.read_text())["engine"] for note in work_folder(path).glob("engine-*.json")]


def test_auto_gives_the_index_of_the_engine_it_chose(place, whole, tmp_path):
    survey, settings, model = place
    assert same(index_surveys(tmp_path / "auto", [survey], settings, model), whole["openvino"])


@pytest.mark.parametrize("engine", ["torch", *(["openvino"] if WHICH else [])])
def test_two_processes_make_what_one_makes(place, whole, tmp_path, engine):
    """Each has half of the processor's threads."""
    survey, settings, model = place
    with using(engine):
        store = index_surveys(tmp_path / "two", [survey], settings, model, hands=Hands(jobs=2))
    assert same(store, whole[engine])


@pytest.mark.skipif(not WHICH, reason="three commands load a net each: with `make campaigns`")
def test_shards_at_the_same_time_make_what_one_makes(place, whole, tmp_path):
    """Three commands that know nothing of each other, as of an array of Slurm; then the one that publishes."""
    survey, settings, model = place
    words = [sys.executable, "-m", "georetrieval", "index", "build", tmp_path / "town", "--model", model, "--engine",
             "openvino", "--photos", survey.photos, "--vectors", survey.vectors, "--scope", "57", "--date", "2004",
             "--px", str(settings.px), "--cell-m", str(settings.grid.cell_m)]
    parts = [subprocess.Popen([*words, "--shard", f"{number}/3"], stderr=subprocess.PIPE) for number in (1, 2, 3)]
    assert [(part.communicate(timeout=300)[1], part.returncode)[1] for part in parts] == [0, 0, 0]
    assert kept(tmp_path / "town") == ["openvino f32"]
    assert len(list(work_folder(tmp_path / "town").glob("*.json"))) == 4 + 1
    with using("openvino"):
        store = index_surveys(tmp_path / "town", [survey], settings, model)
    assert same(store, whole["openvino"])


def test_shards_that_would_choose_otherwise_do_as_the_first(place, whole, tmp_path, monkeypatch):
    survey, settings, model = place
    for number, many in ((2, 1), (1, 64), (3, 64)):
        monkeypatch.setattr(engines, "MANY", {"bfloat16": 10**9, "openvino": many})
        build_shard(plan_surveys(tmp_path / "town", [survey], settings, model, shard=Shard(number, 3)), Hands())
        assert kept(tmp_path / "town") == ["openvino f32"]
        monkeypatch.setattr(engines, "candidates", lambda *given: [])  # noqa: ARG005
        _forget()
    store = index_surveys(tmp_path / "town", [survey], settings, model)
    assert store.manifest.segments == whole["openvino"].manifest.segments


def test_a_machine_without_the_engine_says_so(place, tmp_path, monkeypatch, capsys):
    from georetrieval.cli.main import main

    survey, settings, model = place
    path = tmp_path / "town"
    build_shard(plan_surveys(path, [survey], settings, model, shard=Shard(1, 2)), Hands())
    done = sorted(work_folder(path).iterdir())
    monkeypatch.setattr(choice, "find_spec", lambda name: None)  # noqa: ARG005
    _forget()
    with pytest.raises(MissingExtraError, match="openvino f32") as error:
        build_shard(plan_surveys(path, [survey], settings, model, shard=Shard(2, 2)), Hands())
    assert error.value.exit_code == 5
    assert sorted(work_folder(path).iterdir()) == done
    with pytest.raises(SystemExit) as end:
        main(["index", "build", str(path), "--model", model, "--photos", str(survey.photos), "--vectors",
              str(survey.vectors), "--scope", "57", "--date", "2004", "--px", "32", "--cell-m", "250", "--shard",
              "2/2"])
    err = capsys.readouterr().err
    assert (end.value.code, err.count("error:"), "pip install 'georetrieval[openvino]'" in err) == (5, 1, True), err


def test_a_note_that_was_altered_is_made_again_and_so_are_its_tasks(place, whole, tmp_path, monkeypatch):
    """Half is done by OpenVINO, the note is lost, and there is no OpenVINO any more."""
    survey, settings, model = place
    path = tmp_path / "town"
    build_shard(plan_surveys(path, [survey], settings, model, shard=Shard(1, 2)), Hands())
    (note,) = work_folder(path).glob("engine-*.json")
    note.write_bytes(note.read_bytes().replace(b"openvino", b"openv1no"))
    monkeypatch.setattr(choice, "find_spec", lambda name: None)  # noqa: ARG005
    _forget()
    store = index_surveys(path, [survey], settings, model)
    assert vectors(store) == vectors(whole["torch"])
    assert IndexStore.open(path).manifest.segments == whole["torch"].manifest.segments
