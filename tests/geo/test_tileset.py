"""A tile set on disk: damage is said, nothing wrong is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from georetrieval.errors import GeoretrievalError, InputError, StoreError
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.picturing import panels
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from tests.made import tiny


@pytest.fixture
def tiles(tmp_path: Path) -> TileSet:
    photo, vectors = tiny.write_survey(tmp_path / "in")
    survey = Survey("57", "2004", photo, vectors)
    return build_tiles([survey], tmp_path / "out", grid=TileGrid(tiny.CRS, 250), px=64, legend=Legend.load("bdtopo12"))


def test_it_opens_as_it_was_built(tiles: TileSet) -> None:
    again = TileSet.open(tiles.path)
    assert (again.grid, again.px, again.bands, again.digest) == (tiles.grid, tiles.px, tiles.bands, tiles.digest)
    assert again.legend.digest == Legend.load("bdtopo12").digest
    assert not again.pixels("57", "2004").flags.writeable


def test_what_it_does_not_hold(tiles: TileSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it holds 57 2004"):
        tiles.pixels("57", "2019")
    with pytest.raises(InputError, match="such as 57-2004"):
        tiles.find("57-2019-E0905000N6930000-250")
    with pytest.raises(InputError, match="tiles build"):
        TileSet.open(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        TileSet.open(tmp_path / "missing")


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"format": "georetrieval-tiles"}', '{"format": "x", "version": 9}',
])
def test_a_damaged_manifest(tiles: TileSet, text: str) -> None:
    (tiles.path / "tiles.json").write_text(text)
    with pytest.raises(StoreError, match=r"tiles\.json"):
        TileSet.open(tiles.path)


@pytest.mark.parametrize("name", ["catalogue.parquet", "57-2004/pack.npy"])
def test_truncated_files(tiles: TileSet, name: str) -> None:
    path = tiles.path / name
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StoreError, match=path.name):
        tiles.verify()
    opened = TileSet.open(tiles.path)
    with pytest.raises(StoreError, match="tiles build"):
        _ = opened.catalogue if path.suffix == ".parquet" else opened.pixels("57", "2004")


def test_a_changed_bit_in_the_catalogue_is_never_read_as_data(tiles: TileSet) -> None:
    path = tiles.path / "catalogue.parquet"
    whole = path.read_bytes()
    truth = tiles.catalogue
    for place in range(10, len(whole), 197):
        data = bytearray(whole)
        data[place] ^= 4
        path.write_bytes(data)
        try:
            found = TileSet.open(tiles.path).catalogue
        except GeoretrievalError:
            continue
        assert found.equals(truth), place


def test_a_changed_bit_in_the_pack_is_found_by_verify(tiles: TileSet) -> None:
    path = tiles.path / "57-2004" / "pack.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="not what was written"):
        tiles.verify()


def test_catalogue_and_manifest_out_of_step(tiles: TileSet) -> None:
    path = tiles.path / "tiles.json"
    value = json.loads(path.read_text())
    value["surveys"][0]["tiles"] = 15
    path.write_text(json.dumps(value))
    with pytest.raises(StoreError, match="out of step"):
        _ = TileSet.open(tiles.path).catalogue


def test_a_damaged_set_is_built_again(tiles: TileSet, tmp_path: Path) -> None:
    digest = tiles.digest
    (tiles.path / "catalogue.parquet").write_bytes(b"")
    (tiles.path / "57-2004" / "pack.npy").unlink()
    survey = Survey("57", "2004", tmp_path / "in" / "ortho", tmp_path / "in" / "vectors")
    again = build_tiles([survey], tiles.path, grid=tiles.grid, px=64, legend=tiles.legend)
    again.verify()
    assert again.digest == digest


def test_panels_show_photo_and_colours(tiles: TileSet) -> None:
    tile = tiles.tile("57-2004-E0905000N6930750-250")
    photo, classes = panels(tile, tiles.legend.palette())
    assert (photo == tile.pixels[:3].transpose(1, 2, 0)).all()
    assert (classes[5, 5] == tiles.legend.by_code[tiny.WOOD].colour).all()
