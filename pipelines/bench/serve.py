"""The explorer with many tiles: what its page has to load, and how long an answer takes.

    python pipelines/bench/serve.py [--tiles 25000] [--dim 128] [--pages 9] [--keep]

Makes an index of made-up rows on a grid in Lambert-93, starts `georetrieval serve`, opens its page in Chromium as often
as --pages says, each time in a fresh profile, and then asks the server as the page does. There is no peer; what is to
be reached is an answer in less than 200 ms, and a first paint in less than 2 s. Of a page are told, from the click on:

- first contentful paint: the browser's own figure (words and fields are on the screen);
- tiles read: names and places are known, all but the map can be used;
- tiles seen: the map has drawn all of them;
- user CPU of the browser's processes, which include WebGL in software, and of the server.

Playwright's page starts from an empty one; the first page of a browser is told apart.
"""

from __future__ import annotations

import argparse
import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import racing

sys.path.insert(0, str(Path(__file__).parents[2]))

from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.store import IndexStore
from tests.made.browsers import WAIT_MS, chromium
from tests.made.serving import Serving, serving

CELL_M, WEST, SOUTH = 250, 900_000, 6_800_000
RUNS = 60
ANSWERS: dict[str, dict[str, float]] = {}
"""Of each kind of request, milliseconds."""


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


MARKS = """() => Object.fromEntries(performance.getEntries()
    .filter((one) => ["paint", "mark"].includes(one.entryType)).map((one) => [one.name, one.startTime]))"""
TOLD = {"first-contentful-paint": "first contentful paint", "tiles": "tiles read", "drawn": "tiles seen",
        "browser_cpu": "user CPU, browser", "server_cpu": "user CPU, server"}


def opened(server: Serving, pages: int) -> list[dict[str, float]]:
    """What each of some pages took, in milliseconds: the marks of the page, and user CPU."""
    assert server.process is not None
    here, there = psutil.Process(), psutil.Process(server.process.pid)
    found = []
    with chromium() as browser:
        for _ in range(pages):
            context = browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
            page = context.new_page()
            page.goto("about:blank")
            before = [_user_ms(here, but=there), _user_ms(there)]
            page.goto(f"http://{server.host}/")
            page.wait_for_selector("body[data-map=drawn]", timeout=WAIT_MS)
            marks = page.evaluate(MARKS)
            after = [_user_ms(here, but=there), _user_ms(there)]
            cpu = {"browser_cpu": after[0] - before[0], "server_cpu": after[1] - before[1]}
            found.append({name: float((marks | cpu)[name]) for name in TOLD})
            context.close()
    return found


def _user_ms(process: psutil.Process, but: psutil.Process | None = None) -> float:
    """Of a process and its children, this benchmark itself left out."""
    some = [one for one in process.children(recursive=True) if one != but] if but else [process]
    total = 0.0
    for one in some:
        try:
            total += one.cpu_times().user
        except psutil.Error:  # it ended just now
            continue
    return 1000 * total


def told_pages(found: list[dict[str, float]]) -> None:
    """Print the first page, and median and longest of the others."""
    for name, said in TOLD.items():
        first, *rest = [one[name] for one in found]
        print(f"{said:28} first {first:8.0f}  median {statistics.median(rest):8.0f}  longest {max(rest):8.0f} ms")


def timed(what: str, ask: Callable[[int], object], runs: int = RUNS) -> None:
    """Print median, 95th percentile and longest of some requests, in milliseconds; the first one apart."""
    taken = []
    for turn in range(runs + 1):
        start = time.perf_counter()
        ask(turn)
        taken.append(1000 * (time.perf_counter() - start))
    first, rest = taken[0], sorted(taken[1:])
    late = rest[int(0.95 * len(rest)) - 1]
    ANSWERS[what.strip()] = {"first": first, "median": statistics.median(rest), "p95": late, "longest": rest[-1]}
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
    parser.add_argument("--pages", type=int, default=9, help="0 opens no browser")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    pages: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_index(folder, options.tiles, options.dim)
        start = time.perf_counter()
        with serving(folder, "./town") as server:
            print(f"start to address: {time.perf_counter() - start:.2f} s; memory {server.memory() >> 20} MiB")
            reply = server.get("/api/tiles", Accept_Encoding="gzip")
            print(f"/api/tiles of {options.tiles} tiles: {len(reply.data) / 1e6:.2f} MB zipped, "
                  f"{len(gzip.decompress(reply.data)) / 1e6:.2f} MB of JSON")
            if options.pages > 1:
                pages = opened(server, options.pages)
                told_pages(pages)
            timed("GET /api/index", lambda _: server.get("/api/index"))
            timed("GET /api/tiles", lambda _: server.get("/api/tiles", Accept_Encoding="gzip"), 10)
            timed("GET /api/tiles.geojson", lambda _: server.get("/api/tiles.geojson", Accept_Encoding="gzip"), 10)
            timed("GET /api/tiles/n", lambda n: server.get(f"/api/tiles/{n}"))
            timed("search by a tile", lambda n: asked(server, tile=n * 97))
            timed("  among one date", lambda n: asked(server, tile=n * 97, dates=["2019"]))
            timed("  farther than 2 km", lambda n: asked(server, tile=n * 97, beyond_m=2000.0))
            timed("  in a box that changes", lambda n: asked(server, tile=n, bbox=[5.5, 48.0, 7.5 + n / 100, 49.9]))
            timed("  with four examples", lambda n: asked(server, tile=n, like=[n + 1, n + 2], unlike=[n + 3, n + 4]))
            timed("download as CSV", lambda n: server.post("/api/download?format=csv", {"tile": n}))
            timed("download as GeoPackage", lambda n: server.post("/api/download?format=gpkg", {"tile": n}), 20)
            print(f"memory {server.memory() >> 20} MiB")
    if options.keep:
        racing.keep("serve", [], {
            "tiles": options.tiles, "dim": options.dim, "load_after": os.getloadavg()[0], "pages_ms": pages,
            "answers_ms": {name: {key: round(ms, 1) for key, ms in one.items()} for name, one in ANSWERS.items()}})


if __name__ == "__main__":
    main()
