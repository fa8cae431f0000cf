"""Sixteen tiles in colour with their class codes, and nets of no training that see both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from tests.made import tiny

BANDS = ("r", "g", "b", "sr", "sg", "sb")
CELL_M, PX = 250, 32


def colours(seed: int, px: int = 128) -> Any:
    """(3, px, px) uint8: smooth land in which each colour goes its own way."""
    noise = np.random.default_rng(seed).normal(size=(3, px, px))
    smooth = np.stack([gaussian_filter(band, 3) for band in noise])
    return np.clip(128 + 50 * smooth / smooth.std(), 1, 255).astype(np.uint8)


def survey(folder: Path, date: str, seed: int, *, dark: int = 0) -> Survey:
    """One photograph of the square kilometre, some of whose tiles in the north are all black, and its vectors."""
    pixels, side = colours(seed), 128 * CELL_M // 1000
    for tile in range(dark):
        row, col = divmod(tile, 4)
        pixels[:, row * side:(row + 1) * side, col * side:(col + 1) * side] = 0
    photo = tiny.write_raster(folder / date / f"57-{date}-0905-6931-LA93-2M00.tif", pixels)
    return Survey("57", date, photos=photo, vectors=tiny.write_vectors(folder / date))


def town(folder: Path, surveys: list[Survey], *, px: int = PX, legend: Legend | None = None) -> TileSet:
    """Tiles of these surveys."""
    grid = TileGrid(tiny.CRS, CELL_M)
    return build_tiles(surveys, folder, grid=grid, px=px, legend=legend or Legend.load("bdtopo12"))


def write_net(folder: Path, seed: int, *, legend: str = "", half: bool = False, **other: Any) -> str:
    """Save a random net of these bands; its run folder."""
    settings: dict[str, Any] = {"bands": BANDS, "px": PX, "trunk": "two-convs", "head": "pool", "descriptor": 16,
                                "pooling": "avg"}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DescriptorNet(NetSettings(**settings | other), legend=legend)
    if half:
        net = net.half().float()
    net.save(folder / "weights.safetensors")
    return str(folder)
