"""Systems are compared by what they mean."""

from __future__ import annotations

import pytest
from pyproj import CRS

from georetrieval.errors import InputError
from georetrieval.geo.crs import crs_name, parse_crs, same_crs

LAMBERT93 = CRS.from_epsg(2154)


@pytest.mark.parametrize("spelling", [
    LAMBERT93.to_wkt(), LAMBERT93.to_wkt("WKT1_ESRI"), "EPSG:2154",
    "+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000 +ellps=GRS80 +units=m +no_defs",
])
def test_spellings_of_lambert_93(spelling: str) -> None:
    assert same_crs("EPSG:2154", spelling)


@pytest.mark.parametrize("other", ["EPSG:27572", "EPSG:4326", "EPSG:9793", ""])
def test_other_systems(other: str) -> None:
    assert not same_crs("EPSG:2154", other)


def test_two_plain_frames_are_one() -> None:
    assert same_crs("", "")


def test_a_word_that_is_no_system() -> None:
    with pytest.raises(InputError, match="EPSG:2154"):
        parse_crs("lambert ninety three")
    assert crs_name(LAMBERT93.to_wkt()) == "EPSG:2154"
