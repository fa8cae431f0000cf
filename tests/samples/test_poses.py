"""Poses stay within their settings, are drawn again alike, and change nothing when nothing is asked."""

from __future__ import annotations

import numpy as np
import pytest

from georetrieval.errors import UsageError
from georetrieval.samples.poses import GroundSettings, Poses

FAR = GroundSettings(place=0.5, shift=0.1, angle_deg=15, scale=(0.7, 1.4))


def drawn(settings: GroundSettings, seed: int = 1, count: int = 4000) -> tuple[Poses, Poses]:
    return settings.draw(count, np.random.default_rng(seed))


def test_within_the_settings_and_all_over_them() -> None:
    for member in drawn(FAR):
        assert -15 <= member.angle_deg.min() < -14
        assert 14 < member.angle_deg.max() <= 15
        assert 0.7 <= member.scale.min() < 0.71
        assert 1.39 < member.scale.max() <= 1.4
        assert np.median(member.scale) == pytest.approx(np.sqrt(0.7 * 1.4), abs=0.02)  # log-uniform


def test_all_pairs_share_their_place_and_each_member_moves_a_little() -> None:
    first, second = drawn(FAR)
    for axis in ("east", "north"):
        both = np.concatenate([getattr(first, axis), getattr(second, axis)])
        assert 0.19 < np.ptp(both) <= 0.2
        assert abs(both.mean()) <= 0.51
    assert np.corrcoef(first.east, second.east)[0, 1] == pytest.approx(0, abs=0.06)
    places = [drawn(FAR, seed, 1)[0].east[0] for seed in range(200)]
    assert min(places) < -0.4
    assert max(places) > 0.4


def test_the_same_generator_gives_the_same_poses() -> None:
    for a, b in zip(drawn(FAR, 7), drawn(FAR, 7), strict=True):
        assert all(np.array_equal(getattr(a, n), getattr(b, n)) for n in ("east", "north", "angle_deg", "scale"))
    assert not np.array_equal(drawn(FAR, 7)[0].scale, drawn(FAR, 8)[0].scale)


def test_the_second_member_stays_upright_when_asked() -> None:
    first, second = drawn(GroundSettings(shift=0.1, angle_deg=180, scale=(0.5, 2), sides="query"))
    assert first.angle_deg.std() > 50
    assert not second.angle_deg.any()
    assert (second.scale == 1).all()
    assert second.east.std() > 0.05


def test_nothing_asked_nothing_changed() -> None:
    for member in (*drawn(GroundSettings(), count=3), Poses.none(3)):
        assert not np.column_stack([member.east, member.north, member.angle_deg]).any()
        assert (member.scale == 1).all()


def test_some_rows_and_wrong_ones() -> None:
    poses = Poses(*(np.arange(4.0) + 1 for _ in range(4)))
    assert poses.take(np.array([3, 0])).north.tolist() == [4, 1]
    with pytest.raises(UsageError):
        Poses(np.zeros(2), np.zeros(2), np.zeros(2), np.zeros(2))
    with pytest.raises(UsageError):
        Poses(np.zeros(2), np.zeros(3), np.zeros(2), np.ones(2))


def test_every_other_query_is_taken_at_any_angle_and_brought_back() -> None:
    settings = GroundSettings(angle_deg=5, looks=(0.7, 1.4))
    own = drawn(settings)[0]
    taken, back, scale = settings.look(own, np.random.default_rng(2))
    chosen = back != 0
    assert chosen.mean() == pytest.approx(0.5, abs=0.03)
    assert np.allclose(taken.angle_deg + back, own.angle_deg)
    assert np.allclose(taken.scale * scale, own.scale)
    assert np.array_equal(taken.angle_deg[~chosen], own.angle_deg[~chosen])
    assert np.ptp(back) > 350
    assert 1 / 1.4 <= scale.min() < 0.73
    assert 1.37 < scale.max() <= 1 / 0.7
    assert np.array_equal(taken.east, own.east)


def test_without_looks_the_poses_are_taken_as_they_are() -> None:
    own = drawn(FAR)[0]
    taken, back, scale = FAR.look(own, np.random.default_rng(2))
    assert taken is own
    assert not back.any()
    assert (scale == 1).all()


def test_a_batch_shares_its_zoom() -> None:
    first, second = drawn(GroundSettings(scale=(0.9, 1.1), sides="query", zoom=(0.5, 2.0)))
    assert np.ptp(second.scale) == 0
    assert 0.89 < (first.scale / second.scale).min() < 0.91
    shared = np.array([drawn(GroundSettings(zoom=(0.5, 2.0)), seed, 1)[0].scale[0] for seed in range(200)])
    assert 0.5 <= shared.min() < 0.55
    assert 1.8 < shared.max() <= 2
