"""A made-up square kilometre in real formats, small enough for every test: a photo and a BD TOPO v2 delivery.

Four quarters of 500 m: a wood in the north-west, a lake in the north-east, a building of 100 m in the middle of the
south-west, nothing in the south-east; a road of 20 m crosses all along the middle from west to east.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.transform import from_bounds

from georetrieval.files import sha256_file
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.making import Settings
from georetrieval.geo.tile import Survey

WEST, SOUTH = 905000, 6930000
CRS = "EPSG:2154"
BOUNDS = (float(WEST), float(SOUTH), float(WEST + 1000), float(SOUTH + 1000))
WOOD, LAKE, BUILDING, ROAD = 10, 7, 6, 1
"""Codes of the legend bdtopo12."""


def noise(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.uint8]:
    """Pixels that are never constant and never 0 or 255."""
    return np.random.default_rng(seed).integers(30, 220, shape, dtype=np.uint8)


def write_raster(
    path: Path, pixels: NDArray[np.uint8], bounds: tuple[float, float, float, float] = BOUNDS, crs: str = CRS,
    driver: str = "GTiff", **options: object,
) -> Path:
    """Write (bands, h, w) pixels; JPEG 2000 without loss."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if driver == "JP2OpenJPEG":
        options = {"quality": "100", "reversible": "YES", **options}
    bands, height, width = pixels.shape
    with rasterio.open(
        path, "w", driver=driver, count=bands, height=height, width=width, dtype=pixels.dtype, crs=crs or None,
        transform=from_bounds(*bounds, width, height), **options,
    ) as dataset:
        dataset.write(pixels)
    return path


def write_vectors(folder: Path, *, east: float = 0.0) -> Path:
    """Write the delivery, moved `east` metres; answers its folder."""
    root = folder / "BDT_2-0_SHP_LAMB93_D057-ED083"
    x, y = WEST + east, SOUTH
    layers: Iterator[tuple[str, object, dict[str, object]]] = iter((
        ("A_RESEAU_ROUTIER/ROUTE", shapely.LineString([(x, y + 500), (x + 1000, y + 500)]),
         {"NATURE": "Route à 1 chaussée", "LARGEUR": 20.0, "POS_SOL": 0}),
        ("D_HYDROGRAPHIE/SURFACE_EAU", shapely.box(x + 600, y + 600, x + 900, y + 900),
         {"NATURE": "Surface d'eau", "REGIME": "Permanent"}),
        ("E_BATI/BATI_INDIFFERENCIE", shapely.box(x + 200, y + 200, x + 300, y + 300), {"HAUTEUR": 6}),
        ("F_VEGETATION/ZONE_VEGETATION", shapely.box(x, y + 520, x + 480, y + 1000), {"NATURE": "Zone arborée"}),
    ))
    for name, shape, columns in layers:
        path = root / f"{name}.SHP"
        path.parent.mkdir(parents=True, exist_ok=True)
        gpd.GeoDataFrame([columns], geometry=[shape], crs=CRS).to_file(path, driver="ESRI Shapefile", encoding="UTF-8")
    return root


def write_survey(folder: Path, *, px: int = 500, seed: int = 0) -> tuple[Path, Path]:
    """Write one colour photo of the square (`px` pixels a side) and its vectors: paths of both."""
    photo = write_raster(folder / "ortho" / "57-2004-0905-6931-LA93-2M00.tif", noise((3, px, px), seed))
    return photo, write_vectors(folder / "vectors")


def sheets(folder: Path, *, across: int = 2, px: int = 64, cell_m: int = 250) -> tuple[Survey, Settings]:
    """Write `across` x `across` colour sheets of 1 km (2 m pixels) with vectors, and how they are cut."""
    for number in range(across**2):
        west, south = WEST + 1000 * (number % across), SOUTH + 1000 * (number // across)
        name = f"57-2004-{west // 1000:04d}-{south // 1000 + 1:04d}-LA93-2M00.tif"
        write_raster(folder / "ortho" / name, noise((3, 500, 500), number), (west, south, west + 1000, south + 1000))
    write_vectors(folder / "vectors")
    return (Survey("57", "2004", folder / "ortho", folder / "vectors"),
            Settings(TileGrid(CRS, cell_m), px, Legend.load("bdtopo12"), 0.5))


def files_of(folder: Path) -> dict[str, str]:
    """Every file below a folder but locks, with its SHA-256."""
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != ".lock"]
    return {str(p.relative_to(folder)): sha256_file(p) for p in files}
