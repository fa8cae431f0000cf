"""What a delivery holds and what is odd about it: everything that `inspect` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

from georetrieval.geo.deliveries import Delivery, LayerRef
from georetrieval.geo.georeference import layer_crs
from georetrieval.geo.layers import Rule, chosen, empty_classes, painted_layers, widths
from georetrieval.geo.legend import Legend
from georetrieval.geo.oddities import header_traps, shape_traps, value_traps
from georetrieval.geo.reprojection import shown
from georetrieval.geo.shapefile import check_parts, find_parts, shape_count
from georetrieval.geo.shapes import usable
from georetrieval.geo.strays import mixed, orphans
from georetrieval.geo.tables import read_table
from georetrieval.geo.traps import Trap, reading, sentences
from georetrieval.progress import Progress, silent


@dataclass(frozen=True)
class LayerReport:
    """One layer: its objects, geometry type, CRS, encoding, and the keys of the classes that are painted from it."""

    name: str
    file: str
    objects: int
    geometry: str
    crs: str
    encoding: str
    classes: tuple[str, ...]


@dataclass(frozen=True)
class ClassReport:
    """One class of the legend and the number of its objects that can be painted."""

    code: int
    key: str
    name_fr: str
    name_en: str
    objects: int


@dataclass(frozen=True)
class Inspection:
    """Everything that `inspect PATH` prints."""

    path: str
    product: str
    version: str
    edition: str
    departement: str
    schema: str
    crs: str
    legend: str
    layers: tuple[LayerReport, ...]
    classes: tuple[ClassReport, ...]
    traps: tuple[Trap, ...]

    @property
    def warnings(self) -> list[str]:
        """One sentence for each trap; what several layers share is said once."""
        return sentences(self.traps)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        plain["warnings"] = [
            {"kind": t.kind, "layer": t.layer, "sentence": t.sentence, "fatal": t.fatal} for t in self.traps
        ]
        del plain["traps"]
        return plain


Seen = tuple[LayerReport, list[Trap], Counter[int]]


def inspect(delivery: Delivery, legend: Legend, *, progress: Progress = silent) -> Inspection:
    """Look at every layer of a delivery, and closely at those that classes are painted from.

    A damaged layer is a trap here, not an error: the others are looked at all the same.
    """
    painted = {id(layer): rules for layer, rules in painted_layers(delivery, legend)}
    reports: list[LayerReport] = []
    traps: list[Trap] = []
    counts: Counter[int] = Counter()
    for done, layer in enumerate(delivery.layers):
        progress(done, len(delivery.layers), "inspecting layers")
        rules = painted.get(id(layer))
        report, found, objects = _closely(delivery, layer, rules) if rules else _glanced(delivery, layer)
        reports.append(report)
        traps += found
        counts += objects
    progress(len(delivery.layers), len(delivery.layers), "inspecting layers")
    traps += orphans(delivery, legend)
    traps += mixed([(report.name, report.crs) for report in reports if report.crs != shown(None)])
    traps += [Trap("class-empty", "", sentence) for sentence in empty_classes(delivery, legend, counts)]
    return Inspection(
        path=str(delivery.path), product=delivery.product, version=delivery.version, edition=delivery.edition,
        departement=delivery.departement, schema=delivery.schema,
        crs=", ".join(dict.fromkeys(report.crs for report in reports if report.classes and report.crs)),
        legend=legend.name, layers=tuple(reports), traps=tuple(traps),
        classes=tuple(ClassReport(c.code, c.key, c.name_fr, c.name_en, counts[c.code]) for c in legend.classes),
    )


def _closely(delivery: Delivery, layer: LayerRef, rules: Sequence[Rule]) -> Seen:
    """Read a painted layer as the painter would, but keep only the counts."""
    table = read_table(delivery, layer, [source for _, source in rules], lenient=True)
    traps = list(table.traps)
    counts: Counter[int] = Counter()
    rows, dropped = usable(table.geometry, ground=True)
    good = np.zeros(len(table.geometry), bool)
    good[rows] = True
    unsaid = 0
    for item, source in rules:
        kept = chosen(table, source)
        counts[item.code] += int(good[kept].sum())
        unsaid += int(widths(table, source)[1][kept].sum())
    if not any(trap.fatal for trap in traps):
        traps += header_traps(layer)
        traps += shape_traps(layer, table, dropped)
        traps += value_traps(layer, table, [source for _, source in rules], unsaid)
    kinds = np.unique(shapely.get_type_id(table.geometry[rows]))
    report = LayerReport(
        layer.name, _relative(delivery, layer), len(table.geometry), ", ".join(_KINDS[kind] for kind in kinds),
        shown(table.crs), table.encoding, tuple(dict.fromkeys(item.key for item, _ in rules)),
    )
    return report, traps, counts


def _glanced(delivery: Delivery, layer: LayerRef) -> Seen:
    """Count the objects of a layer that nothing is painted from; its damage is worth a word, no more."""
    if layer.gpkg_layer:
        with reading(layer.path, layer.name):
            info = pyogrio.read_info(layer.path, layer=layer.gpkg_layer)
        objects, kind, crs = int(info["features"]), str(info["geometry_type"] or ""), None
        traps: list[Trap] = []
    else:
        parts = find_parts(layer.path)
        objects, kind, crs, found = shape_count(parts), "", None, check_parts(parts, layer.name)
        if not found:
            crs, found = layer_crs(delivery, layer)
        traps = [Trap(trap.kind, trap.layer, trap.sentence) for trap in found]
    said = shown(crs) if crs else ""
    return LayerReport(layer.name, _relative(delivery, layer), objects, kind, said, "", ()), traps, Counter()


def rows(inspection: Inspection) -> Iterator[dict[str, Any]]:
    """The inspection as rows with the same columns, for CSV and JSON lines."""
    for layer in inspection.layers:
        yield {"part": "layer", "name": layer.name, "objects": layer.objects, "crs": layer.crs,
               "encoding": layer.encoding, "text": ", ".join(layer.classes)}
    for item in inspection.classes:
        yield {"part": "class", "name": item.key, "objects": item.objects, "crs": "", "encoding": "",
               "text": item.name_fr}
    for trap in inspection.traps:
        yield {"part": "warning", "name": trap.layer, "objects": None, "crs": "", "encoding": "",
               "text": trap.sentence}


def _relative(delivery: Delivery, layer: LayerRef) -> str:
    """The file as a person finds it: inside the folder or archive that was given."""
    root = delivery.root.resolve()
    return str(layer.path.relative_to(root)) if layer.path.is_relative_to(root) else Path(layer.path).name


_KINDS = ("Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "Collection")
