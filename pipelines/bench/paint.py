"""Painting tiles of 1 km from real vector layers: ours and what people would put together themselves.

    python pipelines/bench/paint.py DELIVERY [--px 256] [--px 2000] [--tiles 72] [--keep]

DELIVERY is a folder of BD TOPO layers. What is ready before the race, and in nobody's time:

- for all: the objects as `read_classes` gives them, shapely polygons in the painter's order with their codes (reading,
  repairing, buffering of roads);
- for ours what that reading knows anyway: the WKB of those polygons that are as they were read (the buildings, not the
  roads, which are buffered), and the rectangle of each object (a 500th of the time of reading is spent on them);
- for "rusterize, bare" the WKB of all objects and the rows of each tile (by a tree);
- for the ways of rasterio the tree, and for geopandas the frame.

The WKB of the roads, the choice of rows and the cutting are in the time of ours. It paints the blocks of cells that
`tiles build` paints for sheets of 5 km, as those of BD ORTHO are, and cuts them; "tile by tile" is the same without
blocks. Nobody starts threads. Ours and bare must give the same pixels as rasterio but for a thousandth.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click
import geopandas as gpd
import numpy as np
import racing
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_bounds
from rusterize import rusterize

from georetrieval.geo.blocks import sheet_blocks
from georetrieval.geo.deliveries import open_delivery
from georetrieval.geo.grid import Bounds, Cell, TileGrid
from georetrieval.geo.layers import ClassedObjects, read_classes
from georetrieval.geo.legend import Legend
from georetrieval.geo.paint import Painter

KM = 1000.0
GRID = TileGrid("EPSG:2154", 1000)
SHEET_KM = 5
PEER = "rusterize, bare"
TUNED = "STRtree + one rasterio call"
AGREE = 0.999
Codes = np.ndarray
Way = Callable[[list[Bounds], int], list[Codes]]


def fullest(objects: ClassedObjects, count: int) -> list[Bounds]:
    """The squares of 1 km with the most objects, so that nobody is measured on empty ground."""
    middle = shapely.get_coordinates(shapely.centroid(objects.geometry))
    cells, held = np.unique(np.floor(middle[np.isfinite(middle).all(axis=1)] / KM), axis=0, return_counts=True)
    best = cells[np.argsort(-held, kind="stable")[:count]] * KM
    return [(float(x), float(y), float(x + KM), float(y + KM)) for x, y in best]


def ways(objects: ClassedObjects, tiles: list[Bounds]) -> dict[str, Way]:
    """Each contender: tiles and their side in pixels to codes."""
    tree = shapely.STRtree(objects.geometry)
    return {PEER: _bare(objects, tree, tiles), "ours": partial(ours, objects),
            "ours, tile by tile": partial(one_by_one, objects), TUNED: partial(tuned, objects, tree),
            "the same on shapes cut by clip_by_rect": partial(tuned, objects, tree, cut=True),
            "whole sheet by rasterio, then cut": partial(sheet, objects),
            "geopandas clip, one rasterio call per class": _per_class(objects)}


def ours(objects: ClassedObjects, some: list[Bounds], px: int) -> list[Codes]:
    """By the blocks of `tiles build`, which are painted whole and cut."""
    painter, found = Painter(objects), dict[Cell, Codes]()
    wanted = [GRID.cell_at(*bounds[:2]) for bounds in some]
    owned: dict[tuple[int, int], list[Cell]] = {}
    for cell in wanted:
        owned.setdefault((cell.col // SHEET_KM, cell.row // SHEET_KM), []).append(cell)
    for number, cells in enumerate(owned.values()):
        for block in sheet_blocks(cells, px, number):
            painted = painter.paint(block.bounds(GRID), block.shape(px))
            found.update((cell, painted[block.window(cell, px)]) for cell in block.cells)
    return [found[cell] for cell in wanted]


def one_by_one(objects: ClassedObjects, some: list[Bounds], px: int) -> list[Codes]:
    """Ours without blocks."""
    painter = Painter(objects)
    return [painter.paint(bounds, (px, px)) for bounds in some]


def _bare(objects: ClassedObjects, tree: shapely.STRtree, tiles: list[Bounds]) -> Way:
    """Rusterize with all that it needs ready made."""
    wkb = np.asarray(shapely.to_wkb(objects.geometry, output_dimension=2), object)
    rows_of = {bounds: np.sort(tree.query(shapely.box(*bounds))) for bounds in tiles}

    def bare(some: list[Bounds], px: int) -> list[Codes]:
        return [rusterize(wkb[rows_of[b]], extent=b, out_shape=(px, px), burn=objects.code[rows_of[b]], fun="last",
                          background=0, encoding="numpy", dtype="uint8")[0] for b in some]

    return bare


def tuned(
    objects: ClassedObjects, tree: shapely.STRtree, some: list[Bounds], px: int, cut: bool = False
) -> list[Codes]:
    """What somebody who measures would write with rasterio."""
    found = []
    for bounds in some:
        rows = np.sort(tree.query(shapely.box(*bounds)))
        near = objects.geometry[rows]
        shapes = shapely.clip_by_rect(near, *bounds) if cut else near
        found.append(_burnt(zip(shapes, objects.code[rows].tolist(), strict=True), bounds, px))
    return found


def _per_class(objects: ClassedObjects) -> Way:
    """What people write first."""
    frame = gpd.GeoDataFrame({"code": objects.code}, geometry=objects.geometry)

    def per_class(some: list[Bounds], px: int) -> list[Codes]:
        found = []
        for bounds in some:
            near = gpd.clip(frame, bounds)
            painted = np.zeros((px, px), np.uint8)
            for one in dict.fromkeys(objects.code.tolist()):  # in the painter's order
                mine = _burnt(((shape, 1) for shape in near.geometry[near["code"] == one]), bounds, px)
                painted[mine > 0] = one
            found.append(painted)
        return found

    return per_class


def sheet(objects: ClassedObjects, some: list[Bounds], px: int) -> list[Codes]:
    """One picture of everything."""
    west, south = min(b[0] for b in some), min(b[1] for b in some)
    east, north = max(b[2] for b in some), max(b[3] for b in some)
    shape = round((north - south) / KM * px), round((east - west) / KM * px)
    if shape[0] * shape[1] > 2**31:
        raise click.ClickException("The tiles lie too far apart for one sheet; take fewer, or smaller ones.")
    whole = rasterize(zip(objects.geometry, objects.code.tolist(), strict=True), out_shape=shape, fill=0,
                      dtype="uint8", transform=from_bounds(west, south, east, north, shape[1], shape[0]))
    corners = [(round((north - b[3]) / KM * px), round((b[0] - west) / KM * px)) for b in some]
    return [whole[r:r + px, c:c + px] for r, c in corners]


def _burnt(shapes: Iterable[tuple[shapely.Geometry | None, int]], bounds: Bounds, px: int) -> Codes:
    pairs = [(shape, value) for shape, value in shapes if shape is not None and not shape.is_empty]
    if not pairs:
        return np.zeros((px, px), np.uint8)
    where = from_bounds(*bounds, px, px)
    return np.asarray(rasterize(pairs, out_shape=(px, px), transform=where, fill=0, dtype="uint8"))


@click.command()
@click.argument("delivery", type=click.Path(exists=True, path_type=Path))
@click.option("--legend", default="bdtopo12")
@click.option("--px", "sides", type=int, multiple=True, default=(256, 2000))
@click.option("--tiles", "count", type=int, default=72)
@click.option("--keep", is_flag=True)
def main(delivery: Path, legend: str, sides: tuple[int, ...], count: int, keep: bool) -> None:
    """Race on the fullest tiles of DELIVERY."""
    known = Legend.load(legend)
    objects = read_classes(open_delivery(delivery, legend=known), known, bounds=None, crs=GRID.crs)
    tiles = fullest(objects, count)
    print(f"{len(objects)} objects, {shapely.get_num_coordinates(objects.geometry).sum():,} points, {len(tiles)} tiles")
    races, same = [], {}
    for px in sides:
        field = ways(objects, tiles)
        oracle = field[TUNED](tiles, px)
        for name, way in field.items():
            agree = [np.mean(a == b) for a, b in zip(way(tiles, px), oracle, strict=True)]
            same[f"{name}, {px} px"] = float(np.mean(agree))
            print(f"{float(np.mean(agree)):.4%} of the pixels as rasterio: {name}")
        if min(same[f"{name}, {px} px"] for name in (PEER, "ours")) < AGREE:
            raise click.ClickException("The pixels are not the same; nothing is timed.")
        racers = {name: partial(way, tiles, px) for name, way in field.items()}
        races.append(racing.race(f"Painting 1 km at {px} px", racers, peer=PEER, work=len(tiles), unit="tiles"))
        last = races[-1]
        print(f"ours against tuned rasterio: {last.ratio('ours') / last.ratio(TUNED):.1f}")
    if keep:
        racing.keep("paint", races, {
            "objects": len(objects), "same_pixels_as_rasterio": same, "tiles": len(tiles), "threads_of_each": 1,
            "cores_allowed": len(os.sched_getaffinity(0)),
            "ready_before": {"all": "objects", "ours": "WKB of what is as it was read, rectangles",
                             PEER: "WKB of all objects, rows of each tile", TUNED: "tree"},
        })


if __name__ == "__main__":
    main()
