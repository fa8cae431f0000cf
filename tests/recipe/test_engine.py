"""The engine of a recipe: it holds while stages run, and is no part of what they are known by."""

from __future__ import annotations

from pathlib import Path

import pytest

from georetrieval.nets.choice import VARIABLE, asked, using
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.runs import run_of

PIPELINES = Path(__file__).parents[2] / "pipelines"


@pytest.mark.parametrize("name", ["quickstart", "masks-small"])
def test_the_engine_of_a_recipe(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    plain, other = (load_recipe(PIPELINES / f"{name}.yaml", some) for some in ([], ["engine=torch"]))
    assert "engine" not in plain.model_dump(mode="json")
    assert other.model_dump(mode="json") == plain.model_dump(mode="json") | {"engine": "torch"}
    run = run_of(other, tmp_path)
    monkeypatch.setattr(run.stager, "run", lambda *given: [{"engine": asked()}])  # noqa: ARG005
    assert run.to() == [{"engine": "torch"}]
    with using("openvino"):
        assert run.to() == [{"engine": "openvino"}]
