"""One mining round, 6,000 x 6,000 x 256, map@5: ours (answers, ranks, map@5) beside the matrix product alone.

    python pipelines/bench/mine.py [--rows 6000] [--keep]
"""

from __future__ import annotations

import argparse

import clouds
import faiss
import numpy as np
import numpy.typing as npt
import racing
import torch
from sklearn.neighbors import NearestNeighbors

from georetrieval.learn.mining import answers, hard_pairs
from georetrieval.search.descriptors import Descriptors

K = 5
Rows = npt.NDArray[np.int64]
ONE_BY_ONE = 200
"""Queries of the slowest way that are timed; its rate counts for all."""
PEER = "matrix product alone (numpy)"


def described(vectors: clouds.Vectors, word: str) -> Descriptors:
    keys = [f"57-E{i:07d}N6920000" for i in range(len(vectors))]
    return Descriptors(vectors, keys, [f"{key}-{word}" for key in keys], ["57"] * len(keys), "cosine")


def map_at(found: Rows, truth: Rows) -> float:
    """Mean of 1 / rank of the one right row, 0 where it is not among the found."""
    hits = found == truth[:, None]
    return float((hits / np.arange(1, found.shape[1] + 1)).sum(1).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=6000)
    parser.add_argument("--keep", action="store_true", help="write results/mine.json")
    chosen = parser.parse_args()
    rows, queries = clouds.cloud(chosen.rows, chosen.rows)
    truth = (queries @ rows.T).argmax(1)
    gallery, asked = described(rows, "2004"), described(queries, "2019").take(np.argsort(truth, kind="stable"))
    tensor, wide = torch.from_numpy(queries), torch.from_numpy(rows)
    brute = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="cosine").fit(rows)
    contenders = {
        PEER: lambda: queries @ rows.T,
        "ours (answers, hard pairs, map@5)": lambda: hard_pairs(answers(asked, gallery, K), 0.5).score,
        "faiss knn and map@5": lambda: map_at(faiss.knn(queries, rows, K, metric=faiss.METRIC_INNER_PRODUCT)[1], truth),
        "torch topk and map@5": lambda: map_at((tensor @ wide.T).topk(K).indices.numpy(), truth),
        "scikit-learn, one batch": lambda: map_at(brute.kneighbors(queries, return_distance=False), truth),
    }
    slow = {"scikit-learn, one query at a time (the papers' way)": lambda: [
        brute.kneighbors(one[None], return_distance=False) for one in queries[:ONE_BY_ONE]],
            "the same part of the product": lambda: queries[:ONE_BY_ONE] @ rows.T}
    races = [racing.race(f"mining, {chosen.rows} x {chosen.rows} x {clouds.DIM}", contenders, peer=PEER,
                         work=chosen.rows, unit="queries"),
             racing.race("mining as in the papers' code", slow, peer="the same part of the product", work=ONE_BY_ONE,
                         unit="queries")]
    ratio = 1 / races[0].ratio("ours (answers, hard pairs, map@5)")
    print(f"\nours takes {ratio:.2f} of the matrix product's time (to reach: 1.2)")
    if chosen.keep:
        racing.keep("mine", races, {"of_the_product": round(ratio, 3)})


if __name__ == "__main__":
    main()
