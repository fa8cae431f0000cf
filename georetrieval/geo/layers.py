"""From a delivery to objects with a class: what the painter paints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from georetrieval.errors import InputError
from georetrieval.geo.crs import parse_crs
from georetrieval.geo.deliveries import Delivery, LayerRef
from georetrieval.geo.grid import Bounds
from georetrieval.geo.legend import Legend, LegendClass
from georetrieval.geo.reprojection import Reprojection, normalised, reprojection, shown
from georetrieval.geo.shapes import polygons
from georetrieval.geo.sources import Source
from georetrieval.geo.strays import mixed, orphans
from georetrieval.geo.tables import Table, read_table
from georetrieval.geo.traps import Trap, refuse_fatal, sentences
from georetrieval.progress import Progress, silent

REACH_M = 30.0
"""How far beyond the asked bounds objects are read: half of the widest line, so that it reaches in."""

WIDEST_M = 60.0
"""A wider road is a mistake of the data; the default width is used."""

Rule = tuple[LegendClass, Source]


@dataclass(frozen=True)
class Known:
    """What the reading of objects leaves that the painter would have to make again.

    Attributes
    ----------
    wkb
        (n,) bytes as the file has them, to be used where `same`.
    same
        (n,) bool: the geometry is as it was read, and its layer one of plain polygons.
    bounds
        (n, 4) float64: the rectangle of each.
    """

    wkb: NDArray[np.object_]
    same: NDArray[np.bool_]
    bounds: NDArray[np.float64]

    def at(self, rows: NDArray[np.int64]) -> Known:
        """The same of some objects."""
        return Known(self.wkb[rows], self.same[rows], self.bounds[rows])


@dataclass(frozen=True)
class ClassedObjects:
    """Objects of a delivery, ready to be painted in this order.

    Attributes
    ----------
    geometry
        (n,) valid 2-D shapely polygons and multipolygons in `crs`; lines are buffered to their width.
    code
        (n,) uint8 class codes, 1..255.
    mended
        Number of invalid geometries that were mended.
    dropped
        Number of objects that could not be painted.
    notes
        What a person should know, one sentence each.
    known
        None when these objects were not read.
    """

    geometry: NDArray[np.object_]
    code: NDArray[np.uint8]
    mended: int
    dropped: int
    notes: tuple[str, ...]
    known: Known | None = None

    def __len__(self) -> int:
        return len(self.code)


@dataclass
class _Gathered:
    geometry: list[NDArray[np.object_]] = field(default_factory=list)
    code: list[NDArray[np.uint8]] = field(default_factory=list)
    known: list[Known] = field(default_factory=list)
    mended: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)
    unsized: Counter[str] = field(default_factory=Counter)


def read_classes(
    delivery: Delivery, legend: Legend, *, bounds: Bounds | None, crs: str, progress: Progress = silent,
) -> ClassedObjects:
    """Read the objects of every class of the legend.

    Parameters
    ----------
    bounds
        xmin, ymin, xmax, ymax in `crs`; only objects that touch this rectangle are read. None reads all.
    crs
        CRS of the result, with metres as its unit; "" is a plain frame: coordinates stay as they are.

    Raises
    ------
    InputError
        When a layer is damaged, its CRS is unknown, or `crs` does not count in metres.
    """
    target = _metric(crs) if crs else None
    layers = list(painted_layers(delivery, legend))
    gathered = _Gathered()
    refuse_fatal(strays := orphans(delivery, legend))
    gathered.traps += strays
    wide, spoken = _widened(bounds), list[tuple[str, str]]()
    for done, (layer, rules) in enumerate(layers):
        progress(done, len(layers), "reading layers")
        table = read_table(delivery, layer, [source for _, source in rules], bounds=wide, bounds_crs=target)
        gathered.traps += table.traps
        spoken.append((layer.name, shown(table.crs) if table.crs else ""))
        way = _way(layer, table.crs, target)
        if way.note:
            gathered.notes.append(way.note)
        for rule in rules:
            _gather(gathered, table, rule, way, ground=target is not None)
    progress(len(layers), len(layers), "reading layers")
    gathered.traps += mixed(spoken)
    return _ordered(gathered, legend, delivery, whole=bounds is None)


def painted_layers(delivery: Delivery, legend: Legend) -> Iterator[tuple[LayerRef, list[Rule]]]:
    """Every layer that some class is painted from, once, with the classes and sources it serves."""
    rules: dict[str, list[Rule]] = {}
    for item, source in delivery.sources(legend):
        rules.setdefault(source.layer.casefold(), []).append((item, source))
    for name, found in rules.items():
        for layer in delivery.named(name):
            yield layer, found


def chosen(table: Table, source: Source) -> NDArray[np.int64]:
    """Rows of a table that a source keeps, as (m,) int64."""
    keep = np.ones(len(table.geometry), bool)
    for name, values in source.where:
        column = table.column(name)
        keep &= column.among(values) if column else False
    for name, values in source.unless:
        if column := table.column(name):
            keep &= ~column.among(values)
    if source.above_ground and (column := table.column(source.above_ground)):
        keep &= ~(column.numbers() < 0)
    return np.flatnonzero(keep)


def widths(table: Table, source: Source) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
    """Width of each row in metres, and where the layer itself does not say it.

    Returns
    -------
    widths
        (n,) float64 metres; None for a source of polygons.
    unsaid
        (n,) bool: the width is the legend's default, since the field is NULL, 0, or not to be believed.
    """
    count = len(table.geometry)
    if source.width_m is None and not source.widths_m and not source.width_field:
        return None, np.zeros(count, bool)
    metres = np.full(count, source.width_m or np.nan)
    if source.width_by and (column := table.column(source.width_by)):
        for value, width_m in source.widths_m:
            metres[column.among([value])] = width_m
    if not source.width_field:
        return metres, np.zeros(count, bool)
    column = table.column(source.width_field)
    said = column.numbers() * source.width_times_m if column else np.full(count, np.nan)
    good = (said > 0) & (said <= WIDEST_M)
    return np.where(good, said, metres), ~good


def _gather(gathered: _Gathered, table: Table, rule: Rule, way: Reprojection, *, ground: bool) -> None:
    item, source = rule
    rows = chosen(table, source)
    metres, unsaid = widths(table, source)
    shapes = polygons(table.geometry[rows], None if metres is None else metres[rows], move=way.move, ground=ground)
    gathered.geometry.append(shapes.geometry)
    gathered.code.append(np.full(len(shapes.geometry), item.code, np.uint8))
    wkb = np.full(len(shapes.rows), None) if table.wkb is None else table.wkb[rows[shapes.rows]]
    gathered.known.append(Known(wkb, shapes.same & (table.wkb is not None), shapes.bounds))
    gathered.mended += shapes.mended
    gathered.dropped.update(shapes.dropped)
    if count := int(unsaid[rows].sum()):
        gathered.unsized[source.layer] += count


def _ordered(gathered: _Gathered, legend: Legend, delivery: Delivery, *, whole: bool) -> ClassedObjects:
    """Sort by the painter's order; within a class and between equals the order of reading stays."""
    geometry = np.concatenate([np.empty(0, object), *gathered.geometry])
    code = np.concatenate([np.empty(0, np.uint8), *gathered.code])
    known = Known(*(np.concatenate([empty, *parts]) for empty, parts in (
        (np.empty(0, object), [one.wkb for one in gathered.known]),
        (np.empty(0, bool), [one.same for one in gathered.known]),
        (np.empty((0, 4)), [one.bounds for one in gathered.known]))))
    order = np.zeros(256, np.int64)
    for item in legend.classes:
        order[item.code] = item.order
    places = np.argsort(order[code], kind="stable")
    notes = [*sentences(gathered.traps), *dict.fromkeys(gathered.notes)]
    notes += [f"{layer}: {count} objects have no believable width; the legend's default widths are used."
              for layer, count in gathered.unsized.items()]
    notes += [f"{count} objects left out: {why}." for why, count in gathered.dropped.items()]
    if gathered.mended:
        notes.append(f"{gathered.mended} invalid geometries were mended.")
    if whole:
        notes += empty_classes(delivery, legend, Counter(code.tolist()))
    return ClassedObjects(
        geometry[places], code[places], gathered.mended, gathered.dropped.total(), tuple(notes),
        known.at(places),
    )


def empty_classes(delivery: Delivery, legend: Legend, counts: Counter[int]) -> list[str]:
    """One sentence for each class without any object: its layer is not there, or nothing in it matches."""
    asked: dict[str, list[str]] = {}
    for item, source in delivery.sources(legend):
        asked.setdefault(item.key, []).append(source.layer)
    notes = []
    for item in legend.classes:
        if counts[item.code]:
            continue
        layers = list(dict.fromkeys(asked.get(item.key, [])))
        there = [name for name in layers if delivery.named(name)]
        why = (f"nothing in {', '.join(there)} matches" if there
               else f"{' or '.join(layers)} is not there" if layers else "nothing names a layer for it")
        notes.append(f"The class {item.key} ({item.name_fr}) has 0 objects: {why}.")
    return notes


def _metric(text: str) -> CRS:
    crs = normalised(parse_crs(text))
    if not crs.is_projected or any(axis.unit_conversion_factor != 1 for axis in crs.axis_info[:2]):
        raise InputError(f"{text} does not count in metres, but tiles and widths do; use a projected CRS: EPSG:2154.")
    return crs


def _way(layer: LayerRef, source: CRS | None, target: CRS | None) -> Reprojection:
    if target is None:
        return Reprojection(None, "")
    if source is None:
        raise InputError(f"{layer.path} does not say in which CRS it is; give it with --crs, such as --crs EPSG:2154.")
    return reprojection(source, target)


def _widened(bounds: Bounds | None) -> Bounds | None:
    if bounds is None:
        return None
    return (bounds[0] - REACH_M, bounds[1] - REACH_M, bounds[2] + REACH_M, bounds[3] + REACH_M)
