"""`georetrieval doctor`: is everything here that the other commands need?"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import rich_click as click

from georetrieval.cli.output import FORMATS, format_option

REQUIRED = ("torch", "torchvision", "timm", "faiss-cpu", "rasterio", "pyogrio", "geopandas", "shapely", "pyproj",
            "numpy", "pyarrow", "rusterize", "safetensors", "accelerate", "pytorch-metric-learning")
OPTIONAL = {"py7zr": "reads .7z deliveries; pip install 'georetrieval[archives]'",
            "openvino": "a faster engine for nets; pip install 'georetrieval[openvino]'",
            "pg8000": "speaks to PostgreSQL; pip install 'georetrieval[postgres]'"}


@click.command()
@format_option(*FORMATS)
def command(format_: str) -> None:
    """Check the installation and the machine.

    Loads every library, reads and writes a JPEG2000 sheet in memory, searches a small index two ways, and reports
    processors, memory, disk, graphics cards and what nets run in (the processor's instructions that count, the engines,
    which one --engine auto takes). Ends with 2 when something required is missing or wrong.

    \b
    Examples:
      georetrieval doctor
      georetrieval doctor --format json
    """
    from georetrieval.cli.output import write_rows
    from georetrieval.errors import UsageError

    rows = [*_packages(), *(_checked(name, check) for name, check in CHECKS.items())]
    write_rows(rows, format_)
    wrong = [str(row["part"]) for row in rows if row["state"] == "wrong"]
    if wrong:
        raise UsageError(f"{', '.join(wrong)}: missing or wrong; install the versions of constraints.txt.")


def _packages() -> list[dict[str, Any]]:
    rows = []
    for name in (*REQUIRED, *OPTIONAL):
        try:
            rows.append({"part": name, "state": "ok", "detail": version(name)})
        except PackageNotFoundError:
            state = "optional" if name in OPTIONAL else "wrong"
            rows.append({"part": name, "state": state, "detail": f"not installed ({OPTIONAL.get(name, 'required')})"})
    return rows


def _checked(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"part": name, "state": "ok", "detail": check()}
    except Exception as error:  # a doctor reports whatever is wrong and goes on
        return {"part": name, "state": "wrong", "detail": f"{type(error).__name__}: {error}"}


def _machine() -> str:
    import psutil

    from georetrieval.files import free_bytes

    memory = psutil.virtual_memory()
    return (f"{psutil.cpu_count()} processors, {memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB "
            f"memory free, {free_bytes(Path.cwd()) / 2**30:.1f} GiB disk free")


def _jpeg2000() -> str:
    import numpy as np
    import rasterio
    from rasterio.io import MemoryFile

    pixels = np.arange(3 * 64 * 64, dtype=np.uint8).reshape(3, 64, 64)
    profile = {"driver": "JP2OpenJPEG", "width": 64, "height": 64, "count": 3, "dtype": "uint8",
               "crs": "EPSG:2154", "transform": rasterio.Affine(1, 0, 700_000, 0, -1, 6_600_064)}
    with MemoryFile() as memory:
        with memory.open(**profile, QUALITY="100", REVERSIBLE="YES") as sheet:
            sheet.write(pixels)
        with memory.open(driver="JP2OpenJPEG") as sheet:
            if not np.array_equal(sheet.read(), pixels):
                raise RuntimeError("pixels differ after a lossless round trip")
    return f"GDAL {rasterio.__gdal_version__}, lossless round trip"


def _lambert93() -> str:
    from pyproj import Transformer

    x, y = Transformer.from_crs("EPSG:4326", "EPSG:2154", always_xy=True).transform(3.0, 46.5)
    if abs(x - 700_000) > 0.01 or abs(y - 6_600_000) > 0.01:
        raise RuntimeError(f"the origin of Lambert-93 is computed at {x:.2f}, {y:.2f}")
    return "origin of Lambert-93 at 700000, 6600000"


def _search() -> str:
    import faiss
    import numpy as np

    vectors = np.random.default_rng(1).normal(size=(200, 16)).astype(np.float32)
    index = faiss.IndexFlatIP(16)
    index.add(vectors)
    if not np.array_equal(index.search(vectors, 1)[1][:, 0], np.argmax(vectors @ vectors.T, axis=1)):
        raise RuntimeError("faiss and numpy disagree on the nearest neighbours")
    return "faiss and numpy agree on 200 nearest neighbours"


def _net() -> str:
    import torch

    picture, kernel = (torch.ones(1, 3, side, side, dtype=torch.bfloat16) for side in (8, 3))
    torch.nn.functional.conv2d(picture, kernel)
    cards = torch.cuda.device_count()
    return f"torch on {torch.get_num_threads()} threads, bf16 works, {cards or 'no'} graphics card{'s' * (cards > 1)}"


def _engines() -> str:
    from georetrieval.nets.engines import described

    return described()


CHECKS: dict[str, Callable[[], str]] = {
    "machine": _machine,
    "JPEG2000": _jpeg2000,
    "Lambert-93": _lambert93,
    "search": _search,
    "net": _net,
    "engines": _engines,
}
