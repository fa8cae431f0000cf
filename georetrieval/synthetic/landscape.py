"""The whole ground of a made-up département, with what stands at which date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.layer import Layer, layer_of, stacked
from georetrieval.synthetic.mosaic import QUARRY, make_mosaic, near
from georetrieval.synthetic.network import Network, make_network
from georetrieval.synthetic.settlement import Settlement, make_settlement
from georetrieval.synthetic.strengths import Strengths


@dataclass(frozen=True)
class Landscape:
    """Layers in metres from the square's south-west corner; all but `strips` have the columns `old` and `new`.

    Attributes
    ----------
    strips : polygons of land; columns block, order, angle, use_old, use_new, parcel_old, parcel_new
    waters : polygons; kind river, pond, basin
    streams, hedges : lines; width_m
    roads : lines; kind, level (-1 below, 0 on, 1 above ground)
    rails : lines; kind, level, tracks
    buildings : polygons; kind, angle, height_m
    plots : gardens and yards; shade
    grounds : polygons; kind, angle
    trees : crowns of single trees; height_m
    """

    strips: Layer
    waters: Layer
    streams: Layer
    hedges: Layer
    roads: Layer
    rails: Layer
    buildings: Layer
    plots: Layer
    grounds: Layer
    trees: Layer

    def at(self, date: str) -> Landscape:
        """What stands at `date` ("old" or "new")."""
        layers = {name: layer if name == "strips" else layer.where(layer[date]) for name, layer in vars(self).items()}
        return Landscape(**layers)


def make_landscape(seed: int, size_m: float, strengths: Strengths) -> Landscape:
    """Make the ground of one square; the same arguments give the same ground."""
    network = make_network(seed, size_m)
    mosaic = make_mosaic(seed, size_m, network, strengths)
    built = make_settlement(seed, size_m, network, strengths)
    rng = stream(seed, "presence")
    roads = stacked([_steady(network.roads), built.streets, _steady(_clear(mosaic.tracks, built))])
    quarries = mosaic.strips.geometry[mosaic.strips["use_old"] == QUARRY]
    pits = layer_of(shapely.buffer(shapely.centroid(quarries), 14), kind="pond")
    waters = _steady(stacked([network.waters, pits]))
    ponds = np.flatnonzero(waters["kind"] == "pond")
    waters["old"][ponds[rng.random(len(ponds)) < 0.12]] = False
    return Landscape(
        strips=mosaic.strips, waters=waters, streams=_steady(network.streams), hedges=mosaic.hedges, roads=roads,
        rails=_steady(network.rails), buildings=built.buildings, plots=built.plots, grounds=built.grounds,
        trees=_trees(stream(seed, "trees"), size_m, waters, network, built),
    )


def _steady(layer: Layer) -> Layer:
    return layer.with_columns(old=np.ones(len(layer), bool), new=np.ones(len(layer), bool))


def _clear(tracks: Layer, built: Settlement) -> Layer:
    taken = np.concatenate([built.buildings.geometry, built.grounds.geometry])
    hit = np.unique(shapely.STRtree(taken).query(tracks.geometry, predicate="intersects")[0])
    free = np.ones(len(tracks), bool)
    free[hit] = False
    return tracks.where(free)


def _trees(
    rng: np.random.Generator, size_m: float, waters: Layer, network: Network, built: Settlement
) -> Layer:
    """Single trees along streams, in gardens and alone in the fields; none in the water."""
    lines = network.streams.geometry
    at = [np.arange(rng.uniform(0, 30), length, 22.0) for length in shapely.length(lines)]
    banks = shapely.line_interpolate_point(np.repeat(lines, [len(a) for a in at]), np.concatenate(at))
    gardens = shapely.get_coordinates(shapely.centroid(built.plots.geometry))
    lone = rng.uniform(0, size_m, (round(24 * (size_m / 1000) ** 2), 2))
    points = np.concatenate([
        shapely.get_coordinates(banks) + rng.normal(0, 5, (len(banks), 2)),
        gardens + rng.normal(0, 9, gardens.shape), lone,
    ])
    points = points[(rng.random(len(points)) < 0.7) & ~near(shapely.points(points), waters.geometry, 2.0)]
    radius = rng.uniform(2.2, 5.5, len(points))
    draw = rng.random(len(points))
    return layer_of(shapely.buffer(shapely.points(points), radius, quad_segs=2), height_m=radius * 2.2,
                    old=draw > 0.15, new=draw < 0.85)
