"""How a tile, a legend and a set of tiles draw themselves in a notebook: small HTML, at once."""

from __future__ import annotations

import colorsys
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from georetrieval.geo.picturing import panels
from georetrieval.markup import Html, card, counted, facts, joined, listed, picture, swatch, table

if TYPE_CHECKING:
    from georetrieval.geo.legend import Legend
    from georetrieval.geo.tile import Tile
    from georetrieval.geo.tileset import TileSet

SHOWN_PX = 256
"""Side of a panel on the screen; larger tiles are made smaller, smaller ones are enlarged."""
MOST_CLASSES = 40
_GOLDEN = 0.618034


def legend_html(legend: Legend) -> str:
    """Each class with its colour, code and names."""
    rows = ((swatch(item.colour), item.code, item.key, item.name_fr, item.name_en) for item in legend.classes)
    shown = table(("", "code", "key", "français", "English"), rows, most=MOST_CLASSES, of=len(legend.classes))
    schemas = f"; painted from {listed(legend.schemas())}" if legend.schemas() else ""
    return card(f"Legend {legend.name}", f"{counted(len(legend.classes), 'class', 'classes')}{schemas}", shown)


def tile_html(tile: Tile) -> str:
    """The photo and the coloured classes beside each other, and what covers the ground.

    A tile that does not know its legend has colours drawn from the codes alone.
    """
    palette = _any_palette() if tile.legend is None else tile.legend.palette()
    shown = panels(tile, palette)
    high, wide = tile.pixels.shape[1:]
    drawn = picture(_png(shown), len(shown) * SHOWN_PX, "photo and classes") if shown and high and wide else Html()
    about = f"{wide} x {high} px, bands {listed(tile.bands)}; {100 * tile.photo_share:.0f} % photo"
    return card(f"Tile, column {tile.cell.col}, row {tile.cell.row}", about, drawn, _covered(tile, palette))


def tileset_html(tiles: TileSet) -> str:
    """Its surveys, size and legend; no tile is read."""
    rows = ((s.get("scope", ""), s.get("date", ""), listed(s.get("bands", ())), s.get("tiles", 0), s.get("valid", 0))
            for s in tiles.surveys)
    unit = f"{tiles.grid.cell_m:,} m, {tiles.grid.crs}" if tiles.grid.crs else f"{tiles.grid.cell_m:,} px of a picture"
    shown = table(("scope", "date", "bands", "tiles", "not blank"), rows, of=len(tiles.surveys))
    count = sum(int(survey.get("tiles", 0)) for survey in tiles.surveys)
    told = {"path": tiles.path, "a side": f"{unit}: {tiles.px} px", "legend": _strip(tiles.legend)}
    return card("TileSet", counted(count, "tile"), facts(told), shown)


def _strip(legend: Legend) -> Html:
    """The colours of a legend in a line."""
    return joined(f"{legend.name} ", *(swatch(item.colour) for item in legend.classes[:MOST_CLASSES]))


def _covered(tile: Tile, palette: NDArray[np.uint8]) -> Html:
    """The classes by the share of the tile that they cover, the largest first."""
    if "classes" not in tile.bands:
        return Html()
    counts = np.bincount(tile.pixels[tile.bands.index("classes")].ravel(), minlength=256)
    order = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    rows: list[tuple[Any, ...]] = [
        (swatch(palette[code]), _class_name(tile.legend, code), f"{100 * counts[code] / counts.sum():.1f} %")
        for code in order
    ]
    return table(("", "class", "of the tile"), rows, of=len(rows))


def _class_name(legend: Legend | None, code: int) -> str:
    item = None if legend is None else legend.by_code.get(code)
    if item is not None:
        return f"{item.name_en} ({item.name_fr})"
    return "nothing" if code == 0 else f"code {code}"


def _png(shown: list[NDArray[np.uint8]]) -> bytes:
    """Panels beside each other as a PNG of at most `SHOWN_PX` a side each."""
    row = np.concatenate(shown, axis=1)
    image = Image.fromarray(row)
    if row.shape[0] > SHOWN_PX:
        image = image.resize((SHOWN_PX * row.shape[1] // row.shape[0], SHOWN_PX), Image.Resampling.BOX)
    memory = io.BytesIO()
    image.save(memory, "PNG")
    return memory.getvalue()


def _any_palette() -> NDArray[np.uint8]:
    """(256, 3) uint8 colours of codes whose legend is not known; neighbouring codes differ in hue, 0 is black."""
    hues = [colorsys.hls_to_rgb(_GOLDEN * code % 1, 0.55, 0.55) for code in range(256)]
    palette: NDArray[np.uint8] = np.rint(255 * np.array(hues)).astype(np.uint8)
    palette[0] = 0
    return palette
