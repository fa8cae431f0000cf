"""The explorer with many tiles: what its page has to load, and how long an answer takes.

    python pipelines/bench/serve.py [--tiles 25000] [--dim 128]

Makes an index of made-up rows on a grid in Lambert-93, starts `georetrieval serve` and asks it as its page does. There
is no peer; what is to be reached is an answer in less than 200 ms, and a first paint, to which `/api/index` and
`/api/tiles` belong, in less than 2 s.
"""

from __future__ import annotations

import argparse
import gzip
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parents[2]))

from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.store import IndexStore
from tests.made.serving import Serving, serving

CELL_M, WEST, SOUTH = 250, 900_000, 6_800_000
RUNS = 60


def make_index(folder: Path, tiles: int, dim: int) -> None:
    """An index `town` of random unit vectors on a square of cells, half of one date and half of another."""
    random = np.random.default_rng(0)
    place, date = np.arange(tiles) // 2, np.where(np.arange(tiles) % 2, "2019", "2004")
    side = int(np.ceil(np.sqrt(tiles / 2)))
    x, y = WEST + CELL_M * (place % side), SOUTH + CELL_M * (place // side)
    cells = [f"E{a:07d}N{b:07d}" for a, b in zip(x.tolist(), y.tolist(), strict=True)]
    names = [f"57-{d}-{cell}-{CELL_M}" for d, cell in zip(date.tolist(), cells, strict=True)]
    table = pa.table({"date": date.tolist(), "xmin": x.astype(float), "ymin": y.astype(float),
                      "xmax": x + float(CELL_M), "ymax": y + float(CELL_M)})
    rows = Descriptors(random.normal(size=(tiles, dim)), [f"57-{cell}" for cell in cells], names, ["57"] * tiles,
                       "cosine")
    about = About(model="hog", fingerprint={"architecture": "made-up"}, crs="EPSG:2154", cell_m=CELL_M)
    IndexStore.build(folder / "town", [(rows, table)], about)


def timed(what: str, ask: Callable[[int], object], runs: int = RUNS) -> None:
    """Print median, 95th percentile and longest of some requests, in milliseconds; the first one apart."""
    taken = []
    for turn in range(runs + 1):
        start = time.perf_counter()
        ask(turn)
        taken.append(1000 * (time.perf_counter() - start))
    first, rest = taken[0], sorted(taken[1:])
    late = rest[int(0.95 * len(rest)) - 1]
    print(f"{what:28} first {first:8.1f}  median {statistics.median(rest):8.1f}  p95 {late:8.1f}  "
          f"longest {rest[-1]:8.1f} ms", flush=True)


def asked(server: Serving, **body: object) -> object:
    """A search that has to be answered."""
    reply = server.post("/api/search", {"k": 10, **body})
    assert reply.status == 200, reply.data
    assert len(reply.json["matches"]) == 10
    return reply


def main() -> None:
    """Make, start, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=25_000)
    parser.add_argument("--dim", type=int, default=128)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_index(folder, options.tiles, options.dim)
        start = time.perf_counter()
        with serving(folder, "./town") as server:
            print(f"start to address: {time.perf_counter() - start:.2f} s; memory {server.memory() >> 20} MiB")
            reply = server.get("/api/tiles", Accept_Encoding="gzip")
            print(f"/api/tiles of {options.tiles} tiles: {len(reply.data) / 1e6:.2f} MB zipped, "
                  f"{len(gzip.decompress(reply.data)) / 1e6:.2f} MB of JSON")
            timed("GET /api/index", lambda _: server.get("/api/index"))
            timed("GET /api/tiles", lambda _: server.get("/api/tiles", Accept_Encoding="gzip"), 10)
            timed("GET /api/tiles/n", lambda n: server.get(f"/api/tiles/{n}"))
            timed("search by a tile", lambda n: asked(server, tile=n * 97))
            timed("  among one date", lambda n: asked(server, tile=n * 97, dates=["2019"]))
            timed("  farther than 2 km", lambda n: asked(server, tile=n * 97, beyond_m=2000.0))
            timed("  in a box that changes", lambda n: asked(server, tile=n, bbox=[5.5, 48.0, 7.5 + n / 100, 49.9]))
            timed("  with four examples", lambda n: asked(server, tile=n, like=[n + 1, n + 2], unlike=[n + 3, n + 4]))
            timed("download as CSV", lambda n: server.post("/api/download?format=csv", {"tile": n}))
            timed("download as GeoPackage", lambda n: server.post("/api/download?format=gpkg", {"tile": n}), 20)
            print(f"memory {server.memory() >> 20} MiB")


if __name__ == "__main__":
    main()
