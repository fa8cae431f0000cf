"""Tables over seeds, worked by hand."""

from __future__ import annotations

from pathlib import Path

from georetrieval.recipe.summary import over_seeds


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.csv").write_text(text)


def test_what_differs_is_averaged_and_the_rest_stays(tmp_path: Path) -> None:
    """(0.5 + 0.7) / 2 = 0.6, spread 0.2; in the second line the second seed has no figure."""
    one, other = tmp_path / "seed-1", tmp_path / "seed-2"
    write(one, "turned", "descriptor,turn,map_at_5,queries\nhog,0,0.5,36\nhog,90,0.25,36\n")
    write(other, "turned", "descriptor,turn,map_at_5,queries\nhog,0,0.7,36\nhog,90,,36\n")
    assert over_seeds([one, other]) == {"turned": [
        {"descriptor": "hog", "turn": "0", "map_at_5": 0.6, "map_at_5_spread": 0.2, "queries": "36"},
        {"descriptor": "hog", "turn": "90", "map_at_5": 0.25, "map_at_5_spread": 0.0, "queries": "36"},
    ]}


def test_other_lines_or_no_table_in_one_of_the_runs(tmp_path: Path) -> None:
    one, other = tmp_path / "seed-1", tmp_path / "seed-2"
    write(one, "longer", "a\n1\n2\n")
    write(other, "longer", "a\n1\n")
    write(one, "alone", "a\n1\n")
    write(one, "results", "a\n1\n")
    write(other, "results", "a\n1\n")
    assert over_seeds([one, other]) == {}
