"""Which CRS a layer has: what the person says, what its file says, what can be assumed and said so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyogrio
from pyproj import CRS

from georetrieval.errors import InputError
from georetrieval.geo.crs import parse_crs
from georetrieval.geo.deliveries import MAPPED, Delivery, LayerRef
from georetrieval.geo.reprojection import in_lambert_93, lambert_93, normalised, plausible, shown
from georetrieval.geo.shapefile import find_parts, read_prj
from georetrieval.geo.traps import Trap, reading


def layer_crs(delivery: Delivery, layer: LayerRef) -> tuple[CRS | None, tuple[Trap, ...]]:
    """The CRS of a layer: what the person says, else the file, else Lambert-93 where name or coordinates allow it."""
    name = layer.name
    if delivery.crs:
        return normalised(parse_crs(delivery.crs)), ()
    with reading(layer.path, name):
        info = pyogrio.read_info(layer.path, layer=layer.gpkg_layer, force_total_bounds=not layer.gpkg_layer)
        text = str(info["crs"] or "") if layer.gpkg_layer else read_prj(find_parts(layer.path))
    bounds, kind = info["total_bounds"], "prj-missing"
    box = tuple(map(float, bounds)) if bounds is not None and np.isfinite(bounds).all() and info["features"] else None
    if text:
        try:
            crs = normalised(parse_crs(text))
        except InputError:
            kind = "prj-unreadable"
        else:
            return crs, _doubts(layer, crs, box)
    elif not layer.gpkg_layer and find_parts(layer.path).prj:
        kind = "prj-empty"
    said = {"prj-missing": "nothing says its CRS", "prj-empty": "its .prj file is empty",
            "prj-unreadable": "the CRS in its file cannot be understood"}[kind]
    if _may_be_lambert_93(delivery, box):
        sentence = f"{name}: {said}; EPSG:2154 (Lambert-93) is assumed (--crs to say otherwise)."
        return lambert_93(), (Trap(kind, name, sentence),)
    return None, (Trap(kind, name, f"{name}: {said}; give it with --crs."),)


def _may_be_lambert_93(delivery: Delivery, box: Any) -> bool:
    named = delivery.projection == "LAMB93"
    if box is None:
        return named or (delivery.schema != MAPPED and not delivery.projection)
    return (named or (delivery.schema != MAPPED and not delivery.projection)) and in_lambert_93(box)


def _doubts(layer: LayerRef, crs: CRS, box: Any) -> tuple[Trap, ...]:
    if box is None or plausible(box, crs):
        return ()
    corner = f"{box[0]:.0f}, {box[1]:.0f} to {box[2]:.0f}, {box[3]:.0f}"
    sentence = (f"{layer.name}: its coordinates ({corner}) cannot be {shown(crs)} as its file says; give the true CRS "
                "with --crs.")
    return (Trap("crs-implausible", layer.name, sentence),)
