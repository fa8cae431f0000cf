"""The bar of a lift as an operator draws it: polygons, as a LabelMe file and as a binary mask."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from PIL import Image, ImageDraw

from georetrieval.synthetic.chairlifts_model import PX, Lift
from georetrieval.synthetic.chance import Floats
from georetrieval.synthetic.pictures import Bytes


def polygons(lift: Lift, state: str) -> list[Floats]:
    """Outlines (n, 2) in pixels of the bar's tubes in the lift's own viewpoint, a little wider than the bar."""
    half = max(3.0, lift.bar_px + 2) / 2
    outlines = []
    for tube in lift.seen_bar(state):
        whole = shapely.buffer(shapely.linestrings(tube), half, quad_segs=2)
        pieces = [whole]
        if shapely.get_num_interior_rings(whole):  # an outline cannot have a hole: one outline for each piece
            pieces = [shapely.buffer(shapely.linestrings(pair), half, quad_segs=2)
                      for pair in pairwise(tube)]
        outlines += [np.round(shapely.get_coordinates(shapely.get_exterior_ring(piece))[:-1], 2) for piece in pieces]
    return outlines


def draw_mask(lift: Lift, state: str) -> Bytes:
    """Mask (200, 200) uint8, 0 or 255."""
    image = Image.new("L", (PX, PX))
    draw = ImageDraw.Draw(image)
    for outline in polygons(lift, state):
        draw.polygon([(x, y) for x, y in outline.tolist()], fill=255)
    return np.asarray(image)


def labelme(lift: Lift, state: str) -> bytes:
    """The polygons as the drawing tool LabelMe saves them (JSON, format of version 5)."""
    shapes = [{"label": state, "points": outline.tolist(), "group_id": None, "shape_type": "polygon", "flags": {}}
              for outline in polygons(lift, state)]
    value: dict[str, Any] = {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": f"{state}.png",
                             "imageData": None, "imageHeight": PX, "imageWidth": PX}
    return (json.dumps(value, indent=1) + "\n").encode()
