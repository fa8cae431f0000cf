"""The landscape as an edition of the map holds it: displaced, generalised, with its own omissions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georetrieval.synthetic.chance import SmoothField, stream
from georetrieval.synthetic.landscape import Landscape
from georetrieval.synthetic.layer import Layer, Move, layer_of, stacked
from georetrieval.synthetic.mosaic import HEATH, ORCHARD, VINE, WOOD
from georetrieval.synthetic.network import exploded
from georetrieval.synthetic.strengths import Strengths

DOWNGRADED_V2 = {"church": 0.35, "chapel": 0.5, "castle": 0.15, "tower": 0.2, "mill": 0.3}
"""Share of landmark buildings that edition 2.0 holds as plain buildings (Moselle's churches grew by 70 % in v3)."""
SPORT_V2 = 0.6
"""Share of the sport grounds that edition 2.0 holds (Moselle's doubled in v3)."""
LARGE_WOOD_M2 = 60_000.0
"""Woods above this area are never left out of an edition."""
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Edition:
    """The objects of one edition in Lambert-93 metres; the columns are those of the landscape's layers."""

    roads: Layer
    rails: Layer
    waters: Layer
    streams: Layer
    buildings: Layer
    grounds: Layer
    vegetation: Layer
    hedges: Layer


def capture(land: Landscape, seed: int, date: str, strengths: Strengths, move: Move) -> Edition:
    """Digitise what stands at `date`: edition 2.0 at the old date, 3.0 at the new one."""
    pen = Pen(seed, date, strengths, move)
    now = land.at(date)
    minor = np.isin(now.roads["kind"], ("track", "path", "stone"))
    roads = stacked([pen.kept(now.roads.where(~minor), strengths.roads_missed),
                     pen.kept(now.roads.where(minor), strengths.tracks_missed)])
    buildings = pen.boxed(pen.kept(now.buildings, strengths.buildings_missed))
    grounds = now.grounds
    if date == "old":
        buildings = _downgraded(pen.kept(buildings.where(buildings["kind"] != "annex"), 0.0), seed)
        grounds = grounds.where(grounds["kind"] != "riding")
        spared = np.isin(grounds["kind"], ("cemetery", "runway_hard", "runway_grass"))
        grounds = stacked([pen.kept(grounds.where(~spared), 1 - SPORT_V2), grounds.where(spared)])
    drawn = {
        "roads": pen.drawn(roads, 0.4, 1.2), "rails": pen.drawn(now.rails, 0.4, 1.0),
        "waters": pen.drawn(pen.kept(now.waters, strengths.water_missed), 1.0, 1.5),
        "streams": pen.drawn(now.streams, 0.7, 2.0), "buildings": pen.drawn(buildings, 1.0, 0.0),
        "grounds": pen.drawn(grounds, 1.0, 0.0),
        "vegetation": pen.drawn(_vegetation(pen, now, date), 1.0, 4.0 if date == "old" else 2.0),
        "hedges": pen.drawn(now.hedges, 1.0, 1.0),
    }
    return Edition(**drawn)


@dataclass(frozen=True)
class Pen:
    """The hand that digitises one edition."""

    seed: int
    date: str
    strengths: Strengths
    move: Move

    def kept(self, layer: Layer, missed: float, spared: Mask | bool = False) -> Layer:
        """Leave out about the share `missed`, in neighbourhoods; what is spared and the first of each kind stays."""
        if not len(layer):
            return layer
        rng = stream(self.seed, "missed", self.date, str(layer["kind"][0]), len(layer))
        field = SmoothField.of(rng, 1600)
        middle = shapely.get_coordinates(shapely.centroid(layer.geometry))
        share = missed * np.clip(1 + self.strengths.patchy * 2.2 * field(*middle.T), 0, 4)
        kept = (rng.random(len(layer)) >= np.minimum(share, 0.95)) | spared
        kept[np.unique(layer["kind"], return_index=True)[1]] = True
        return layer.where(kept)

    def boxed(self, buildings: Layer) -> Layer:
        """Draw a share of the buildings as rectangles."""
        rng = stream(self.seed, "boxed", self.date)
        box = rng.random(len(buildings)) < self.strengths.boxed
        return buildings.with_geometry(np.where(box, shapely.oriented_envelope(buildings.geometry), buildings.geometry))

    def drawn(self, layer: Layer, shake: float, tolerance_m: float) -> Layer:
        """Move the layer onto the map with each object's own misplacement, simplified to `tolerance_m`."""
        rng = stream(self.seed, "drawn", self.date, len(layer))
        shapes = layer.geometry
        if tolerance_m:
            shapes = shapely.simplify(shapes, tolerance_m)
        coordinates, rows = shapely.get_coordinates(self._moved(shapes), return_index=True)
        off = rng.normal(0, shake * self.strengths.digitising_m, (len(layer), 2))
        shapes = shapely.set_coordinates(shapes.copy(), np.round(coordinates + off[rows], 2))
        whole = exploded(layer.with_geometry(shapely.make_valid(shapes, method="structure", keep_collapsed=False)))
        return whole.where(~shapely.is_empty(whole.geometry))

    def _moved(self, shapes: Any) -> Any:
        return shapely.transform(shapes, self.move)


def _downgraded(buildings: Layer, seed: int) -> Layer:
    rng = stream(seed, "downgraded")
    kind = buildings["kind"].copy()
    draw = rng.random(len(kind))
    for name, share in DOWNGRADED_V2.items():
        rows = np.flatnonzero(kind == name)
        kind[rows[1:][draw[rows[1:]] < share]] = "house"
    return buildings.with_columns(kind=kind)


def _vegetation(pen: Pen, land: Landscape, date: str) -> Layer:
    """Edition 2.0 knows one kind, "wood"; 3.0 also draws hedges, vineyards, orchards and moors."""
    use = land.strips[f"use_{date}"]
    closing = 9.0 if date == "old" else 4.0
    woods = _merged(land.strips.geometry[use == WOOD], closing)
    hedge = shapely.buffer(land.hedges.geometry, land.hedges["width_m"] / 2, cap_style="flat", quad_segs=2)
    wide = land.hedges["width_m"] > 6.2
    if date == "old":
        drawn = [layer_of(woods, kind="wood"), layer_of(hedge[wide], kind="wood")]
        return _without_small(pen, stacked(drawn))
    rng = stream(pen.seed, "trees", "kinds")
    kinds = np.where(shapely.area(woods) < 5000, "Bois", rng.choice(
        ["Forêt fermée de feuillus", "Forêt fermée de conifères", "Forêt fermée mixte", "Forêt ouverte"], len(woods),
        p=[0.6, 0.12, 0.2, 0.08]))
    parts = [layer_of(woods, kind=kinds), layer_of(hedge, kind="Haie")]
    for code, name in ((VINE, "Vigne"), (ORCHARD, "Verger"), (HEATH, "Lande ligneuse")):
        parts.append(layer_of(_merged(land.strips.geometry[use == code], 2.0), kind=name))
    text = [part.with_columns(kind=part["kind"].astype("U32")) for part in parts]
    return _without_small(pen, stacked(text))


def _without_small(pen: Pen, plants: Layer) -> Layer:
    large = np.asarray(shapely.area(plants.geometry) > LARGE_WOOD_M2)
    return pen.kept(plants, pen.strengths.vegetation_missed, large)


def _merged(shapes: Any, closing_m: float) -> Any:
    union = shapely.union_all(shapely.buffer(shapes, closing_m, quad_segs=2))
    return np.atleast_1d(shapely.get_parts(shapely.buffer(union, -closing_m, quad_segs=2)))
