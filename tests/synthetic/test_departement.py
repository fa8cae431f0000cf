"""The folder as a whole: what the note says is there, and the same wish gives the same bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from georetrieval.errors import InputError, UsageError
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.layers import read_classes
from georetrieval.geo.legend import Legend
from georetrieval.synthetic.departement import write_departement
from tests.synthetic.conftest import SMALL, World


def fingerprints(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_the_note_names_two_dated_surveys_that_are_there(world: World) -> None:
    assert world.note["scope"] == "98"
    assert world.note["crs"] == "EPSG:2154"
    xmin, ymin, xmax, ymax = world.note["bounds"]
    assert (xmax - xmin, ymax - ymin) == (3000, 3000)
    assert xmin % 1000 == ymin % 1000 == 0
    assert [survey["date"] for survey in world.note["surveys"]] == ["2004", "2019"]
    assert all(world.path(n, what).is_dir() for n in (0, 1) for what in ("photos", "vectors"))
    assert world.path(1, "vectors_shp").is_dir()


def test_same_seed_same_bytes_other_seed_other_place(world: World, tmp_path: Path) -> None:
    write_departement(tmp_path / "again", **SMALL)
    assert fingerprints(tmp_path / "again") == fingerprints(world.folder)
    other = write_departement(tmp_path / "other", **{**SMALL, "seed": 5, "gsd_m": 10.0})
    assert other["bounds"] != world.note["bounds"]


def test_all_twelve_classes_at_both_dates_in_every_form(world: World) -> None:
    legend = Legend.load("bdtopo12")
    for survey, what in ((0, "vectors"), (1, "vectors"), (1, "vectors_shp")):
        delivery = open_delivery(world.path(survey, what))
        assert delivery.departement == "98"
        objects = read_classes(delivery, legend, bounds=tuple(world.note["bounds"]), crs="EPSG:2154")
        assert set(objects.code.tolist()) == set(range(1, 13))
        assert (objects.mended, objects.dropped) == (0, 0)


def test_the_two_forms_of_the_new_edition_hold_the_same(world: World) -> None:
    legend = Legend.load("bdtopo12")
    codes = [
        read_classes(open_delivery(world.path(1, what)), legend, bounds=None, crs="EPSG:2154").code.tolist()
        for what in ("vectors", "vectors_shp")
    ]
    assert codes[0] == codes[1]


@pytest.mark.parametrize("wrong", [
    {"km": 2}, {"km": 61}, {"gsd_m": 0.3}, {"departement": "57b"}, {"old": 2019}, {"new_vectors": "dxf"},
    {"old_format": "png"}, {"encoding": "utf-16"}, {"sheet_km": 0},
])
def test_wrong_wishes_are_refused_before_anything_is_written(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        write_departement(tmp_path / "world", **{**SMALL, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(InputError, match="exists already"):
        write_departement(tmp_path, **SMALL)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
