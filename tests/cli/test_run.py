"""`run` with several recipes and seeds: what is printed, where it lies, exit codes."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from georetrieval.cli.main import main

RECIPE = """
name: {name}
tiles:
  folder: shared
  cell_m: 500
  px: 32
  worlds:
    - {{scope: "91", seed: 1, km: 3, gsd_m: 10.0, sheet_km: 3}}
split: {{test: {{scopes: ["91"]}}}}
dates: {{query: "{query}"}}
learn: null
evaluate: {{baselines: [hog]}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the command line in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def go(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["run", *arguments])
        streams = capsys.readouterr()
        return int(end.value.code or 0), streams.out, streams.err

    return go


def recipe(name: str, query: str = "2019") -> str:
    Path(f"{name}.yaml").write_text(RECIPE.format(name=name, query=query))
    return f"{name}.yaml"


def test_two_recipes_two_seeds_one_of_them_fails(run):
    code, out, err = run(recipe("good"), recipe("bad", query="1850"), "--seeds", "1,2", "--format", "csv")
    assert code == 3
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["recipe"], row["descriptor"], row["spread"], row["queries"]) == ("good", "hog", "0.0", "36")
    assert row["seed_1"] == row["seed_2"] == row["map_at_5"]
    assert "2 of 4 runs failed" in err
    assert "runs/bad/seed-1: The tiles hold no 1850" in err
    assert "Traceback" not in err
    assert Path("runs/good/seed-2/results.csv").is_file()
    (summary,) = Path("runs").glob("summary-*.csv")
    assert str(summary) in err
    assert list(csv.DictReader(summary.open())) == [row]


def test_one_recipe_is_what_it_was(run):
    code, out, _ = run(recipe("alone"), "-o", "there", "--format", "csv")
    assert code == 0
    assert out == Path("there/results.csv").read_text()
    code, out, err = run(recipe("alone"), "-o", "many", "--seeds", "5", "--to", "tiles", "--format", "csv")
    assert (code, [line.split(",")[:4] for line in out.splitlines()[1:]]) == (
        0, [["alone", "5", "worlds", "as before"], ["alone", "5", "tiles", "as before"]]), err


@pytest.mark.parametrize("seeds", ["1,x", "", "-1", "1;2"])
def test_wrong_seeds_are_one_sentence(run, seeds):
    code, _, err = run(recipe("alone"), "--seeds", seeds)
    assert code == 2
    assert "whole numbers such as 1,2,3" in err


def test_no_recipe_is_bad_usage(run):
    assert run()[0] == 2
