"""Building store and index of N vectors, beside what libraries write without names, places or checksums.

    python pipelines/bench/build.py                                   10,000 rows
    python pipelines/bench/build.py --rows 10000 --rows 100000 --rows 600000 --keep

`ours, store` is the published version (segments with page checksums, fsync); `ours, store and choice` also measures
which kind of index answers soonest and writes its codes; `ours, opened` reads and checks all of it again. Each maker is
run as often as `--runs` says (a build of 600,000 rows takes minutes; the races of `racing` need five).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import clouds
import faiss
import numpy as np
import pyarrow as pa
import racing

from georetrieval.search.building import About, Part
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.kept_ann import kept_index, tune
from georetrieval.search.store import IndexStore

PEER = "faiss Flat, add and write_index"
GRAPHS_UP_TO = 200_000
Make = Callable[[Path], object]


def parts(rows: clouds.Vectors) -> Iterator[Part]:
    """The rows as a build hands them on: names, keys, places, dates."""
    for start in range(0, len(rows), clouds.BLOCK):
        some = rows[start:start + clouds.BLOCK]
        place = np.arange(start, start + len(some))
        names = [f"57-2004-E{i:09d}" for i in place]
        x, y = place % 1000 * 100.0, place // 1000 * 100.0
        table = pa.table({"date": ["2004"] * len(some), "xmin": x, "ymin": y, "xmax": x + 100, "ymax": y + 100})
        yield Descriptors(some, [name[8:] for name in names], names, ["57"] * len(some), "cosine"), table


def stored(rows: clouds.Vectors, folder: Path) -> IndexStore:
    return IndexStore.build(folder, parts(rows), About(model="made-up", fingerprint={"made": "up"}, crs="EPSG:2154"))


def tuned(rows: clouds.Vectors, folder: Path) -> None:
    store = stored(rows, folder)
    tune(folder, store.name, store.manifest, store.load()[0])


def opened(folder: Path) -> object:
    store = IndexStore.open(folder)
    return kept_index(folder, store.manifest, store.load()[0])


def flat(rows: clouds.Vectors, folder: Path) -> None:
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)
    folder.mkdir()
    faiss.write_index(index, str(folder / "index.faiss"))


def factory(text: str) -> Callable[[clouds.Vectors, Path], None]:
    def make(rows: clouds.Vectors, folder: Path) -> None:
        index = faiss.index_factory(rows.shape[1], text, faiss.METRIC_INNER_PRODUCT)
        index.train(rows[:clouds.BLOCK])
        index.add(rows)
        folder.mkdir()
        faiss.write_index(index, str(folder / "index.faiss"))

    return make


def hnswlib_file(rows: clouds.Vectors, folder: Path) -> None:
    import hnswlib

    index = hnswlib.Index("ip", rows.shape[1])
    index.init_index(len(rows), M=32, ef_construction=100)
    index.add_items(rows)
    folder.mkdir()
    index.save_index(str(folder / "index.bin"))


def usearch_file(rows: clouds.Vectors, folder: Path) -> None:
    from usearch.index import Index

    index = Index(ndim=rows.shape[1], metric="ip", connectivity=32)
    index.add(np.arange(len(rows)), rows)
    folder.mkdir()
    index.save(str(folder / "index.usearch"))


def makers(n: int) -> tuple[dict[str, Callable[[clouds.Vectors, Path], object]], list[str]]:
    """Who builds, and who is not installed."""
    found: dict[str, Callable[[clouds.Vectors, Path], object]] = {
        PEER: flat, "ours, store": stored, "ours, store and choice": tuned,
        "faiss PQ64x4fs,RFlat": factory("PQ64x4fs,RFlat")}
    graphs = {"hnswlib": hnswlib_file, "usearch": usearch_file}
    missing = [name for name in graphs if find_spec(name) is None]
    if n <= GRAPHS_UP_TO:
        found |= {"faiss HNSW32": factory("HNSW32,Flat")}
        found |= {name: make for name, make in graphs.items() if name not in missing}
    return found, missing


def raced(n: int, runs: int) -> tuple[racing.Race, dict[str, object]]:
    rows, _ = clouds.cloud(n, 1)
    found, missing = makers(n)
    for name in missing:
        print(f"not installed, not raced: {name} (pip install 'georetrieval[bench]')")
    seconds: dict[str, list[float]] = {name: [] for name in [*found, "ours, opened"]}
    for turn in range(runs):
        order = list(found)
        for name in order[turn % len(order):] + order[:turn % len(order)]:
            with tempfile.TemporaryDirectory() as folder:
                place = Path(folder) / "index"
                seconds[name].append(_taken(lambda name=name, place=place: found[name](rows, place)))
                if name == "ours, store and choice":
                    seconds["ours, opened"].append(_taken(lambda place=place: opened(place)))
    race = racing.Race(f"building, N = {n}, {runs} runs", "rows", PEER,
                       tuple(racing.Time(name, n, tuple(taken)) for name, taken in seconds.items()))
    print(f"\n{race}", flush=True)
    return race, {name: round(median(taken), 3) for name, taken in seconds.items()} | {"missing": missing}


def _taken(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, action="append", help="sizes (10000)")
    parser.add_argument("--runs", type=int, default=racing.RUNS)
    parser.add_argument("--keep", action="store_true", help="write results/build.json")
    chosen = parser.parse_args()
    sizes = chosen.rows or [10_000]
    found = [raced(n, chosen.runs) for n in sizes]
    if chosen.keep:
        racing.keep("build", [race for race, _ in found],
                    {f"N = {n}": words for n, (_, words) in zip(sizes, found, strict=True)})


if __name__ == "__main__":
    main()
