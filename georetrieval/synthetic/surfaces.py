"""What each object looks like from above at one date: shapes in painter's order with a table of their looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.landscape import Landscape
from georetrieval.synthetic.layer import Layer, Move, Shapes
from georetrieval.synthetic.mosaic import FIELD, HEATH, MEADOW, ORCHARD, QUARRY, VINE, WOOD
from georetrieval.synthetic.network import WIDTH_M
from georetrieval.synthetic.strengths import Strengths

GROUND, CANOPY, ROOF, WATER = range(4)
MEAN_GROUND = np.array([142.0, 140.0, 98.0])
CROPS = np.array([[112, 130, 74], [198, 178, 118], [188, 170, 130], [138, 110, 88], [84, 112, 60], [164, 152, 106],
                  [176, 154, 128], [100, 132, 70]], float)
"""Green wheat, ripe wheat, stubble, ploughed, maize, straw, bare light soil, beet."""
SEASON = {"old": [0.24, 0.24, 0.05, 0.13, 0.14, 0.08, 0.06, 0.06],
          "new": [0.04, 0.12, 0.28, 0.16, 0.2, 0.08, 0.06, 0.06]}
STANDS = np.array([[66, 86, 50], [58, 76, 44], [42, 58, 42], [86, 106, 62], [74, 92, 50]], float)
ROOFS = np.array([[172, 106, 80], [158, 92, 72], [184, 124, 96], [98, 100, 108], [186, 186, 186]], float)
ROADS = {"motorway": (158, 158, 158), "primary": (146, 145, 144), "secondary": (148, 146, 142),
         "lane": (152, 148, 140), "street": (150, 146, 142), "ramp": (154, 153, 151), "stone": (198, 186, 160),
         "track": (176, 162, 124), "path": (158, 152, 110)}
GROUNDS = {"cemetery": (178, 174, 166), "sport_field": (92, 138, 66), "tennis": (166, 98, 76),
           "athletics": (166, 92, 78), "riding": (206, 190, 158), "pool": (96, 174, 190),
           "runway_hard": (126, 126, 128), "runway_grass": (130, 150, 90)}


@dataclass(frozen=True)
class Surfaces:
    """Shapes (n,) in map metres, low first, and their looks, row by row.

    Attributes
    ----------
    colour : (n, 3) float32, 0-255
    angle, spacing_m, contrast : (n,) float32, rows on the ground (radians, metres, share of the brightness)
    rough : (n,) float32, strength of the speckle; height_m : (n,) float32; matter : (n,) uint8
    centre : (n, 2) float32, metres; where the ridge of a roof passes
    """

    shapes: Shapes
    colour: NDArray[np.float32]
    angle: NDArray[np.float32]
    spacing_m: NDArray[np.float32]
    contrast: NDArray[np.float32]
    rough: NDArray[np.float32]
    height_m: NDArray[np.float32]
    matter: NDArray[np.uint8]
    centre: NDArray[np.float32]


def surfaces_of(
    land: Landscape, seed: int, date: str, gsd_m: float, strengths: Strengths, move: Move
) -> Surfaces:
    """Everything that stands at `date`, moved onto the map, low things first."""
    narrow = 1.7 * gsd_m
    tables = [
        _strips(land.strips, seed, date, strengths), _plots(land.plots, seed, date), _grounds(land.grounds, date),
        _lines(land.streams, land.streams["width_m"], (70, 82, 66), date, narrow, WATER),
        _flat(land.waters, _tint(seed, date, (60, 76, 68), len(land.waters), 8), date, WATER),
        _roads(land.roads, seed, date, narrow, np.array([-1, 0])), _rails(land.rails, date, narrow),
        _roads(land.roads, seed, date, narrow, np.array([1])),
        _lines(land.hedges, land.hedges["width_m"], (64, 84, 48), date, narrow, CANOPY, height_m=6.0),
        _trees(land.trees, seed, date), _buildings(land.buildings, seed, date),
    ]
    names = [name for name in Surfaces.__dataclass_fields__ if name not in ("shapes", "centre")]
    shapes = shapely.transform(np.concatenate([table["shapes"] for table in tables]), move)
    looks: dict[str, Any] = {
        name: np.concatenate([table[name] for table in tables]).astype("u1" if name == "matter" else "f4")
        for name in names
    }
    centre = shapely.get_coordinates(shapely.centroid(shapes)).astype("f4")
    return Surfaces(shapes=shapes, centre=centre, **looks)


Table = dict[str, Any]


def _table(shapes: Shapes, colour: Any, **looks: Any) -> Table:
    count = len(shapes)
    table: Table = {"angle": 0.0, "spacing_m": 10.0, "contrast": 0.0, "rough": 0.04, "height_m": 0.0,
                    "matter": GROUND, **looks}
    full = {name: np.broadcast_to(np.asarray(value, float), (count,)) for name, value in table.items()}
    return {"shapes": shapes, "colour": np.broadcast_to(np.asarray(colour, float), (count, 3)), **full}


def _kept(table: Table, chosen: Any) -> Table:
    return {name: value[chosen] for name, value in table.items()}


def _tint(seed: int, date: str, colour: tuple[int, int, int], count: int, spread: float) -> Any:
    rng = stream(seed, "tint", date, colour)
    light, hue = 1 + rng.normal(0, spread / 100, (count, 1)), rng.normal(0, spread / 4, (count, 3))
    return np.array(colour, float) * light + hue


def _strips(strips: Layer, seed: int, date: str, strengths: Strengths) -> Table:
    """Colours are drawn per parcel of the date; a stand of trees keeps its kind."""
    rng, steady = stream(seed, "crops", date), stream(seed, "stands")
    use, parcel = strips[f"use_{date}"], strips[f"parcel_{date}"]
    count = int(parcel.max()) + 1
    draws = rng.normal(size=(count, 4))[parcel]
    crop = CROPS[rng.choice(len(CROPS), count, p=SEASON[date])][parcel]
    stand = STANDS[steady.choice(len(STANDS), len(strips), p=[0.4, 0.3, 0.12, 0.1, 0.08])] * 0.5
    stand = stand + 0.5 * STANDS[steady.choice(2, int(strips["block"].max()) + 1)][strips["block"]]
    meadow = np.array([126.0, 142.0, 84.0]) + draws[:, :1] * [16.0, 7.0, 6.0]
    fixed = {VINE: (146, 134, 102), ORCHARD: (122, 136, 84), QUARRY: (208, 198, 178), HEATH: (116, 116, 78)}
    colour = np.where((use == WOOD)[:, None], stand, np.where((use == MEADOW)[:, None], meadow, crop))
    for kind, value in fixed.items():
        colour = np.where((use == kind)[:, None], value, colour)
    open_land = np.isin(use, (FIELD, MEADOW))[:, None]
    colour = np.where(open_land, MEAN_GROUND + strengths.crop_contrast * (colour - MEAN_GROUND), colour)
    colour = colour * (1 + 0.05 * draws[:, 1:2])
    rows = np.select([use == FIELD, use == VINE, use == ORCHARD, use == MEADOW], [0.05, 0.12, 0.16, 0.02], 0.0)
    return _table(
        strips.geometry, colour, angle=strips["angle"] + np.where(draws[:, 2] > 1.2, np.pi / 2, 0),
        spacing_m=np.select([use == VINE, use == ORCHARD], [5.0, 8.0], 12 + 8 * np.abs(draws[:, 3])),
        contrast=rows * strengths.row_contrast * np.abs(draws[:, 3]),
        rough=np.select([use == FIELD, use == QUARRY, use == HEATH, use == ORCHARD], [0.06, 0.14, 0.16, 0.12], 0.07),
        height_m=np.where(use == WOOD, 15 + 3 * np.clip(draws[:, 0], -2, 2), 0),
        matter=np.where(use == WOOD, CANOPY, GROUND))


def _plots(plots: Layer, seed: int, date: str) -> Table:
    base = np.where(plots["shade"][:, None] < 0.3, (176, 168, 150), (124, 140, 84))
    colour = base * (1 + stream(seed, "plots", date).normal(0, 0.1, (len(plots), 1)))
    return _kept(_table(plots.geometry, colour, rough=0.16), plots[date])


def _grounds(grounds: Layer, date: str) -> Table:
    colour = np.array([GROUNDS[kind] for kind in grounds["kind"]], float)
    striped = np.where(grounds["kind"] == "sport_field", 0.06, np.where(grounds["kind"] == "cemetery", 0.12, 0.0))
    table = _table(grounds.geometry, colour, angle=grounds["angle"], spacing_m=9.0, contrast=striped)
    return _kept(table, grounds[date])


def _lines(
    layer: Layer, width_m: Any, colour: Any, date: str, narrow_m: float, matter: int, height_m: float = 0.0
) -> Table:
    shapes = shapely.buffer(layer.geometry, np.maximum(width_m, narrow_m) / 2, cap_style="flat")
    return _kept(_table(shapes, colour, matter=matter, height_m=height_m, rough=0.05), layer[date])


def _flat(layer: Layer, colour: Any, date: str, matter: int) -> Table:
    return _kept(_table(layer.geometry, colour, matter=matter, rough=0.02), layer[date])


def _roads(roads: Layer, seed: int, date: str, narrow_m: float, levels: Any) -> Table:
    colour = np.array([ROADS[kind] for kind in roads["kind"]], float)
    soft = np.isin(roads["kind"], ("track", "path", "stone"))
    colour *= 1 + stream(seed, "roads", date).normal(0, 1, (len(roads), 1)) * np.where(soft, 0.09, 0.04)[:, None]
    width = np.array([WIDTH_M[kind] for kind in roads["kind"]])
    table = _lines(roads, width, colour, date, narrow_m, GROUND)
    return _kept(table, np.isin(roads["level"], levels)[roads[date]])


def _rails(rails: Layer, date: str, narrow_m: float) -> Table:
    ground = rails.where(rails["level"] >= 0)
    colour = np.where((ground["kind"] == "disused")[:, None], (122, 116, 94), (134, 120, 112))
    return _lines(ground, 3.0 + 4.0 * ground["tracks"], colour, date, narrow_m, GROUND)


def _trees(trees: Layer, seed: int, date: str) -> Table:
    colour = np.array([70.0, 90.0, 52.0]) * (1 + stream(seed, "crowns", date).normal(0, 0.12, (len(trees), 1)))
    return _kept(_table(trees.geometry, colour, matter=CANOPY, height_m=trees["height_m"], rough=0.1), trees[date])


def _buildings(buildings: Layer, seed: int, date: str) -> Table:
    steady, rng = stream(seed, "roofs"), stream(seed, "roofs", date)
    count = len(buildings)
    roof = ROOFS[steady.choice(len(ROOFS), count, p=[0.42, 0.22, 0.2, 0.12, 0.04])]
    sheds = np.isin(buildings["kind"], ("industrial", "commercial", "greenhouse", "sports_hall", "annex", "silo"))
    metal = np.array([[196, 198, 200], [150, 156, 162], [216, 214, 206]], float)[steady.integers(0, 3, count)]
    stone = np.isin(buildings["kind"], ("fort", "tower", "mill"))
    colour = np.select([sheds[:, None], stone[:, None]], [metal, np.array([146.0, 138, 122])], roof)
    renewed = ROOFS[rng.choice(len(ROOFS), count)]
    colour = np.where(((rng.random(count) < 0.1) & ~sheds & ~stone)[:, None], renewed, colour)
    colour = colour * (1 + rng.normal(0, 0.06, (count, 1)))
    table = _table(buildings.geometry, colour, angle=buildings["angle"], height_m=buildings["height_m"],
                   matter=ROOF, contrast=np.where(sheds | stone, 0.25, 1.0), rough=0.04)
    return _kept(table, buildings[date])


