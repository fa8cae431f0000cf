"""Search, 256-d, k = 5: our call with ids, keys, filters and checks, beside the bare calls of the libraries.

    python pipelines/bench/search.py                      100,000 rows
    python pipelines/bench/search.py --rows 100000 --rows 600000 --keep
    python pipelines/bench/search.py --clusters 4         few clusters: what is fast elsewhere collapses

Two races per size: a batch of 1,000 queries, and single queries. `ours` is what `index tune` chooses for the recall of
.999, `ours exact` compares all rows; `ours, bare` is the FAISS call that `ours` makes, with its own vectors to decide.
Peers that are not installed are named: pip install 'georetrieval[bench]'.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import clouds
import faiss
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import racing

from georetrieval.search.ann import EXACT, FaissIndex
from georetrieval.search.choosing import RECALL, Choice, choose, told
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.flat import FlatIndex
from georetrieval.search.gallery import Filter, Gallery

K = 5
BATCH = 1000
SINGLE = 20
Rows = npt.NDArray[np.int64]
Ask = Callable[[clouds.Vectors], Rows]
EFFORTS = (8, 16, 32, 64, 128, 256, 512)
"""Of the peers that can look further (efSearch, leaves): the least that finds `RECALL` of the answers is raced."""


@dataclass(frozen=True)
class Tried:
    """A peer and how its effort is set."""

    ask: Ask
    effort: Callable[[int], object]

    def at(self, queries: clouds.Vectors, truth: Rows) -> tuple[Ask, int]:
        """Set to the least effort that reaches `RECALL`, the most of `EFFORTS` where none does; the effort."""
        for effort in EFFORTS:
            self.effort(effort)
            if recall(self.ask(queries), truth) >= RECALL:
                break
        return self.ask, effort


TORCH = "torch bf16, 32 again in fp32"
AT_EASE = 100_000
"""Up to so many rows SQ8 is raced, which takes six times as long as comparing all, and bf16 products without
instructions for them."""
CARRIED = {"hnswlib", "usearch", "scann"}
SLOW = {"scikit-learn, one at a time"}
"""Not run in batches."""


def described(vectors: clouds.Vectors, word: str) -> Descriptors:
    names = [f"57-2004-{word}{i:09d}" for i in range(len(vectors))]
    return Descriptors(vectors, [name[8:] for name in names], names, ["57"] * len(names), "cosine")


def attributes(n: int) -> pa.Table:
    x, y = np.arange(n) % 1000 * 100.0, np.arange(n) // 1000 * 100.0
    dates = pa.DictionaryArray.from_arrays(pa.array(np.arange(n) % 2, pa.int8()), pa.array(["2004", "2019"]))
    return pa.table({"date": dates.cast(pa.string()), "xmin": x, "ymin": y, "xmax": x + 100, "ymax": y + 100})


def ours(rows: clouds.Vectors) -> tuple[dict[str, Ask], Choice]:
    """Our calls by name, and what was chosen."""
    descriptors, flat = described(rows, "E"), FlatIndex(rows, "cosine")
    choice = choose(flat)
    chosen = flat if choice.plan.factory == EXACT else FaissIndex(flat, choice.plan, choice.codes)
    galleries = {name: Gallery.of(descriptors, attributes=attributes(len(rows)), index=index)
                 for name, index in (("ours", chosen), ("ours exact", flat))}
    calls: dict[str, Ask] = {
        name: lambda vectors, gallery=gallery: gallery.search(described(vectors, "Q"), K).rows
        for name, gallery in galleries.items()}
    half = Filter(dates=("2019",))
    calls["ours, half of the rows allowed"] = lambda vectors: galleries["ours"].search(
        described(vectors, "Q"), K, where=half).rows
    if choice.codes is not None:
        refined = faiss.IndexRefineFlat(choice.codes, faiss.swig_ptr(rows))
        refined.k_factor = choice.plan.k_factor
        calls["ours, bare"] = lambda vectors: refined.search(vectors, K)[1]
    return calls, choice


def faiss_peers(rows: clouds.Vectors, graphs: bool) -> dict[str, Ask | Tried]:
    """Indexes of FAISS, bare."""
    found: dict[str, Ask | Tried] = {}
    kinds = {"faiss IndexFlatIP, 1 thread": "Flat", "faiss flat SQ8": "SQ8", "faiss HNSW32": "HNSW32,Flat"}
    for name, factory in kinds.items():
        if ("HNSW" in factory and not graphs) or (factory == "SQ8" and len(rows) > AT_EASE):
            print(f"not raced with so many rows: {name}")
            continue
        index = faiss.index_factory(rows.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        index.train(rows[:clouds.BLOCK])
        index.add(rows)

        def ask(vectors: clouds.Vectors, index: faiss.Index = index, alone: bool = factory == "Flat") -> Rows:
            before = faiss.omp_get_max_threads()
            faiss.omp_set_num_threads(1 if alone else before)
            answers = index.search(vectors, K)[1]
            faiss.omp_set_num_threads(before)
            return answers

        found[name] = ask
        if "HNSW" in factory:
            found[name] = Tried(ask, lambda ef, graph=index.hnsw: setattr(graph, "efSearch", ef))
        if factory == "Flat" and faiss.omp_get_max_threads() > 1:
            found["faiss IndexFlatIP, all threads"] = lambda vectors, index=index: index.search(vectors, K)[1]
    return found


def torch_peer(rows: clouds.Vectors) -> Ask:
    """bf16 products in blocks, the 32 best of each scored again in float32."""
    import torch

    narrow, wide = torch.from_numpy(rows).bfloat16(), torch.from_numpy(rows)

    def ask(vectors: clouds.Vectors) -> Rows:
        asked = torch.from_numpy(vectors)
        tops = [(asked.bfloat16() @ part.T).float().topk(min(32, len(part))) for part in narrow.split(clouds.BLOCK)]
        starts = range(0, len(narrow), clouds.BLOCK)
        places = torch.cat([top.indices + start for top, start in zip(tops, starts, strict=True)], 1)
        best = torch.cat([top.values for top in tops], 1).topk(32).indices
        places = places.gather(1, best)
        again = (wide[places] * asked[:, None]).sum(2)
        return places.gather(1, again.topk(K).indices).numpy()

    return ask


def sklearn_peer(rows: clouds.Vectors) -> Ask:
    from sklearn.neighbors import NearestNeighbors

    fitted = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="cosine").fit(rows)
    return lambda vectors: np.concatenate([fitted.kneighbors(one[None], return_distance=False) for one in vectors])


def hnswlib_peer(rows: clouds.Vectors) -> Tried:
    import hnswlib

    index = hnswlib.Index("ip", rows.shape[1])
    index.init_index(len(rows), M=32, ef_construction=100)
    index.add_items(rows)
    return Tried(lambda vectors: index.knn_query(vectors, K)[0].astype(np.int64), index.set_ef)


def usearch_peer(rows: clouds.Vectors) -> Tried:
    from usearch.index import Index

    index = Index(ndim=rows.shape[1], metric="ip", connectivity=32)
    index.add(np.arange(len(rows)), rows)

    def effort(ef: int) -> None:
        index.expansion_search = ef

    return Tried(lambda vectors: np.atleast_2d(np.asarray(index.search(vectors, K).keys, np.int64)), effort)


def scann_peer(rows: clouds.Vectors) -> Tried:
    import scann

    leaves = int(np.sqrt(len(rows)))
    index = scann.scann_ops_pybind.builder(rows, K, "dot_product").tree(
        leaves, 1, training_sample_size=min(len(rows), 250_000)).score_ah(
        2, anisotropic_quantization_threshold=0.2).reorder(100).build()
    searched = [1]

    def ask(vectors: clouds.Vectors) -> Rows:
        if len(vectors) == 1:
            return np.asarray(index.search(vectors[0], leaves_to_search=searched[0])[0], np.int64)[None]
        return np.asarray(index.search_batched_parallel(vectors, leaves_to_search=searched[0])[0], np.int64)

    return Tried(ask, lambda effort: searched.__setitem__(0, min(effort, leaves)))


def carried(rows: clouds.Vectors, graphs: bool) -> tuple[dict[str, Tried], list[str]]:
    """Peers of other projects, and the names of those that are not installed."""
    makers = {"scann": scann_peer, **({"hnswlib": hnswlib_peer, "usearch": usearch_peer} if graphs else {})}
    missing = [name for name in sorted(CARRIED) if find_spec(name) is None]
    return {name: make(rows) for name, make in makers.items() if name not in missing}, missing


def recall(found: Rows, truth: Rows) -> float:
    """Share of the true answers that were found."""
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


def one_by_one(ask: Ask, queries: clouds.Vectors) -> Callable[[], object]:
    return lambda: [ask(vector[None]) for vector in queries[:SINGLE]]


def raced(n: int, clusters: int | None, graphs: bool) -> tuple[list[racing.Race], dict[str, object]]:
    """Both races of one size, and the recalls."""
    rows, queries = clouds.cloud(n, BATCH, clusters=clusters)
    calls, choice = ours(rows)
    print(f"\nN = {n:,}: {told(choice)}", flush=True)
    peers = faiss_peers(rows, graphs) | {"scikit-learn, one at a time": sklearn_peer(rows)}
    if n <= AT_EASE or "bf16" in racing.processor():
        peers[TORCH] = torch_peer(rows)
    else:
        print(f"not raced on a processor without bf16: {TORCH}")
    more, missing = carried(rows, graphs)
    for name in missing:
        print(f"not installed, not raced: {name} (pip install 'georetrieval[bench]')")
    truth = calls["ours exact"](queries)
    for name, ask in {**peers, **more}.items():
        if isinstance(ask, Tried):
            ask, effort = ask.at(queries, truth)
            name = f"{name}, effort {effort}"
        calls[name] = ask
    recalls = {name: recall(ask(queries[:200 if name in SLOW else BATCH]), truth[:200 if name in SLOW else BATCH])
               for name, ask in calls.items() if "half" not in name}
    for name, value in recalls.items():
        print(f"recall@{K} {value:.4f}  {name}")
    batch = {name: (lambda ask=ask: ask(queries)) for name, ask in calls.items() if name not in SLOW}
    single = {name: one_by_one(ask, queries) for name, ask in calls.items()}
    peer = "faiss IndexFlatIP, 1 thread"
    races = [racing.race(f"search, N = {n}, batch of {BATCH}", batch, peer=peer, work=BATCH, unit="queries"),
             racing.race(f"search, N = {n}, single", single, peer=peer, work=SINGLE, unit="queries")]
    return races, {"chosen": told(choice), "recalls": recalls, "missing": missing}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, action="append", help="sizes (100000)")
    parser.add_argument("--clusters", type=int, help="of the rows (one per fifty)")
    parser.add_argument("--graphs-up-to", type=int, default=200_000, help="HNSW, hnswlib, usearch up to so many")
    parser.add_argument("--keep", action="store_true", help="write results/search.json")
    chosen = parser.parse_args()
    sizes = chosen.rows or [100_000]
    found = [raced(n, chosen.clusters, n <= chosen.graphs_up_to) for n in sizes]
    if chosen.keep:
        more = {f"N = {n}": words for n, (_, words) in zip(sizes, found, strict=True)}
        racing.keep("search", list(itertools.chain.from_iterable(races for races, _ in found)), more)


if __name__ == "__main__":
    main()
