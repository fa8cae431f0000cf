"""Many runs in one command: folders, the table over seeds, one failure among others."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from georetrieval.errors import GapsError, InputError, UsageError
from georetrieval.recipe.loading import load_recipe
from georetrieval.recipe.many import LOST, Many
from georetrieval.recipe.schema import Recipe
from georetrieval.recipe.stages import Run
from georetrieval.recipe.tables import Row
from tests.made.departements import TILES

torch.set_num_threads(1)
RECIPE = "name: small" + TILES + """split: {train: {scopes: ["91"]}, test: {scopes: ["92"]}}
eye: {trunk: resnet10t, bands: [r, g, b], head: pool, descriptor: 8}
learn: {objective: infonce, pairs_per_batch: 18, epochs: 1, mining: null, precision: fp32}
evaluate: {baselines: [hog, untrained]}
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE)
    return path


def other(path: Path, name: str, text: str = "") -> Recipe:
    beside = path.with_name(f"{name}.yaml")
    beside.write_text(f"extends: {path.name}\nname: {name}\n{text}")
    return load_recipe(beside)


def test_each_seed_is_a_run_and_the_table_says_their_mean(small: Path) -> None:
    """The table is worked again from the three runs' own tables."""
    many = Many([load_recipe(small)], [1, 2, 3])
    rows = many.to()
    many.require_all()
    assert [row["descriptor"] for row in rows] == ["hog", "untrained", "trained"]
    own = {}
    for seed in (1, 2, 3):
        with Path(f"runs/small/seed-{seed}/results.csv").open() as file:
            own[seed] = {row["descriptor"]: float(row["map_at_5"]) for row in csv.DictReader(file)}
        assert load_recipe(Path(f"runs/small/seed-{seed}/recipe.yaml")).seed == seed
        assert Path(f"indexes/small-s{seed}/CURRENT").is_file()
    for row in rows:
        scores = [own[seed][row["descriptor"]] for seed in (1, 2, 3)]
        assert [row["seed_1"], row["seed_2"], row["seed_3"]] == scores
        assert row["map_at_5"] == pytest.approx(sum(scores) / 3, abs=1e-4)
        assert row["spread"] == pytest.approx(max(scores) - min(scores), abs=1e-4)
        assert row["queries"] == 36
        assert (row["minutes"] is not None) == (row["descriptor"] == "trained")
    assert rows[0]["spread"] == 0, "HOG does not depend on the seed"
    assert rows[1]["spread"] > 0
    assert len(list(Path("runs/small").glob("tiles-*"))) == 1, "the seeds share their tiles"
    assert many.summary.parent == Path("runs")
    assert many.summary.read_text().splitlines()[0].startswith("recipe,descriptor,part,query,gallery,map_at_5,spread,")
    assert many.summary.with_suffix(".md").read_text().count("\n") == 5


def test_other_tables_are_averaged_beside_the_seeds(small: Path) -> None:
    """HOG does not depend on the seed: what it fails at is the same in both runs and in their mean."""
    plain = other(small, "plain", "learn: null\nevaluate: {baselines: [hog], failures: true}\n")
    Many([plain], [1, 2]).to()
    assert Path("runs/plain/failures.csv").read_text() == Path("runs/plain/seed-1/failures.csv").read_text()
    head = Path("runs/plain/failures.md").read_text().splitlines()[0]
    assert head == "| part | query | gallery | by | value | queries | hog |"


def test_without_seeds_each_recipe_is_the_run_it_always_was(small: Path) -> None:
    plain = other(small, "plain", "learn: null\nevaluate: {baselines: [hog]}\ntiles: {folder: shared}\n")
    second = other(small, "second", "learn: null\nseed: 4\nevaluate: {baselines: [hog]}\ntiles: {folder: shared}\n")
    rows = Many([plain, second], out=Path("there")).to()
    assert [(row["recipe"], row["seed_1"] is None, row["seed_4"] is None) for row in rows] == [
        ("plain", False, True), ("second", True, False)]
    assert {path.name for path in Path("there").iterdir()} == {"plain", "second", "summary.csv", "summary.md"}
    assert Run(plain, Path("there/plain")).to() == Run(second, Path("there/second")).to()


def test_one_that_fails_does_not_stop_the_others(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = other(small, "bad", "dates: {query: '1850'}\nlearn: null\ntiles: {folder: shared}\n")
    buggy = other(small, "buggy", "learn: null\ntiles: {folder: shared}\n")
    good = other(small, "good", "learn: null\ntiles: {folder: shared}\nevaluate: {baselines: [hog]}\n")
    whole = Run.to

    def to(run: Run, last: str = "evaluate") -> list[Row]:
        return [{"bug": 1 // 0}] if run.recipe.name == "buggy" else whole(run, last)

    monkeypatch.setattr(Run, "to", to)
    many = Many([bad, buggy, good])
    assert {row["recipe"] for row in many.to()} == {"good"}
    with pytest.raises(GapsError) as error:
        many.require_all()
    text = str(error.value)
    assert text.startswith("2 of 3 runs failed. runs/bad: The tiles hold no 1850")
    assert "runs/buggy: a bug, ZeroDivisionError" in text
    assert "1 // 0" in Path("runs/buggy", LOST).read_text(), "the traceback is kept"
    monkeypatch.undo()
    monkeypatch.chdir(small.parent)
    again = Many([buggy])
    again.to("tiles")
    assert not Path("runs/buggy", LOST).exists()


def test_when_all_fail_the_first_says_why(small: Path) -> None:
    lost = "learn: null\ntiles: {worlds: [], mosaics: {folder: nowhere}}\nsplit: {train: null, test: {scopes: null}}\n"
    with pytest.raises(InputError, match="nowhere does not exist"):
        Many([other(small, "bad", lost)], [1, 2]).to()


@pytest.mark.parametrize(("seeds", "text", "told"), [
    ([1, 2, 1], "", "more than one seed 1"), (None, "name: small\n", "more than one recipe named small"),
    (None, "evaluate: {k: 3}\n", "k = 3, 5"),
])
def test_what_makes_no_table(small: Path, seeds: list[int] | None, text: str, told: str) -> None:
    beside = small.with_name("beside.yaml")
    beside.write_text("extends: small.yaml\n" + (text if "name" in text else f"name: beside\n{text}"))
    with pytest.raises(UsageError, match=told):
        Many([load_recipe(small), load_recipe(beside)], seeds)


def test_a_plan_names_recipe_and_seed(small: Path) -> None:
    plan = Many([load_recipe(small)], [7, 8]).plan("tiles")
    assert [(row["recipe"], row["seed"], row["stage"]) for row in plan] == [
        ("small", 7, "worlds"), ("small", 7, "tiles"), ("small", 8, "worlds"), ("small", 8, "tiles")]
    assert [path.name for path in small.parent.iterdir()] == ["small.yaml"]
