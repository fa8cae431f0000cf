"""A picture as a question: read checked, cut on the index's grid, class codes laid under it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError, MismatchError, UsageError
from georetrieval.geo.crs import crs_name, same_crs
from georetrieval.geo.grid import Bounds, TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.ortho import Mosaic, open_mosaic
from georetrieval.geo.paint import Painter
from georetrieval.geo.sniff import opened
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import MIN_PHOTO_SHARE
from georetrieval.samples.bands import SEMANTIC
from georetrieval.search.manifest import Manifest

SAME_SIZE = 0.1
"""A picture may be this much larger or smaller than a cell before a note is made of it."""
_NOWHERE = (np.nan,) * 4


@dataclass(frozen=True, eq=False)
class Cut:
    """Pieces of a picture: pixels (n, C, px, px) uint8, bands, names, bounds (n, 4), blank pieces, notes."""

    pixels: npt.NDArray[np.uint8]
    bands: tuple[str, ...]
    names: list[str]
    bounds: npt.NDArray[np.float64]
    blank: tuple[str, ...]
    notes: list[str]
    palette: npt.NDArray[np.uint8] | None


@dataclass(frozen=True, eq=False)
class PictureReader:
    """Reads pictures for one index and one eye's bands."""

    manifest: Manifest
    tileset: TileSet | None
    classes: Path | None
    vectors: Path | None
    bands: tuple[str, ...]

    def cut(self, path: Path) -> Cut:
        """Pieces of `path`: the cells that it covers, or the whole picture when it covers none or has no place.

        Raises
        ------
        InputError
            When the picture is damaged, lies in another CRS, or needs class codes that were not given.
        MismatchError
            When the codes' legend is not the index's.
        """
        mosaic = open_mosaic(path, crs=self.manifest.crs or None)
        placed = bool(mosaic.sheets[0].placed)
        if placed and not same_crs(mosaic.crs, self.manifest.crs):
            raise InputError(f"{path} is in {crs_name(mosaic.crs)}, the index in {crs_name(self.manifest.crs)}; "
                             "reproject it with gdalwarp.")
        semantic = bool(set(self.bands) & set(SEMANTIC))
        if not semantic and (self.classes or self.vectors):
            raise UsageError("The model sees the photo alone; --classes and --vectors have no use here.")
        legend = self._legend() if semantic else None
        painter = self._painter(path, mosaic.bounds if placed else None, legend) if legend else None
        pieces, notes = self._pieces(path, mosaic, placed)
        pixels, kept, blank = [], [], []
        for name, bounds in pieces:
            photo, seen = mosaic.read(bounds, (self.manifest.px,) * 2)
            if seen.mean() < MIN_PHOTO_SHARE or not np.ptp(photo):
                blank.append(name)
                continue
            codes = [self._codes(bounds if placed else None, painter, legend)] if legend else []
            pixels.append(np.concatenate([photo, *(c[None] for c in codes)]))
            kept.append((name, bounds if placed else _NOWHERE))
        shape = (0, 0, self.manifest.px, self.manifest.px)
        return Cut(
            np.stack(pixels) if pixels else np.empty(shape, np.uint8),
            (*mosaic.bands, *(("classes",) if semantic else ())), [name for name, _ in kept],
            np.asarray([bounds for _, bounds in kept], np.float64).reshape(-1, 4), tuple(blank), notes,
            legend.palette() if legend else None)

    def _pieces(self, path: Path, mosaic: Mosaic, placed: bool) -> tuple[list[tuple[str, Bounds]], list[str]]:
        whole = [(path.name, mosaic.bounds)]
        if not placed:
            return whole, [f"{path} has no place on the ground: the whole picture is one query."]
        grid = TileGrid(self.manifest.crs, int(self.manifest.cell_m))
        x0, y0, x1, y1 = mosaic.bounds
        near = 1e-6 * grid.cell_m
        cells = [(f"{path.name}:{grid.name(cell)}", grid.bounds(cell)) for cell in grid.cells(mosaic.bounds)]
        inside = [(name, b) for name, b in cells
                  if b[0] >= x0 - near and b[1] >= y0 - near and b[2] <= x1 + near and b[3] <= y1 + near]
        if inside:
            return inside, [f"{path} covers {len(inside)} cells of {grid.cell_m}: one query each."]
        side = max(x1 - x0, y1 - y0)
        if abs(side / grid.cell_m - 1) > SAME_SIZE:
            return whole, [f"{path} is {side:.0f} wide, the index's tiles are {grid.cell_m}: answers will be poor."]
        return whole, [f"{path} covers no whole cell: the whole picture is one query."]

    def _legend(self) -> Legend:
        if self.classes is None and self.vectors is None:
            raise InputError("The model sees classes besides the photo; give --classes FILE (a picture of class "
                             "codes) or --vectors PATH (a delivery, for a picture with a place on the ground).")
        legend = self.tileset.legend if self.tileset is not None else Legend.load("bdtopo12")
        if self.manifest.legend_digest not in (None, legend.digest):
            raise MismatchError(f"The index was built with another legend than {legend.name}; give --tiles, "
                                "which hold theirs.")
        return legend

    def _painter(self, path: Path, bounds: Bounds | None, legend: Legend) -> Painter | None:
        if self.classes is not None or self.vectors is None:
            return None
        if bounds is None:
            raise UsageError(f"{path} has no place on the ground, so vectors cannot be laid under it; give --classes.")
        from georetrieval.geo.deliveries import open_delivery
        from georetrieval.geo.layers import read_classes

        return Painter(read_classes(open_delivery(self.vectors), legend, bounds=bounds, crs=self.manifest.crs))

    def _codes(self, bounds: Bounds | None, painter: Painter | None, legend: Legend) -> npt.NDArray[np.uint8]:
        if painter is not None and bounds is not None:
            return painter.paint(bounds, (self.manifest.px,) * 2)
        assert self.classes is not None
        return _codes_in(self.classes, bounds, self.manifest, legend)


def _codes_in(path: Path, bounds: Bounds | None, manifest: Manifest, legend: Legend) -> npt.NDArray[np.uint8]:
    """(px, px) uint8 codes of a raster: the part at `bounds`, or the whole of it."""
    from rasterio.windows import Window, from_bounds

    with opened(path) as file:
        if file.count != 1 or file.dtypes[0] != "uint8":
            raise InputError(f"{path} has {file.count} bands of {file.dtypes[0]}; class codes are one band of bytes.")
        window: Any = Window(0, 0, file.width, file.height)
        if bounds is not None:
            if file.crs is None and manifest.crs:
                raise InputError(f"{path} does not say where it lies, but the photo does; give the codes as a GeoTIFF.")
            if file.crs is not None and not same_crs(file.crs.to_wkt(), manifest.crs):
                raise InputError(f"{path} is not in the CRS of the index, {crs_name(manifest.crs)}.")
            window = from_bounds(*bounds, transform=file.transform)
        codes = _nearest(file, window, manifest.px)
    strange = sorted(set(np.unique(codes).tolist()) - {0, *(c.code for c in legend.classes)})
    if strange:
        raise InputError(f"{path} holds the value {strange[0]}, which is no class of the legend {legend.name}.")
    return codes


def _nearest(file: Any, window: Any, px: int) -> npt.NDArray[np.uint8]:
    """(px, px) uint8 of the first band: the pixel in which the middle of each of ours lies, 0 beyond the edges.

    (rasterio's `boundless` goes by a VRT, a driver that is closed here.)
    """
    from rasterio.windows import Window

    steps = (np.arange(px) + 0.5) / px
    rows = np.floor(window.row_off + steps * window.height).astype(np.int64)
    cols = np.floor(window.col_off + steps * window.width).astype(np.int64)
    inside = [(at >= 0) & (at < side) for at, side in ((rows, file.height), (cols, file.width))]
    codes = np.zeros((px, px), np.uint8)
    if inside[0].any() and inside[1].any():
        rows, cols = rows[inside[0]], cols[inside[1]]
        part = file.read(1, window=Window.from_slices((rows[0], rows[-1] + 1), (cols[0], cols[-1] + 1)))
        codes[np.ix_(*inside)] = part[np.ix_(rows - rows[0], cols - cols[0])]
    return codes
