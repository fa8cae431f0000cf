"""`--engine` on real tiles: the same answers, or an error in a sentence."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from georetrieval.nets import choice, engines
from georetrieval.nets.choice import VARIABLE, asked


@pytest.fixture
def weights(tmp_path):
    import torch

    from georetrieval.nets.embedder import DescriptorNet
    from georetrieval.nets.settings import NetSettings

    torch.manual_seed(2)
    net = DescriptorNet(NetSettings(bands=("r", "g", "b"), px=64, trunk="resnet10t", width=8, cut=1, head="pool",
                                    descriptor=16))
    net.save(tmp_path / "weights.safetensors")
    return tmp_path / "weights.safetensors"


def test_an_index_of_either_engine_is_asked_with_either(cli, weights, tmp_path, monkeypatch):
    from georetrieval.search.store import IndexStore

    engines._kept.clear()
    made = []

    class Told(engines.OpenVinoNet):
        def __init__(self, net):
            made.append(asked())
            super().__init__(net)

    monkeypatch.setattr(engines, "OpenVinoNet", Told)
    vectors = {}
    for engine in ("torch", "openvino"):
        code, _, err = cli("index", "build", tmp_path / engine, "--model", weights, "--tiles", "tiles",
                           "--date", "2004", "--engine", engine)
        assert code == 0, err
        vectors[engine] = IndexStore.open(tmp_path / engine).load()[0].vectors
    assert made == ["openvino"]
    assert np.allclose(vectors["torch"], vectors["openvino"], atol=1e-5 * np.abs(vectors["torch"]).max())
    answers = []
    for engine in ("torch", "openvino"):
        for index in ("torch", "openvino"):
            code, out, err = cli("evaluate", tmp_path / index, "--tiles", "tiles", "--date", "2019", "--engine", engine,
                                 "--format", "json")
            assert code == 0, err
            answers.append({name: value for name, value in json.loads(out).items() if name != "index"})
    assert all(answer == answers[0] for answer in answers)
    assert VARIABLE not in os.environ, "it holds for one command"


def test_without_the_extra_it_says_how_to_get_it(cli, weights, tmp_path, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)  # noqa: ARG005
    words = ("index", "build", tmp_path / "town", "--model", weights, "--tiles", "tiles", "--date", "2004")
    code, _, err = cli(*words, "--engine", "openvino")
    assert code == 5
    assert err.count("\n") == 1
    assert "pip install 'georetrieval[openvino]'" in err
    assert not (tmp_path / "town").exists()
    code, _, err = cli(*words)
    assert code == 0, "auto does without it"
    assert "openvino" not in err


def test_an_engine_that_does_not_exist(cli, monkeypatch):
    assert cli("evaluate", "town", "--tiles", "tiles", "--date", "2019", "--engine", "onnx")[0] == 2
    monkeypatch.setenv(VARIABLE, "onnx")
    code, _, err = cli("evaluate", "town", "--tiles", "tiles", "--date", "2019")
    assert code == 2
    assert VARIABLE in err


def test_the_doctor_tells_the_engines(cli, monkeypatch):
    code, out, _ = cli("doctor", "--format", "json")
    told = {row["part"]: row for row in json.loads(out)}
    assert code == 0
    assert told["engines"]["state"] == "ok"
    assert "torch, openvino 2" in told["engines"]["detail"]
    assert "auto takes openvino from 1024 pictures on" in told["engines"]["detail"]
    monkeypatch.setattr(choice, "find_spec", lambda name: None)  # noqa: ARG005
    detail = {row["part"]: row for row in json.loads(cli("doctor", "--format", "json")[1])}["engines"]["detail"]
    assert "no openvino" in detail
    assert "auto takes torch" in detail
