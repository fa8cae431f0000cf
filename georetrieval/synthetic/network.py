"""Settlements' places, and what connects them: rivers, roads, a motorway, a railway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from scipy.interpolate import CubicSpline
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import Delaunay, cKDTree

from georetrieval.synthetic.chance import Floats, stream
from georetrieval.synthetic.layer import Layer, blob, layer_of, meander, stacked

MARGIN_M = 600.0
TOWN, VILLAGE, HAMLET = 0, 1, 2
WIDTH_M = {"motorway": 9.0, "primary": 9.0, "secondary": 7.0, "lane": 5.0, "street": 5.0, "ramp": 5.0,
           "stone": 3.5, "track": 3.0, "path": 1.5}
"""Carriageway width of each kind of road in metres."""


@dataclass(frozen=True)
class Sites:
    """Places of towns, villages and hamlets: `xy` (n, 2) metres, `rank` and built-up `radius_m` (n,)."""

    xy: Floats
    rank: Floats
    radius_m: Floats


@dataclass(frozen=True)
class Network:
    """Everything long and thin that stays: sites, waters (polygons), streams, roads and rails (lines)."""

    sites: Sites
    waters: Layer
    streams: Layer
    roads: Layer
    rails: Layer


def make_network(seed: int, size_m: float) -> Network:
    """Lay out the network of a square of `size_m` metres from (0, 0)."""
    sites = _sites(stream(seed, "sites"), size_m)
    waters, streams = _waters(stream(seed, "water"), size_m, sites)
    sites = _dry(sites, waters)
    roads, motorway = _roads(stream(seed, "roads"), size_m, sites)
    rails = _rails(stream(seed, "rail"), size_m, sites, motorway)
    return Network(sites, waters, streams, roads, rails)


def darts(rng: np.random.Generator, count: int, low: float, high: float, spacing_m: float, others: Floats) -> Floats:
    """Up to `count` random points of a square that keep `spacing_m` from each other and from `others`; (n, 2)."""
    points = rng.uniform(low, high, (count * 12, 2))
    kept = thinned(np.concatenate([others, points]), spacing_m, always=len(others))
    return np.asarray(kept[len(others):len(others) + count])


def thinned(points: Floats, spacing_m: float, always: int = 0) -> Floats:
    """Points (n, 2) in order, without those nearer than `spacing_m` to an earlier kept one; the first `always` stay."""
    if not len(points):
        return points
    near: dict[int, list[int]] = {}
    for i, j in cKDTree(points).query_pairs(spacing_m):
        near.setdefault(max(i, j), []).append(min(i, j))
    kept = np.zeros(len(points), bool)
    for i in range(len(points)):
        kept[i] = i < always or not any(kept[j] for j in near.get(i, ()))
    return points[kept]


def _sites(rng: np.random.Generator, size_m: float) -> Sites:
    area = (size_m / 1000) ** 2
    wide = ((size_m + 2 * MARGIN_M) / 1000) ** 2
    none = np.zeros((0, 2))
    low, high = -MARGIN_M, size_m + MARGIN_M
    towns = darts(rng, max(1, round(area / 80)), 0.25 * size_m, 0.75 * size_m, 3500, none)
    villages = darts(rng, max(2, round(wide / 6)), low, high, 1400, towns)
    hamlets = darts(rng, max(3, round(wide / 2.2)), low, high, 600, np.concatenate([towns, villages]))
    xy = np.concatenate([towns, villages, hamlets])
    rank = np.repeat([TOWN, VILLAGE, HAMLET], [len(towns), len(villages), len(hamlets)]).astype(float)
    radius = np.select([rank == TOWN, rank == VILLAGE], [700.0, rng.uniform(180, 380, len(xy))],
                       rng.uniform(60, 130, len(xy)))
    return Sites(xy, rank, radius)


def _dry(sites: Sites, waters: Layer) -> Sites:
    union = shapely.union_all(waters.geometry)
    dry = (shapely.distance(shapely.points(sites.xy), union) > 60) | (sites.rank == TOWN)
    return Sites(sites.xy[dry], sites.rank[dry], sites.radius_m[dry])


def _waters(rng: np.random.Generator, size_m: float, sites: Sites) -> tuple[Layer, Layer]:
    area = (size_m / 1000) ** 2
    lines, rivers = [], []
    towns = shapely.multipoints(sites.xy[sites.rank == TOWN])
    for _ in range(max(1, round(size_m / 14000))):
        line = _across(rng, size_m, towns)
        lines.append(line)
        rivers.append(shapely.buffer(line, rng.uniform(9, 16)))
    trunk = shapely.union_all(lines)
    streams = []
    for start in rng.uniform(0, size_m, (max(2, round(area / 2.5)), 2)):
        point = shapely.shortest_line(shapely.points(start), trunk)
        end = shapely.get_coordinates(point)[-1]
        streams.append(meander(rng, start, end, 45, 500))
    ponds = [_pond(rng, streams, size_m) for _ in range(max(3, round(area / 1.1)))]
    ponds = [pond for pond in ponds if shapely.distance(pond, towns) > 150]
    pools = shapely.buffer(shapely.points(sites.xy[sites.rank < HAMLET] + 95), 9, cap_style="square")
    waters = stacked([
        layer_of(rivers, kind="river"), layer_of(ponds, kind="pond"), layer_of(pools, kind="basin"),
    ])
    width = rng.uniform(2.5, 5, len(streams))
    return waters, layer_of(streams, kind="stream", width_m=width)


def _across(rng: np.random.Generator, size_m: float, towns: Any) -> Any:
    """A winding line from west to east: of some tries the one that keeps farthest from the towns."""
    lines = []
    for _ in range(8):
        start = np.array([-MARGIN_M, rng.uniform(0.15, 0.85) * size_m])
        end = np.array([size_m + MARGIN_M, rng.uniform(0.15, 0.85) * size_m])
        lines.append(meander(rng, start, end, 260, 2300, pinned=False))
    return lines[int(np.argmax(np.minimum(shapely.distance(lines, towns), 400 + rng.uniform(0, 200, 8))))]


def _pond(rng: np.random.Generator, streams: list[Any], size_m: float) -> Any:
    x, y = rng.uniform(0, size_m, 2)
    if rng.random() < 0.6:
        line = streams[rng.integers(len(streams))]
        point = shapely.line_interpolate_point(line, rng.uniform(0, 0.8), normalized=True)
        x, y = shapely.get_coordinates(point)[0]
    return blob(rng, x, y, rng.gamma(3.0, 11.0) + 8)


def _roads(rng: np.random.Generator, size_m: float, sites: Sites) -> tuple[Layer, Any]:
    pairs = _gabriel(sites.xy)
    kinds = np.where(np.max(sites.rank[pairs], axis=1) < HAMLET, "secondary", "lane").astype(object)
    kinds[_through(sites.xy, pairs, axis=0)] = "primary"
    kinds[_through(sites.xy, pairs, axis=1)] = "primary"
    lines = []
    for a, b in sites.xy[pairs]:
        length = float(np.hypot(*(b - a)))
        lines.append(meander(rng, a, b, min(0.045 * length, 70), max(length * 1.3, 300)))
    axis = _motorway(rng, size_m, sites)
    bridges = shapely.buffer(axis, 28)
    local = layer_of(lines, kind=kinds.astype(str), level=0)
    over = shapely.intersection(local.geometry, bridges)
    on_ground = local.with_geometry(shapely.difference(local.geometry, bridges))
    raised = local.with_geometry(over).with_columns(level=np.ones(len(local), int))
    carriageways = layer_of([shapely.offset_curve(axis, side) for side in (-8.0, 8.0)], kind="motorway", level=0)
    ramps = layer_of(_ramps(axis, sites), kind="ramp", level=0)
    return exploded(stacked([on_ground, raised, carriageways, ramps])), axis


def exploded(layer: Layer) -> Layer:
    """One row per part; empty shapes and crumbs of lines under 2 m are dropped."""
    parts, rows = shapely.get_parts(layer.geometry, return_index=True)
    whole = Layer(parts, {k: v[rows] for k, v in layer.columns.items()})
    return whole.where(shapely.length(parts) > 2)


def _gabriel(xy: Floats) -> Any:
    triangles = Delaunay(xy).simplices
    pairs = np.unique(np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    middle = xy[pairs].mean(1)
    radius = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T) / 2
    nearest, _ = cKDTree(xy).query(middle)
    return pairs[nearest >= radius * (1 - 1e-9)]


def _through(xy: Floats, pairs: Any, axis: int) -> Any:
    """Rows of the pairs on the shortest way across the square."""
    lengths = np.hypot(*(xy[pairs[:, 0]] - xy[pairs[:, 1]]).T)
    graph = coo_array((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    first, last = int(xy[:, axis].argmin()), int(xy[:, axis].argmax())
    _, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    way, node = set(), last
    while before[node] >= 0:
        way.add((min(node, before[node]), max(node, before[node])))
        node = int(before[node])
    return [row for row, (a, b) in enumerate(pairs) if (a, b) in way]


def _motorway(rng: np.random.Generator, size_m: float, sites: Sites) -> Any:
    big = shapely.multipoints(sites.xy[sites.rank < HAMLET])
    best, room = None, -1.0
    for _ in range(12):
        x0, x1 = rng.uniform(0.1, 0.9, 2) * size_m
        line = meander(rng, np.array([x0, -MARGIN_M]), np.array([x1, size_m + MARGIN_M]), 150, 6000, pinned=False)
        distance = float(shapely.distance(line, big))
        if distance > room:
            best, room = line, distance
    return best


def _ramps(axis: Any, sites: Sites) -> list[Any]:
    town = shapely.points(sites.xy[0])
    where = float(shapely.line_locate_point(axis, town))
    lines = []
    for side in (-1, 1):
        points = shapely.get_coordinates(shapely.line_interpolate_point(axis, where + side * np.array([320, 160, 40])))
        out = points + np.array([[0, 0], [side * 30, 0], [side * 110, side * 60]])
        curve = CubicSpline([0, 0.5, 1], out)(np.linspace(0, 1, 15))
        lines.append(shapely.linestrings(curve))
    return lines


def _rails(rng: np.random.Generator, size_m: float, sites: Sites, motorway: Any) -> Layer:
    town = sites.xy[0]
    west, east_end = rng.uniform(0.1, 0.9, 2) * size_m
    ends = np.array([[-MARGIN_M, west], [size_m + MARGIN_M, east_end]])
    stops = np.stack([ends[0], town + np.array([-420, 330]), town + np.array([420, 300]), ends[1]])
    east = np.arange(-MARGIN_M, size_m + MARGIN_M, 25.0)
    line = shapely.linestrings(np.stack([east, CubicSpline(stops[:, 0], stops[:, 1])(east)], 1))
    under = shapely.buffer(motorway, 30)
    siding = shapely.linestrings(town + np.array([[-300, 336], [0, 322], [250, 312]]))
    goal = np.array([size_m * rng.uniform(0.2, 0.9), size_m + MARGIN_M])
    branch = meander(rng, town + np.array([430, 300]), goal, 120, 3000)
    return exploded(layer_of(
        [shapely.difference(line, under), shapely.intersection(line, under), siding, branch],
        kind=np.array(["main", "main", "service", "disused"]), level=np.array([0, -1, 0, 0]),
        tracks=np.array([2, 2, 1, 1]),
    ))
