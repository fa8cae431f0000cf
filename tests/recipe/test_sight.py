"""Surveys with photo and vectors, with a photo alone and with vectors alone, seen by one eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from georetrieval.errors import InputError, MismatchError
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from georetrieval.nets.baselines import HogEmbedder
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from georetrieval.recipe.indexing import index_tiles
from georetrieval.recipe.sight import bands_for, look, part_of, takes_parts
from tests.made.tiny import BOUNDS, write_survey

torch.set_num_threads(1)
SIX = ("r", "g", "b", "sr", "sg", "sb")
PHOTO, MAP = SIX[:3], SIX[3:]


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileSet:
    """One square kilometre, four cells: scope 57 has both, scope 88 the photo alone, scope 99 the vectors alone."""
    folder = tmp_path_factory.mktemp("parts")
    photo, vectors = write_survey(folder, px=100)
    surveys = [Survey("57", "2004", photos=photo, vectors=vectors), Survey("88", "2004", photos=photo),
               Survey("99", "2004", vectors=vectors, bounds=BOUNDS)]
    grid, legend = TileGrid("EPSG:2154", 500), Legend.load("bdtopo12")
    return build_tiles(surveys, folder / "tiles", grid=grid, px=32, legend=legend)


def net(*, any_modality: bool = True) -> DescriptorNet:
    torch.manual_seed(1)
    settings = NetSettings(bands=SIX, px=32, trunk="resnet10t", head="pool", descriptor=8, any_modality=any_modality)
    return DescriptorNet(settings).eval()


def test_what_an_eye_sees_of_what_is_stored() -> None:
    eye = net()
    assert takes_parts(eye)
    assert bands_for(eye, ("r", "g", "b", "classes")) == SIX
    assert bands_for(eye, ("r", "g", "b")) == bands_for(eye, ("grey",)) == PHOTO
    assert bands_for(eye, ("classes",)) == MAP
    assert bands_for(eye, ("r", "g", "b", "classes"), "map") == part_of(eye, "map") == MAP
    assert bands_for(net(any_modality=False), ("r", "g", "b")) == SIX, "it wants what is not there, and is told so"


def test_an_eye_that_takes_no_parts_refuses_them() -> None:
    with pytest.raises(MismatchError, match="photo alone"):
        part_of(net(any_modality=False), "photo")
    with pytest.raises(MismatchError, match="map alone"):
        part_of(HogEmbedder(), "map")
    assert part_of(HogEmbedder(), "photo") == ("grey",), "the photo is all it sees"


def test_each_survey_is_seen_by_what_it_has(tiles: TileSet) -> None:
    """Scope 88 is 57 without its vectors, 99 is 57 without its photo."""
    eye = net().for_inference(dtype="float32")
    seen = look(tiles, eye, date="2004")
    assert sorted(seen.scopes.tolist()) == ["57"] * 4 + ["88"] * 4 + ["99"] * 4
    for scope, part in (("88", "photo"), ("99", "map")):
        alone = look(tiles, eye, date="2004", scopes=["57"], part=part)  # type: ignore[arg-type]
        mine = seen.vectors[seen.scopes == scope]
        assert np.allclose(mine, alone.vectors, atol=1e-5)
    both = look(tiles, eye, date="2004", scopes=["57"])
    assert not np.allclose(both.vectors, seen.vectors[seen.scopes == "88"], atol=1e-3)


def test_some_tiles_of_some_surveys(tiles: TileSet) -> None:
    wanted = [tile for tile in tiles.catalogue["tile_id"] if tile.startswith(("57", "88"))][1:6]
    assert sorted(look(tiles, net(), date="2004", tile_ids=wanted).names.tolist()) == sorted(wanted)
    with pytest.raises(InputError, match="No tile of 2004"):
        look(tiles, net(), date="2004", tile_ids=["nothing"])
    with pytest.raises(InputError, match="1999"):
        look(tiles, net(), date="1999")


def test_a_part_that_is_not_there_is_an_error_and_not_a_guess(tiles: TileSet) -> None:
    with pytest.raises(InputError, match="'sr'"):
        look(tiles, net(), date="2004", scopes=["88"], part="map")
    with pytest.raises(InputError, match="'sr'"):
        look(tiles, net(any_modality=False), date="2004", scopes=["88"])


def test_a_survey_without_vectors_is_indexed(tiles: TileSet, tmp_path: Path) -> None:
    eye = net()
    eye.save(tmp_path / "run" / "weights.safetensors")
    store = index_tiles(tmp_path / "index", tiles, str(tmp_path / "run"), dates=["2004"])
    rows, _ = store.load()
    assert len(rows) == 12
    seen = look(tiles, eye, date="2004", scopes=["88"])
    stored = rows.vectors[[rows.names.tolist().index(name) for name in seen.names.tolist()]]
    cosines = (stored * seen.vectors).sum(1) / np.linalg.norm(stored, axis=1) / np.linalg.norm(seen.vectors, axis=1)
    assert cosines.min() > 0.999
