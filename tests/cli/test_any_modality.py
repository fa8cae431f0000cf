"""Photographs without a map, against an index that has one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tiling import build_tiles
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from tests.cli.test_search_classes import write_delivery

torch.set_num_threads(1)
SIX = ("r", "g", "b", "sr", "sg", "sb")
CELLS = [f"E0930{i}00N6920000" for i in range(4)]


def write_net(folder: Path, *, any_modality: bool) -> Path:
    torch.manual_seed(1)
    settings = NetSettings(bands=SIX, px=50, trunk="resnet10t", cut=1, head="pool", descriptor=0,
                           any_modality=any_modality)
    DescriptorNet(settings, legend=Legend.load("bdtopo12").digest).save(folder / "weights.safetensors")
    return folder


@pytest.fixture
def town(tmp_path, monkeypatch, place, cli) -> str:
    """The place with photo and map at 2004 (houses in four cells), with the photo alone at 2019 (the same photo)."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(place / "new.tif", tmp_path / "photo.tif")
    vectors = write_delivery(tmp_path / "old.gpkg")
    build_tiles([Survey("57", "2004", photos=tmp_path / "photo.tif", vectors=vectors),
                 Survey("57", "2019", photos=tmp_path / "photo.tif")],
                tmp_path / "tiles", grid=TileGrid("EPSG:2154", 100), px=50, legend=Legend.load("bdtopo12"))
    write_net(tmp_path / "run", any_modality=True)
    code, _, err = cli("index", "build", "./town", "--model", "run", "--tiles", "tiles", "--date", "2004")
    assert code == 0, err
    return "./town"


def test_a_photo_without_a_map_simply_works(town, cli):
    code, out, err = cli("search", town, "photo.tif", "-k", "1", "--format", "json")
    assert code in (0, 3), err
    assert "looked at without a map" in err
    assert {row["query"].split(":")[1] for row in json.loads(out)} >= set(CELLS)


def test_the_map_is_used_when_it_is_given(town, cli):
    """With the index's own photo and vectors the query is the row itself."""
    code, out, err = cli("search", town, "photo.tif", "--vectors", "old.gpkg", "-k", "1", "--format", "json")
    assert code in (0, 3), err
    assert "without a map" not in err
    found = {row["query"].split(":")[1]: row for row in json.loads(out)}
    assert all(found[cell]["tile_id"] == f"57-2004-{cell}-100" for cell in CELLS)
    assert all(found[cell]["score"] > 0.99 for cell in CELLS)


def test_tiles_without_vectors_ask_and_are_measured(town, cli):
    code, out, err = cli("evaluate", town, "--tiles", "tiles", "--date", "2019", "--format", "json")
    assert code == 0, err
    silent = json.loads(out)
    code, out, err = cli("evaluate", town, "--tiles", "tiles", "--date", "2019", "--query-bands", "photo",
                         "--format", "json")
    assert code == 0, err
    assert json.loads(out) == silent, "a survey without vectors has the photo alone"
    assert silent["queries"] >= 4
    code, _, err = cli("evaluate", town, "--tiles", "tiles", "--date", "2019", "--query-bands", "map")
    assert (code, err.count("\n")) == (2, 1)
    assert "'sr'" in err


@pytest.mark.usefixtures("town")
def test_tiles_without_vectors_are_indexed_and_searched(cli):
    code, _, err = cli("index", "build", "./photos", "--model", "run", "--tiles", "tiles", "--date", "2019")
    assert code == 0, err
    code, out, err = cli("search", "./photos", "photo.tif", "-k", "1", "--format", "json")
    assert code in (0, 3), err
    found = {row["query"].split(":")[1]: row for row in json.loads(out)}
    assert all(found[cell]["tile_id"] == f"57-2019-{cell}-100" for cell in CELLS)


@pytest.mark.usefixtures("town")
def test_a_net_that_wants_both_refuses(cli, tmp_path):
    write_net(tmp_path / "strict", any_modality=False)
    code, _, err = cli("index", "build", "./strict-town", "--model", "strict", "--tiles", "tiles", "--date", "2004")
    assert code == 0, err
    code, _, err = cli("search", "./strict-town", "photo.tif")
    assert code == 2
    assert "--classes FILE" in err
    code, _, err = cli("evaluate", "./strict-town", "--tiles", "tiles", "--date", "2004", "--query-bands", "photo")
    assert (code, err.count("\n")) == (4, 1)
    assert "photo alone" in err
