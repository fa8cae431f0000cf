"""What tiles and legends look like in a notebook: the true pixels and colours, escaped, short."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from georetrieval.geo.grid import Cell, TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey, Tile
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from tests.made import tiny
from tests.made.markup import HOSTILE, read

LEGEND = Legend.load("bdtopo12")


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> TileSet:
    folder = tmp_path_factory.mktemp("showing")
    photo, vectors = tiny.write_survey(folder / "in")
    survey = Survey("57", "2004", photo, vectors)
    return build_tiles([survey], folder / "out", grid=TileGrid(tiny.CRS, 500), px=64, legend=LEGEND)


def test_a_tile_is_its_photo_and_its_coloured_classes(tiles: TileSet) -> None:
    wood = next(name for name, row in zip(tiles.catalogue["tile_id"], tiles.catalogue.itertuples(), strict=True)
                if row.share_vegetation > 0.5)
    tile = tiles.tile(wood)
    page = read(tile._repr_html_())
    (picture,) = page.pictures
    assert np.array_equal(picture[:, :64], tile.pixels[:3].transpose(1, 2, 0))
    assert np.array_equal(picture[:, 64:], LEGEND.palette()[tile.pixels[3]])
    assert page.rows[1][1] == "vegetation (zone de végétation)"
    assert float(page.rows[1][2].split()[0]) == pytest.approx(100 * (tile.pixels[3] == tiny.WOOD).mean(), abs=0.06)
    assert "64 x 64 px" in page.text


@pytest.mark.parametrize(("bands", "panels"), [(("grey",), 1), (("classes",), 1), (("r", "g", "b"), 1),
                                               (("grey", "classes"), 2)])
def test_tiles_of_any_bands_and_no_legend(bands: tuple[str, ...], panels: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 4, (len(bands), 8, 8), dtype=np.uint8)
    page = read(Tile(Cell(1, -2), bands, pixels, 1.0)._repr_html_())
    assert page.pictures[0].shape == (8, 8 * panels, 3)
    assert ("code 1" in page.text) is ("classes" in bands)


def test_a_large_tile_is_made_small_and_an_empty_one_is_said() -> None:
    random = np.random.default_rng(1)
    large = Tile(Cell(0, 0), ("r", "g", "b", "classes"), random.integers(0, 255, (4, 1500, 1500), dtype=np.uint8), 1.0,
                 LEGEND)
    html = large._repr_html_()
    assert read(html).pictures[0].shape == (256, 512, 3)
    assert len(html) < 1_000_000
    assert "0 x 0 px" in read(Tile(Cell(0, 0), ("grey",), np.zeros((1, 0, 0), np.uint8), 0.0)._repr_html_()).text


def test_a_legend_is_its_swatches_in_two_languages() -> None:
    page = read(LEGEND._repr_html_())
    assert len(page.rows) == 1 + 12
    assert ["", "10", "vegetation", "zone de végétation", "vegetation"] in page.rows
    red, green, blue = LEGEND.by_key["vegetation"].colour
    assert any(f"rgb({red},{green},{blue})" in style for style in page.styles)


def test_hostile_names(tiles: TileSet) -> None:
    legend = Legend(HOSTILE, tuple(replace(item, name_fr=HOSTILE, name_en=HOSTILE) for item in LEGEND.classes))
    survey = {**tiles.surveys[0], "scope": HOSTILE, "date": HOSTILE}
    hostile = replace(tiles, legend=legend, path=Path(HOSTILE.replace("\x00", "")),
                      manifest={**tiles.manifest, "surveys": [survey]})
    tile = replace(tiles.tile(tiles.catalogue["tile_id"].iloc[0]), legend=legend)
    for value in (legend, hostile, tile):
        assert "<script" not in value._repr_html_()
        assert "<script>" in read(value._repr_html_()).text


def test_a_tile_set_says_what_it_holds_and_reads_no_tile(tiles: TileSet) -> None:
    page = read(replace(tiles, path=Path("gone"))._repr_html_())
    assert page.text.startswith("TileSet 4 tiles")
    assert ["57", "2004", "r, g, b, classes", "4", "4"] in page.rows
    assert ["a side", "500 m, EPSG:2154: 64 px"] in page.rows


def test_two_tiles_are_equal_whatever_their_legend() -> None:
    """Only what was read of the ground counts."""
    pixels = np.zeros((1, 2, 2), np.uint8)
    assert repr(Tile(Cell(0, 0), ("grey",), pixels, 1.0, LEGEND)) == repr(Tile(Cell(0, 0), ("grey",), pixels, 1.0))
