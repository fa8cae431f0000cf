"""The photographs read back: names, places, formats, and that both dates show the same ground differently."""

from __future__ import annotations

import re

import numpy as np
import pytest
import rasterio
import shapely

from georetrieval.synthetic.departement import camera_of, photo_move
from georetrieval.synthetic.landscape import make_landscape
from georetrieval.synthetic.sheets import Sheet, resolution, sheet_name, sheets_of
from georetrieval.synthetic.strengths import Wish
from tests.synthetic.conftest import World

# Source: shared BDTOPO.md 5.4.
SHEET = re.compile(
    r"^(?P<dep>\d{2}|2[AB]|97\d)-(?P<year>\d{4})-(?P<xkm>\d{4})-(?P<ykm>\d{4})-(?P<srs>[A-Z0-9]+)-"
    r"(?P<res>\dM\d{2})(?:-(?P<comp>E\d{3}))?\.(?:jp2|tif)$")


@pytest.mark.parametrize(("survey", "driver", "suffix"), [(0, "JP2OpenJPEG", ".jp2"), (1, "GTiff", ".tif")])
def test_sheets_lie_where_their_names_say(world: World, survey: int, driver: str, suffix: str) -> None:
    files = sorted(world.path(survey, "photos").iterdir())
    covered = 0.0
    for file in files:
        assert file.suffix == suffix
        name = SHEET.match(file.name)
        assert name is not None
        with rasterio.open(file) as sheet:
            assert sheet.driver == driver
            assert sheet.crs.to_epsg() == 2154
            assert (sheet.count, sheet.dtypes[0], sheet.res) == (3, "uint8", (2.0, 2.0))
            assert (sheet.bounds.left, sheet.bounds.top) == (int(name["xkm"]) * 1000, int(name["ykm"]) * 1000)
            covered += (sheet.bounds.right - sheet.bounds.left) * (sheet.bounds.top - sheet.bounds.bottom)
            assert sheet.read(1, out_shape=(64, 64)).std() > 5
    assert covered == 3000 * 3000


def test_names_as_the_survey_writes_them() -> None:
    wish = Wish(km=12, seed=0, gsd_m=0.5, departement="57")
    assert sheet_name(wish, 2004, Sheet(905, 6925, 910, 6930), "jp2") == "57-2004-0905-6930-LA93-0M50-E080.jp2"
    assert [resolution(g) for g in (0.2, 0.5, 2.0)] == ["0M20", "0M50", "2M00"]


def test_sheets_cover_the_square_once() -> None:
    wish = Wish(km=12, seed=0, sheet_km=5)
    sheets = sheets_of(wish)
    assert len(sheets) == 9
    assert sum((s.east - s.west) * (s.north - s.south) for s in sheets) == 144
    assert (min(s.west for s in sheets), max(s.north for s in sheets)) == (905, 6942)


def test_windows_join_without_a_seam() -> None:
    """A window rendered whole and in two halves is the same picture, shadows, haze and grain included."""
    wish = Wish(km=3, seed=4)
    camera = camera_of(make_landscape(wish.seed, wish.size_m, wish.strengths), wish, "new")
    whole = camera.window(200, 300, 96, 128)
    halves = np.concatenate([camera.window(200, 300, 96, 57), camera.window(200, 357, 96, 71)], 2)
    assert (np.abs(whole.astype(int) - halves.astype(int)) <= 1).all()


@pytest.mark.parametrize("date", ["old", "new"])
def test_ponds_are_darker_than_the_land_where_the_photograph_shows_them(date: str) -> None:
    wish = Wish(km=3, seed=4)
    land = make_landscape(wish.seed, wish.size_m, wish.strengths)
    pixels = camera_of(land, wish, date).window(0, 0, 1500, 1500).astype(float).mean(0)
    waters = land.at(date).waters
    ponds = waters.geometry[(waters["kind"] == "pond") & (shapely.area(waters.geometry) > 1200)]
    x, y = (photo_move(wish, date)(shapely.get_coordinates(shapely.centroid(ponds))) - wish.origin_m).T
    inside = (np.minimum(x, y) > 0) & (np.maximum(x, y) < 3000)
    seen = pixels[((3000 - y[inside]) / 2).astype(int), (x[inside] / 2).astype(int)]
    assert len(seen) >= 3
    assert np.median(seen) < np.quantile(pixels, 0.25)


def test_the_two_flights_differ_in_light_and_crops() -> None:
    wish = Wish(km=3, seed=4)
    land = make_landscape(wish.seed, wish.size_m, wish.strengths)
    old, new = (camera_of(land, wish, date).window(400, 400, 400, 400).astype(float) for date in ("old", "new"))
    assert np.abs(old - new).mean() > 10
    assert np.corrcoef(old.mean(0).ravel(), new.mean(0).ravel())[0, 1] < 0.8
