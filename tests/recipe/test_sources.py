"""Surveys of a recipe: dated pictures in a folder, made-up worlds, what identifies their files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from georetrieval.errors import InputError
from georetrieval.recipe.schema import Mosaics, SurveyEntry, Tiles, World
from georetrieval.recipe.sources import inventory, read_world, surveys_of, world_folder


def mosaics(folder: Path) -> list[SurveyEntry]:
    return surveys_of(Tiles(mosaics=Mosaics(folder=folder, scope="town")), folder / "none")


def test_the_year_in_a_name_is_the_date(tmp_path: Path) -> None:
    names = ("1961.jpg", "photo_1976.TIF", "IGN-2004-north.png", "readme1999.txt", "12345.jpg", "legend.png")
    for name in names:
        (tmp_path / name).write_bytes(b"")
    found = {survey.date: survey.photos for survey in mosaics(tmp_path)}
    assert found == {"1961": tmp_path / "1961.jpg", "1976": tmp_path / "photo_1976.TIF",
                     "2004": tmp_path / "IGN-2004-north.png"}
    assert {survey.scope for survey in mosaics(tmp_path)} == {"town"}


def test_two_pictures_of_a_year_are_refused(tmp_path: Path) -> None:
    for name in ("1961.jpg", "1961.png"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"1961\.png and 1961\.jpg are both of 1961"):
        mosaics(tmp_path)


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no photograph with a year"):
        mosaics(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        mosaics(tmp_path / "missing")


def test_a_world_is_found_by_all_its_settings(tmp_path: Path) -> None:
    one, other = World(scope="91", seed=1), World(scope="91", seed=1, gsd_m=1.0)
    assert world_folder(tmp_path, one) == world_folder(tmp_path, World(scope="91", seed=1))
    assert world_folder(tmp_path, one) != world_folder(tmp_path, other)
    with pytest.raises(InputError, match="georetrieval synth"):
        surveys_of(Tiles(worlds=(one,)), tmp_path)
    folder = world_folder(tmp_path, one)
    folder.mkdir()
    entry = {"date": "2004", "photos": "P", "vectors": "V"}
    (folder / "world.json").write_text(json.dumps({"scope": "91", "surveys": [entry]}))
    (survey,) = surveys_of(Tiles(worlds=(one,)), tmp_path)
    assert (survey.scope, survey.date, survey.photos, survey.vectors) == ("91", "2004", folder / "P", folder / "V")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"scope": "91", "surveys": [{"date": "2004"}]}', "\x00"])
def test_a_damaged_world_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "world.json").write_text(text)
    with pytest.raises(InputError, match=r"world\.json"):
        read_world(tmp_path)


def test_the_inventory_changes_with_any_file(tmp_path: Path) -> None:
    sheet = tmp_path / "ortho" / "a.tif"
    sheet.parent.mkdir()
    sheet.write_bytes(b"abc")
    survey = [SurveyEntry(scope="57", date="2004", photos=tmp_path / "ortho")]
    first = inventory(survey)
    assert inventory(survey) == first
    os.utime(sheet, ns=(5, 5))
    touched = inventory(survey)
    assert touched != first
    (tmp_path / "ortho" / "b.tif").write_bytes(b"")
    assert inventory(survey) not in (first, touched)
    with pytest.raises(InputError, match="check the surveys"):
        inventory([SurveyEntry(scope="57", date="2004", vectors=tmp_path / "gone")])
