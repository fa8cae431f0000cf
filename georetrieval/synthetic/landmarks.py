"""The buildings that have names, and the grounds beside them: each kind is there at least once."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from georetrieval.synthetic.chance import Floats
from georetrieval.synthetic.layer import Layer, Shapes, layer_of, rectangles, stacked
from georetrieval.synthetic.network import HAMLET, TOWN, Network

GROUND_SIZE_M = {"sport_field": (104.0, 64.0), "tennis": (36.0, 34.0), "athletics": (170.0, 92.0),
                 "riding": (60.0, 30.0), "cemetery": (70.0, 45.0), "pool": (25.0, 12.0)}
"""Length and width of each kind of ground in metres."""
TRIES = 16
"""Places tried for each wanted object before it is given up."""
WIDER = np.linspace(1.0, 2.4, TRIES)
"""How much farther from its anchor each try looks."""


def make_landmarks(rng: np.random.Generator, size_m: float, network: Network) -> Layer:
    """Churches and castles, forts and towers, farms, sheds, halls and stations."""
    sites = network.sites
    big, small = sites.xy[sites.rank < HAMLET], sites.xy[sites.rank == HAMLET]
    towns = sites.xy[sites.rank == TOWN]
    area = (size_m / 1000) ** 2
    wild = rng.uniform(400, size_m - 400, (max(2, round(area / 9)), 2))
    return numbered([
        _built(rng, towns, 40, _hall, "station", 8),
        _built(rng, big, 35, _church, "church", 16),
        _built(rng, _some(rng, small, len(small) // 3), 40, _chapel, "chapel", 8),
        _built(rng, _some(rng, big, len(big) // 3), 170, _castle, "castle", 14),
        _built(rng, _some(rng, big, len(big) // 3), 110, _tower, "tower", 18),
        _built(rng, _some(rng, wild, len(wild) // 3), 300, _tower, "mill", 12),
        _built(rng, wild, 300, _fort, "fort", 5),
        _built(rng, np.repeat(small, 2, 0), 55, _farm, "farm", 7, change=0.12),
        _built(rng, np.repeat(big, 2, 0), 260, _farm, "farm", 7, change=0.12),
        _built(rng, np.repeat(towns, 14, 0), 780, _shed, "industrial", 9, change=0.3),
        _built(rng, np.repeat(towns, 5, 0), 600, _shed, "commercial", 8, change=0.4),
        _built(rng, _some(rng, big, len(big) // 2), 240, _greenhouse, "greenhouse", 4, change=0.3),
        _built(rng, big, 60, _hall, "hall", 10),
        _built(rng, towns, 300, _shed, "sports_hall", 10),
        _built(rng, np.repeat(small, 2, 0), 75, _silo, "silo", 14, change=0.3),
    ])


def make_grounds(rng: np.random.Generator, size_m: float, network: Network) -> Layer:
    """Sport grounds, cemeteries and a runway; a few sport grounds are newer than the old date."""
    sites = network.sites
    big = sites.xy[sites.rank < HAMLET]
    layers = []
    for kind, points, distance_m, new in (
        ("cemetery", big, 170, 0.0), ("sport_field", big, 320, 0.1), ("tennis", big, 240, 0.3),
        ("riding", _some(rng, big, len(big) // 3), 340, 0.5), ("athletics", sites.xy[sites.rank == TOWN], 620, 0.0),
        ("pool", np.repeat(big, 3, 0), 130, 0.5),
    ):
        layers.append(_ground(rng, kind, points, distance_m, new))
    return numbered([_runways(rng, size_m, network), *layers])


def numbered(layers: list[Layer]) -> Layer:
    """One layer; the column `group` (TRIES rows per wanted object) is made unique over the layers."""
    counts = np.cumsum([0] + [int(layer["group"].max()) + 1 for layer in layers[:-1]])
    return stacked([
        layer.with_columns(group=layer["group"] + start) for layer, start in zip(layers, counts, strict=True)
    ])


def beside(rng: np.random.Generator, points: Floats, distance_m: Any) -> Floats:
    """A point about `distance_m` away from each of (n, 2) points."""
    turn = rng.uniform(0, 2 * np.pi, len(points))
    away = distance_m * rng.uniform(0.75, 1.25, len(points))
    return np.asarray(points + away[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1))


def _some(rng: np.random.Generator, points: Floats, count: int) -> Floats:
    """The first point, which lies well inside the square, and random others, at most `count` in all."""
    others = 1 + rng.permutation(max(len(points) - 1, 0))[: max(0, count - 1)]
    return np.asarray(points[np.concatenate([[0], others])])


def _built(
    rng: np.random.Generator, anchors: Floats, distance_m: float, shape: Any, kind: str, height_m: float,
    change: float = 0.0,
) -> Layer:
    points = beside(rng, np.repeat(anchors, TRIES, 0), distance_m * np.tile(WIDER, len(anchors)))
    group = np.repeat(np.arange(len(anchors)), TRIES)
    if kind == "station":
        platform = np.stack([np.linspace(-240, 240, TRIES), np.full(TRIES, 292.0)], 1)
        points = (anchors[:, None] + platform).reshape(-1, 2)
    angle = np.zeros(len(points)) if kind == "station" else rng.uniform(0, np.pi, len(points))
    draw = rng.random(len(points))
    return layer_of(
        shape(rng, points, angle), kind=kind, angle=angle, height_m=height_m * rng.uniform(0.8, 1.2, len(points)),
        old=(draw >= change * 0.7) | (group == 0), new=(draw < 1 - change * 0.3) | (group == 0), group=group)


def _box(points: Floats, along: Any, across: Any, angle: Floats) -> Shapes:
    return rectangles(points[:, 0], points[:, 1], along, across, angle)


def _church(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    nave = _box(points, rng.uniform(22, 34, len(points)), 11, angle)
    return np.asarray(shapely.union(nave, _box(points, 8, 21, angle)))


def _chapel(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    return _box(points, rng.uniform(11, 15, len(points)), 7, angle)


def _castle(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    side = rng.uniform(34, 52, len(points))
    outer, court = _box(points, side, side * 0.8, angle), _box(points, side - 20, side * 0.8 - 20, angle)
    return np.asarray(shapely.difference(outer, court))


def _tower(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:  # noqa: ARG001
    return np.asarray(shapely.buffer(shapely.points(points), rng.uniform(4.5, 7, len(points))))


def _fort(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    corner = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    radius = rng.uniform(16, 40, len(points))[:, None] * np.where(np.arange(10) % 2 == 0, 1.0, 0.62)
    turn = angle[:, None] + corner
    ring = points[:, None] + radius[..., None] * np.stack([np.cos(turn), np.sin(turn)], 2)
    return np.asarray(shapely.polygons(ring))


def _farm(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    return _box(points, rng.uniform(22, 48, len(points)), rng.uniform(11, 18, len(points)), angle)


def _shed(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    return _box(points, rng.uniform(40, 120, len(points)), rng.uniform(25, 60, len(points)), angle)


def _greenhouse(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    return _box(points, rng.uniform(25, 50, len(points)), 10, angle)


def _hall(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:
    return _box(points, rng.uniform(18, 30, len(points)), 12, angle)


def _silo(rng: np.random.Generator, points: Floats, angle: Floats) -> Shapes:  # noqa: ARG001
    return np.asarray(shapely.buffer(shapely.points(points), rng.uniform(3, 6, len(points))))


def _ground(rng: np.random.Generator, kind: str, anchors: Floats, distance_m: float, new: float) -> Layer:
    points = beside(rng, np.repeat(anchors, TRIES, 0), distance_m * np.tile(WIDER, len(anchors)))
    group = np.repeat(np.arange(len(anchors)), TRIES)
    angle = rng.uniform(0, np.pi, len(points))
    scale = rng.uniform(0.85, 1.1, len(points))
    long, wide = GROUND_SIZE_M[kind]
    return layer_of(_box(points, long * scale, wide * scale, angle), kind=kind, angle=angle,
                    old=(rng.random(len(points)) >= new) | (group == 0), new=True, group=group)


def _runways(rng: np.random.Generator, size_m: float, network: Network) -> Layer:
    """One hard and one grass runway where fewest roads, waters and sites are in the way."""
    length = min(1100.0, 0.22 * size_m)
    angle = rng.uniform(0, np.pi, 200)
    centre = rng.uniform(0.2 * size_m, 0.8 * size_m, (200, 2))
    strips = _box(centre, length + 60, 190, angle)
    lines = np.concatenate([network.roads.geometry, network.waters.geometry, network.rails.geometry,
                            network.streams.geometry, shapely.buffer(
                                shapely.points(network.sites.xy), network.sites.radius_m)])
    crossed = np.bincount(shapely.STRtree(lines).query(strips, predicate="intersects")[0], minlength=200)
    best = int(crossed.argmin())
    normal = 45 * np.array([-np.sin(angle[best]), np.cos(angle[best])])
    pair = np.stack([centre[best] - normal, centre[best] + normal])
    turn = np.repeat(angle[best], 2)
    return layer_of(_box(pair, np.array([length, length * 0.7]), np.array([28.0, 50.0]), turn),
                    kind=np.array(["runway_hard", "runway_grass"]), angle=turn, old=True, new=True,
                    group=np.array([0, 1]))
