"""What changes between the dates, against the strengths that were asked for."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from georetrieval.synthetic.capture import capture
from georetrieval.synthetic.chance import Drift, SmoothField, stream
from georetrieval.synthetic.departement import photo_move, vector_move
from georetrieval.synthetic.landscape import Landscape, make_landscape
from georetrieval.synthetic.mosaic import WOOD
from georetrieval.synthetic.strengths import Strengths, Wish

WISH = Wish(km=6, seed=3)


@pytest.fixture(scope="module")
def land() -> Landscape:
    return make_landscape(WISH.seed, WISH.size_m, WISH.strengths)


def test_strips_cover_the_square_once(land: Landscape) -> None:
    """Strips bend a little, so they may leave or cover crumbs: less than one per cent of the ground."""
    square = shapely.box(0, 0, WISH.size_m, WISH.size_m)
    area = shapely.area(shapely.intersection(land.strips.geometry, square)).sum()
    assert area == pytest.approx(WISH.size_m**2, rel=0.01)


def test_houses_come_and_go_as_asked(land: Landscape) -> None:
    """Estates add to the built ones: within their share of the houses."""
    houses = land.buildings.where(land.buildings["kind"] == "house")
    gone, built = (~houses["new"]).mean(), (~houses["old"]).mean()
    assert gone == pytest.approx(WISH.strengths.houses_gone, abs=0.02)
    assert WISH.strengths.houses_built - 0.02 < built < WISH.strengths.houses_built + 0.25
    assert (houses["old"] | houses["new"]).all()


def test_woods_move_as_asked(land: Landscape) -> None:
    old, new = land.strips["use_old"] == WOOD, land.strips["use_new"] == WOOD
    assert (old & ~new).sum() / old.sum() == pytest.approx(WISH.strengths.woods_felled, abs=0.02)
    assert (new & ~old).sum() / (~old).sum() == pytest.approx(WISH.strengths.woods_planted, abs=0.015)


def test_hedges_go_as_asked(land: Landscape) -> None:
    gone = (land.hedges["old"] & ~land.hedges["new"]).mean()
    assert gone == pytest.approx(WISH.strengths.hedges_gone, abs=0.05)


def test_limits_in_common(land: Landscape) -> None:
    """With every limit in common the parcels of both dates are the same ones inside each use."""
    steady = Strengths(parcels_common=1.0, meadows_kept=1.0, woods_felled=0.0, woods_planted=0.0)
    same = make_landscape(WISH.seed, WISH.size_m, steady).strips
    assert (same["parcel_old"] == same["parcel_new"]).all()
    strips = land.strips
    assert not np.array_equal(strips["parcel_old"], strips["parcel_new"])


def test_no_change_leaves_the_same_ground() -> None:
    still = Strengths(houses_gone=0, houses_built=0, estates_built=0, hedges_gone=0, hedges_planted=0)
    land = make_landscape(1, 3000.0, still)
    houses = land.buildings.where(land.buildings["kind"] == "house")
    assert houses["old"].all()
    assert houses["new"].all()
    assert (land.hedges["old"] & land.hedges["new"]).all()


def test_shifts_are_a_few_metres_and_smooth() -> None:
    """Photographs of the two dates lie sqrt(2) times the asked root mean square apart; neighbours move together."""
    points = np.random.default_rng(0).uniform(0, 30000, (4000, 2))
    wish = Wish(km=30, seed=5)
    apart = photo_move(wish, "old")(points) - photo_move(wish, "new")(points)
    assert np.sqrt((apart**2).sum(1).mean()) == pytest.approx(np.sqrt(2) * wish.strengths.photo_shift_m, rel=0.3)
    assert np.hypot(*apart.T).max() < 15
    beside = photo_move(wish, "old")(points + 10) - photo_move(wish, "old")(points)
    assert np.abs(beside - 10).max() < 0.5
    own = vector_move(wish, "new")(points) - photo_move(wish, "new")(points)
    assert np.sqrt((own**2).sum(1).mean()) == pytest.approx(wish.strengths.vector_shift_m, rel=0.35)


def test_editions_differ_as_specified(land: Landscape) -> None:
    """v2.0 has fewer churches and sport grounds, no light constructions, one kind of vegetation and no vineyards."""
    editions = {
        date: capture(land, WISH.seed, date, WISH.strengths, vector_move(WISH, date)) for date in ("old", "new")
    }
    kinds = {date: edition.buildings["kind"].tolist() for date, edition in editions.items()}
    sacred = {date: sum(kind in ("church", "chapel") for kind in found) for date, found in kinds.items()}
    assert sacred["old"] < sacred["new"]
    assert "annex" not in kinds["old"]
    assert "annex" in kinds["new"]
    sport = {date: int(np.isin(e.grounds["kind"], ("sport_field", "tennis", "athletics", "riding")).sum())
             for date, e in editions.items()}
    assert sport["old"] < sport["new"]
    assert set(editions["old"].vegetation["kind"]) == {"wood"}
    assert len(set(editions["new"].vegetation["kind"])) >= 5


def test_nothing_is_left_out_when_nothing_is_asked(land: Landscape) -> None:
    whole = Strengths(roads_missed=0, tracks_missed=0, buildings_missed=0, water_missed=0)
    edition = capture(land, WISH.seed, "new", whole, vector_move(WISH, "new"))
    now = land.at("new")
    assert len(edition.buildings) == len(now.buildings)
    assert len(edition.waters) == len(now.waters)
    length = shapely.length(now.roads.geometry).sum()
    assert shapely.length(edition.roads.geometry).sum() == pytest.approx(length, rel=0.01)


def test_fields_and_streams_are_named_chance() -> None:
    """A smooth field has mean 0 and variance 1; a stream depends on its names."""
    grid = np.random.default_rng(1).uniform(0, 10**6, (2, 20000))
    values = SmoothField.of(stream(1, "field"), 500)(*grid)
    assert abs(values.mean()) < 0.05
    assert values.std() == pytest.approx(1, abs=0.05)
    assert stream(1, "a").random() == stream(1, "a").random() != stream(1, "b").random()
    still = Drift.of(stream(1, "still"), 0.0, 500)
    assert (still(grid.T) == grid.T).all()
