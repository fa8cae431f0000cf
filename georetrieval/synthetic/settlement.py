"""What people built: streets, houses in rows and in estates, farms, sheds, and the buildings that have names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from georetrieval.synthetic.chance import Floats, stream
from georetrieval.synthetic.landmarks import make_grounds, make_landmarks
from georetrieval.synthetic.layer import Layer, Shapes, layer_of, meander, rectangles, stacked
from georetrieval.synthetic.network import HAMLET, TOWN, VILLAGE, WIDTH_M, Network
from georetrieval.synthetic.strengths import Strengths


@dataclass(frozen=True)
class Settlement:
    """`streets` (lines), `buildings`, `plots` (gardens and yards) and `grounds` (sport, cemetery, runway)."""

    streets: Layer
    buildings: Layer
    plots: Layer
    grounds: Layer


def make_settlement(seed: int, size_m: float, network: Network, strengths: Strengths) -> Settlement:
    """Build up every site of the network."""
    streets = _streets(stream(seed, "streets"), network, strengths)
    houses, plots = _houses(stream(seed, "houses"), network, streets, strengths)
    landmarks = make_landmarks(stream(seed, "landmarks"), size_m, network)
    grounds = make_grounds(stream(seed, "grounds"), size_m, network)
    roads = stacked([network.roads.with_columns(**_always(network.roads)), streets])
    first = np.concatenate([shapely.buffer(roads.geometry, [WIDTH_M[k] / 2 + 1.5 for k in roads["kind"]]),
                            shapely.buffer(network.rails.geometry, 9), shapely.buffer(network.waters.geometry, 4)])
    placed = _placed(stacked([
        grounds.with_columns(height_m=np.zeros(len(grounds)), group=grounds["group"] + 10**6), landmarks]), first)
    firm, grounds = placed.where(placed["height_m"] > 0), placed.where(placed["height_m"] == 0)
    taken = np.concatenate([first, shapely.buffer(firm.geometry, 3), grounds.geometry])
    houses = houses.where(_free(houses.geometry, taken, itself=True))
    plots = plots.where(_free(plots.geometry, np.concatenate([first, grounds.geometry]), itself=False))
    named = Layer(firm.geometry, {column: firm[column] for column in houses.columns})
    return Settlement(streets, stacked([houses, named]), plots, grounds)


def _always(layer: Layer) -> dict[str, Any]:
    return {"old": np.ones(len(layer), bool), "new": np.ones(len(layer), bool)}


def _placed(wanted: Layer, first: Shapes) -> Layer:
    """Of each group the earliest object that touches nothing of `first` nor what was placed before it."""
    free = _free(wanted.geometry, first, itself=False) | (wanted["kind"] == "runway_hard")
    near: dict[int, list[int]] = {}
    pairs = shapely.STRtree(wanted.geometry).query(wanted.geometry, predicate="dwithin", distance=4.0)
    for i, j in pairs.T.tolist():
        if j < i:
            near.setdefault(i, []).append(j)
    done: set[int] = set()
    for row in range(len(wanted)):
        group = int(wanted["group"][row])
        free[row] = free[row] and group not in done and not any(free[j] for j in near.get(row, ()))
        if free[row]:
            done.add(group)
    return wanted.where(free)


def _free(shapes: Shapes, taken: Shapes, *, itself: bool) -> Any:
    """Which shapes touch nothing that is taken and, if asked, no earlier shape of their own."""
    free = np.ones(len(shapes), bool)
    free[np.unique(shapely.STRtree(taken).query(shapes, predicate="intersects")[0])] = False
    if itself:
        kept = np.flatnonzero(free)
        one, two = shapely.STRtree(shapes[kept]).query(shapes[kept], predicate="overlaps")
        free[kept[np.unique(one[one > two])]] = False
    return free


def _streets(rng: np.random.Generator, network: Network, strengths: Strengths) -> Layer:
    """Side streets: branches off the through roads and, in towns and estates, branches off the branches."""
    sites = network.sites
    main = network.roads.where(np.isin(network.roads["kind"], ("primary", "secondary", "lane")))
    lines: list[Any] = []
    estate: list[bool] = []
    for (x, y), rank, radius in zip(sites.xy, sites.rank, sites.radius_m, strict=True):
        here = shapely.intersection(main.geometry, shapely.buffer(shapely.points(x, y), radius))
        trunks = [line for line in shapely.get_parts(here) if shapely.length(line) > 40]
        if not trunks:
            continue
        count = {TOWN: 16, VILLAGE: 4, HAMLET: 1}[int(rank)]
        young = rng.random() < strengths.estates_built and rank < HAMLET
        for n in range(count + (2 if young else 0)):
            fresh = n >= count
            pool = trunks if rank != TOWN or n < 6 else trunks + lines[-n:]
            line = _branch(rng, pool[rng.integers(len(pool))], 0.4 * radius + 60 if rank < HAMLET else 90)
            lines.append(line)
            estate.append(fresh)
            if rank < HAMLET and rng.random() < 0.5:
                lines.append(_branch(rng, line, 120))
                estate.append(fresh)
    return layer_of(lines, kind="street", level=0, old=~np.asarray(estate, bool), new=True)


def _branch(rng: np.random.Generator, trunk: Any, length_m: float) -> Any:
    at = rng.uniform(0.05, 0.95) * shapely.length(trunk)
    start, ahead = shapely.get_coordinates(shapely.line_interpolate_point(trunk, [at, at - 4 if at > 4 else at + 4]))
    heading = np.arctan2(*(ahead - start)[::-1]) + rng.choice([-1, 1]) * np.pi / 2 + rng.normal() * 0.15
    length = length_m * rng.uniform(0.6, 1.3)
    end = start + length * np.array([np.cos(heading), np.sin(heading)])
    return meander(rng, start, end, 6, 2.5 * length)


def _houses(rng: np.random.Generator, network: Network, streets: Layer, strengths: Strengths) -> tuple[Layer, Layer]:
    """Houses along everything that passes through a site, with the plots behind them."""
    sites = network.sites
    roads = network.roads.where(np.isin(network.roads["kind"], ("primary", "secondary", "lane"))
                                & (network.roads["level"] == 0))
    discs = shapely.buffer(shapely.points(sites.xy), sites.radius_m)
    tree = shapely.STRtree(roads.geometry)
    site, road = tree.query(discs, predicate="intersects")
    pieces, rows = shapely.get_parts(shapely.intersection(roads.geometry[road], discs[site]), return_index=True)
    frontage = [_frontage(rng, line, rank < HAMLET and rng.random() < 0.8, False)
                for line, rank in zip(pieces, sites.rank[site[rows]], strict=True)]
    frontage += [_frontage(rng, line, False, not old)
                 for line, old in zip(streets.geometry, streets["old"], strict=True)]
    x, y, along, across, angle, depth, row, fresh = np.concatenate(frontage, 1)
    houses = _presence(rng, layer_of(
        rectangles(x, y, along, across, angle), kind="house", angle=angle,
        height_m=np.where(row > 0, rng.uniform(7, 11, len(x)), rng.uniform(4, 8, len(x)))), fresh > 0, strengths)
    wing = (rng.random(len(x)) < 0.35) & (row == 0)
    turn = angle + np.pi / 2
    side = rng.choice([-1, 1], len(x)) * along * 0.3
    wings = rectangles(x + np.cos(angle) * side + np.cos(turn) * across * 0.5,
                       y + np.sin(angle) * side + np.sin(turn) * across * 0.5, along * 0.42, across, angle)
    shapes = np.where(wing, shapely.union(houses.geometry, wings), houses.geometry)
    behind = np.stack([np.cos(angle - np.pi / 2), np.sin(angle - np.pi / 2)], 1) * depth[:, None]
    sheds = rng.random(len(x)) < 0.3
    long, wide = rng.uniform(4, 7, len(x)), rng.uniform(3, 6, len(x))
    boxes = rectangles(x + behind[:, 0] * 0.35, y + behind[:, 1] * 0.35, long, wide, angle)
    annexes = layer_of(boxes, kind="annex", angle=angle, height_m=2.5).where(sheds)
    annexes = annexes.with_columns(old=rng.random(len(annexes)) < 0.6, new=rng.random(len(annexes)) < 0.85)
    plots = layer_of(
        rectangles(x + behind[:, 0] * 0.5, y + behind[:, 1] * 0.5, along + 8, across + np.abs(depth), angle),
        shade=rng.random(len(x)), old=houses["old"] | (fresh == 0), new=True)
    return stacked([houses.with_geometry(shapes), annexes]), plots


def _presence(rng: np.random.Generator, houses: Layer, fresh: Any, strengths: Strengths) -> Layer:
    draw = rng.random(len(houses))
    built = fresh | (draw < strengths.houses_built)
    gone = ~built & (draw > 1 - strengths.houses_gone)
    return houses.with_columns(old=~built, new=~gone)


def _frontage(rng: np.random.Generator, line: Any, row: bool, fresh: bool) -> Floats:
    """Houses on both sides of a line: (8, n) of x, y, along, across, angle, signed plot depth, row?, fresh?."""
    sides = []
    for sign in (-1.0, 1.0):
        along = rng.uniform(11, 19, 200) if row else rng.uniform(8.5, 15, 200)
        gap = rng.choice([0.0, 0.3, 9.0], 200, p=[0.6, 0.25, 0.15]) if row else rng.uniform(7, 26, 200)
        end = np.cumsum(along + gap)
        keep = end < shapely.length(line)
        along, at = along[keep], (end - along / 2)[keep]
        here = shapely.get_coordinates(shapely.line_interpolate_point(line, at)).reshape(-1, 2)
        ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 2)).reshape(-1, 2) - here
        angle = np.arctan2(ahead[:, 1], ahead[:, 0]) + (0 if row else 1) * rng.normal(size=len(at)) * 0.06
        across = rng.uniform(12, 18, len(at)) if row else rng.uniform(8, 12, len(at))
        away = across / 2 + (rng.uniform(6, 7.5, len(at)) if row else rng.uniform(7, 15, len(at)))
        normal = np.stack([-np.sin(angle), np.cos(angle)], 1) * sign
        x, y = (here + normal * away[:, None]).T
        depth = -sign * (rng.uniform(30, 55, len(at)))
        sides.append(np.stack([x, y, along, across, angle, depth, np.full(len(at), row), np.full(len(at), fresh)]))
    return np.concatenate(sides, 1)
