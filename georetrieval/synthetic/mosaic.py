"""The fields: blocks between tracks, strips in blocks, what grows on them at either date, hedges between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import Voronoi, cKDTree

from georetrieval.synthetic.chance import Drift, Floats, SmoothField, stream
from georetrieval.synthetic.layer import Layer, layer_of
from georetrieval.synthetic.network import HAMLET, MARGIN_M, Network, darts, thinned
from georetrieval.synthetic.strengths import Strengths

FIELD, MEADOW, WOOD, VINE, ORCHARD, QUARRY, HEATH = range(7)
SPACING_M = 235.0


@dataclass(frozen=True)
class Mosaic:
    """`strips`: the finest pieces of land, with `use_old|new` and the numbers `parcel_old|new` of the parcels that
    they belong to at each date; `tracks` and `hedges`: lines."""

    strips: Layer
    tracks: Layer
    hedges: Layer


def make_mosaic(seed: int, size_m: float, network: Network, strengths: Strengths) -> Mosaic:
    """Divide the square's land."""
    rng = stream(seed, "mosaic")
    cells = Voronoi(_seeds(rng, size_m, network))
    blocks = _blocks(cells)
    pieces, limits = _strips(rng, blocks)
    uses = _uses(stream(seed, "uses"), size_m, network, blocks, pieces, strengths)
    strips = _parcels(stream(seed, "parcels"), pieces.with_columns(**uses), strengths)
    tracks = _tracks(stream(seed, "tracks"), cells, network)
    hedges = _hedges(stream(seed, "hedges"), strips, limits, tracks, strengths)
    bend = Drift.of(stream(seed, "bend"), 9.0, 330.0)
    return Mosaic(*(bent(layer, bend) for layer in (strips, tracks, hedges)))


def bent(layer: Layer, bend: Drift) -> Layer:
    """Straight limits become slightly curved, the same way for all that share them."""
    return layer.with_geometry(shapely.segmentize(layer.geometry, 30.0)).moved(bend)


def near(shapes: NDArray[np.object_], others: NDArray[np.object_], distance_m: float) -> NDArray[np.bool_]:
    """Which shapes lie within `distance_m` of any of the others."""
    found = np.zeros(len(shapes), bool)
    found[shapely.STRtree(others).query(shapes, predicate="dwithin", distance=distance_m)[0]] = True
    return found


def _seeds(rng: np.random.Generator, size_m: float, network: Network) -> Floats:
    """Centres of blocks: mirrored pairs beside the roads, so that roads are limits, and darts elsewhere."""
    pairs = []
    for line in network.roads.geometry[np.isin(network.roads["kind"], ("primary", "secondary", "lane"))]:
        at = np.arange(rng.uniform(60, 140), shapely.length(line), SPACING_M * 0.9)
        if len(at):
            here = shapely.get_coordinates(shapely.line_interpolate_point(line, at))
            ahead = shapely.get_coordinates(shapely.line_interpolate_point(line, at + 5)) - here
            normal = np.stack([-ahead[:, 1], ahead[:, 0]], 1) / np.maximum(np.hypot(*ahead.T), 1e-6)[:, None]
            pairs.append(np.stack([here + normal * 100, here - normal * 100], 1))
    kept = thinned(np.concatenate(pairs).reshape(-1, 2), SPACING_M * 0.55)
    low, high = -MARGIN_M, size_m + MARGIN_M
    count = int(((high - low) / SPACING_M) ** 2)
    loose = darts(rng, count, low, high, SPACING_M * 0.72, kept)
    return np.concatenate([kept, loose])


def _blocks(cells: Voronoi) -> NDArray[np.object_]:
    inside = [i for i, region in enumerate(cells.point_region)
              if len(cells.regions[region]) > 2 and -1 not in cells.regions[region]]
    shapes = [shapely.polygons(cells.vertices[cells.regions[cells.point_region[i]]]) for i in inside]
    blocks = np.array(shapes, object)
    middle = cells.points[inside]
    near = shapely.box(*(middle.min(0) - 50), *(middle.max(0) + 50))
    return np.asarray(shapely.intersection(blocks, near))


def _strips(rng: np.random.Generator, blocks: NDArray[np.object_]) -> tuple[Layer, Layer]:
    """Cut each block along its long side; some blocks also across."""
    frames = shapely.get_coordinates(shapely.oriented_envelope(blocks)).reshape(len(blocks), 5, 2)
    shapes, lines, rows, order, angles = [], [], [], [], []
    for row, frame in enumerate(frames):
        one, two = frame[1] - frame[0], frame[2] - frame[1]
        if np.hypot(*one) > np.hypot(*two):
            corner, along, across = frame[0], one, two
        else:
            corner, along, across = frame[1], two, -one
        width = np.hypot(*across)
        cuts = np.cumsum(rng.lognormal(3.95, 0.45, 40)) / width
        cuts = np.concatenate([[0], cuts[cuts < 1 - 18 / width], [1]])
        middle = [0, rng.uniform(0.3, 0.7), 1] if rng.random() < 0.4 else [0, 1]
        for v0, v1 in pairwise(middle):
            for n, (u0, u1) in enumerate(pairwise(cuts)):
                corners = [(v0, u0), (v1, u0), (v1, u1), (v0, u1)]
                shapes.append([corner + v * along + u * across for v, u in corners])
                lines.append(shapes[-1][:2])
                rows.append(row)
                order.append(n)
                angles.append(np.arctan2(along[1], along[0]))
    owner = blocks[np.asarray(rows)]
    pieces = layer_of(shapely.intersection(shapely.polygons(np.asarray(shapes)), owner), block=np.asarray(rows),
                      order=np.asarray(order), angle=np.asarray(angles))
    limits = layer_of(shapely.intersection(shapely.linestrings(np.asarray(lines)), owner))
    whole = (shapely.area(pieces.geometry) > 30) & (shapely.get_type_id(pieces.geometry) == 3)
    return pieces.where(whole), limits.where(whole)


def _uses(
    rng: np.random.Generator, size_m: float, network: Network, blocks: NDArray[np.object_], pieces: Layer,
    strengths: Strengths,
) -> dict[str, Any]:
    centre = shapely.get_coordinates(shapely.centroid(blocks))
    woody, grassy = SmoothField.of(rng, 3200), SmoothField.of(rng, 2500)
    away, site = cKDTree(network.sites.xy).query(centre)
    clear = away - network.sites.radius_m[site]
    wood = woody(*centre.T) + 0.25 * rng.normal(size=len(centre))
    chosen = np.where((wood > np.quantile(wood, 0.70)) & (clear > 60), WOOD, FIELD)
    village = (clear < 260) & (chosen == FIELD) & (network.sites.rank[site] < HAMLET)
    chosen[village & (rng.random(len(centre)) < 0.16)] = VINE
    chosen[village & (rng.random(len(centre)) < 0.12)] = ORCHARD
    chosen[(chosen == FIELD) & (rng.random(len(centre)) < 0.02)] = HEATH
    inner = np.flatnonzero((clear > 150) & (np.abs(centre - size_m / 2).max(1) < size_m / 2 - 300))
    chosen[rng.choice(inner, max(1, round((size_m / 1000) ** 2 / 30)), replace=False)] = QUARRY
    use = chosen[pieces["block"]]
    copse = (use == FIELD) & (rng.random(len(use)) < 0.035) & (clear[pieces["block"]] > 100)
    use = np.where(copse, WOOD, use)
    wet = near(shapely.centroid(pieces.geometry), network.streams.geometry, 70)
    grass = rng.random(len(use)) < np.where(wet, 0.8, 0.22 + 0.12 * grassy(*centre[pieces["block"]].T))
    old = np.where((use == FIELD) & grass, MEADOW, use)
    redrawn = rng.random(len(use)) > strengths.meadows_kept
    new = np.where(redrawn & np.isin(old, (FIELD, MEADOW)), np.where(rng.random(len(use)) < 0.25, MEADOW, FIELD), old)
    felled = (old == WOOD) & (rng.random(len(use)) < strengths.woods_felled)
    planted = np.isin(old, (FIELD, MEADOW, HEATH)) & (rng.random(len(use)) < strengths.woods_planted)
    new = np.where(felled, HEATH, np.where(planted, WOOD, new))
    return {"use_old": old, "use_new": new}


def _parcels(rng: np.random.Generator, strips: Layer, strengths: Strengths) -> Layer:
    """Number the parcels of each date: neighbours are one parcel where the limit between them is not in use."""
    share = strengths.parcels_common
    draw = rng.random(len(strips))
    first = np.concatenate([[True], (np.diff(strips["block"]) != 0) | (np.diff(strips["order"]) != 1)])
    split = share + (1 - share) * 0.6
    columns = {}
    for date, only in (("old", draw < split), ("new", (draw < share) | (draw > split))):
        use = strips[f"use_{date}"]
        change = np.concatenate([[True], np.diff(use) != 0])
        columns[f"parcel_{date}"] = np.cumsum(first | change | only)
    return strips.with_columns(**columns)


def _tracks(rng: np.random.Generator, cells: Voronoi, network: Network) -> Layer:
    """A connected tree of block limits with a few loops; limits that a road follows are the road itself."""
    ridges = np.array([r for r in cells.ridge_vertices if -1 not in r])
    a, b = cells.vertices[ridges[:, 0]], cells.vertices[ridges[:, 1]]
    size = len(cells.vertices)
    graph = coo_array((rng.uniform(0.1, 1, len(ridges)), (ridges[:, 0], ridges[:, 1])), shape=(size, size))
    tree = minimum_spanning_tree(graph.tocsr()).tocoo()
    inside = set(zip(tree.row.tolist(), tree.col.tolist(), strict=True))
    chosen = np.array([(i, j) in inside or (j, i) in inside for i, j in ridges])
    chosen &= rng.random(len(ridges)) < 0.85
    chosen |= rng.random(len(ridges)) < 0.12
    lines = shapely.linestrings(np.stack([a, b], 1))
    main = network.roads.where(np.isin(network.roads["kind"], ("primary", "secondary", "lane", "motorway")))
    beside = near(shapely.centroid(lines), main.geometry, 30)
    chosen &= ~beside & ~near(lines, network.waters.geometry, 1) & (shapely.length(lines) < 900)
    kind = rng.choice(["stone", "track", "path"], len(lines), p=[0.3, 0.62, 0.08])
    return layer_of(lines, kind=kind, level=0).where(chosen)


def _hedges(rng: np.random.Generator, strips: Layer, limits: Layer, tracks: Layer, strengths: Strengths) -> Layer:
    grassy = SmoothField.of(rng, 1800)
    open_land = (strips["use_old"] != WOOD) & (strips["use_new"] != WOOD)
    line = shapely.get_type_id(limits.geometry) == 1
    beside = shapely.offset_curve(tracks.geometry, 5.0)
    geometry = np.concatenate([limits.geometry[open_land & line], beside])
    geometry = geometry[shapely.length(geometry) > 25]
    middle = shapely.get_coordinates(shapely.centroid(geometry))
    geometry = geometry[rng.random(len(geometry)) < np.clip(0.12 + 0.14 * grassy(*middle.T), 0.01, 0.6)]
    draw = rng.random(len(geometry))
    old = draw > strengths.hedges_planted
    new = (draw < 1 - strengths.hedges_gone) | ~old
    return layer_of(geometry, width_m=rng.uniform(3, 8, len(geometry)), old=old, new=new)
