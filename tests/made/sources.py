"""Sources of every format in few bytes: sheets, vectors, weights; and the list of their checksums."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import geopandas as gpd
import shapely
import torch

from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.settings import NetSettings
from tests.made import tiny

SHEETS: dict[str, tuple[str, str, dict[str, str]]] = {
    "raw": (".tif", "GTiff", {}),
    "deflate": (".tif", "GTiff", {"COMPRESS": "DEFLATE", "TILED": "YES", "BLOCKXSIZE": "64", "BLOCKYSIZE": "64"}),
    "jpeg-in-tiff": (".tif", "GTiff", {"COMPRESS": "JPEG", "PHOTOMETRIC": "YCBCR"}), "cog": (".tif", "COG", {}),
    "jp2": (".jp2", "JP2OpenJPEG", {}), "png": (".png", "PNG", {"WORLDFILE": "YES"}),
    "jpeg": (".jpg", "JPEG", {"WORLDFILE": "YES"}),
}
NET = NetSettings(bands=("r", "g", "b"), px=16, fusion="stack", trunk="two-convs", head="fc", hidden=(), dropout=0.0,
                  descriptor=8)


def write_sheets(folder: Path, *, px: int = 100) -> list[Path]:
    """One sheet of 1 km of each kind, side by side: `<kind>.<suffix>`."""
    for number, (kind, (suffix, driver, options)) in enumerate(SHEETS.items()):
        west = tiny.WEST + 1000 * number
        tiny.write_raster(folder / f"{kind}{suffix}", tiny.noise((3, px, px), number),
                          (west, tiny.SOUTH, west + 1000, tiny.SOUTH + 1000), driver=driver, **options)
    return sorted(p for p in folder.iterdir() if p.suffix not in (".xml",))


def write_layers(folder: Path) -> dict[str, Path]:
    """The same kilometre as shapefiles (BD TOPO 2.0), as an archive of them, and as a GeoPackage (3.0)."""
    shapes = tiny.write_vectors(folder / "shp")
    archive = Path(shutil.make_archive(str(folder / shapes.name), "zip", shapes.parent, shapes.name))
    x, y = tiny.WEST, tiny.SOUTH
    package = folder / "BDT_3-0_GPKG_LAMB93_D057-ED2019-03-19.gpkg"
    for name, shape, columns in (
        ("batiment", shapely.box(x + 200, y + 200, x + 300, y + 300), {"nature": "Eglise"}),
        ("zone_de_vegetation", shapely.box(x, y + 520, x + 480, y + 1000), {"nature": "Bois"}),
        ("troncon_de_route", shapely.LineString([(x, y + 500), (x + 1000, y + 500)]),
         {"nature": "Route à 1 chaussée", "largeur_de_chaussee": 20.0, "position_par_rapport_au_sol": "0"}),
    ):
        gpd.GeoDataFrame([columns], geometry=[shape], crs=tiny.CRS).to_file(package, layer=name, driver="GPKG")
    return {"shapefiles": shapes, "archive": archive, "geopackage": package}


def write_models(folder: Path) -> dict[str, Path]:
    """A net of ours, and weights as others pickle them."""
    torch.manual_seed(1)
    net = DescriptorNet(NET)
    (folder / "run").mkdir(parents=True)
    net.save(folder / "run" / "weights.safetensors")
    torch.save(net.state_dict(), folder / "others.pth")
    return {"ours": folder / "run" / "weights.safetensors", "pickled": folder / "others.pth"}


def write_sums(folder: Path) -> Path:
    """The list of every file below a folder, beside it."""
    path = folder.with_name(f"{folder.name}.sha256")
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder)}\n"
             for p in sorted(folder.rglob("*")) if p.is_file()]
    path.write_text("".join(lines))
    return path
