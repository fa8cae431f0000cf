"""Searching a table of a PostgreSQL server: pgvector's own statement beside ours, which is exact and checks its rows.

    python pipelines/bench/postgres.py "postgresql://gis@localhost/bench?table=bench" --rows 100000 --dim 256

The table is written first (seconds are kept too) and stays. The peer sends SELECT ... ORDER BY embedding <=> q LIMIT k.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from racing import keep, race

from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Gallery
from georetrieval.search.postgres import PostgresStore
from georetrieval.search.postgres_address import Address
from georetrieval.search.postgres_export import export_postgres, written
from georetrieval.search.postgres_session import Session, quoted
from georetrieval.search.store import IndexStore

K, QUERIES = 10, 5


def rows(count: int, dim: int) -> tuple[Descriptors, pa.Table]:
    """Directions at random, on a line of cells."""
    vectors = np.random.default_rng(1).normal(size=(count, dim)).astype(np.float32)
    names = [f"t{i:07d}" for i in range(count)]
    west = np.arange(count) * 100.0
    table = pa.table({"date": ["2004"] * count, "xmin": west, "ymin": 0 * west, "xmax": west + 100,
                      "ymax": 0 * west + 100})
    return Descriptors(vectors, names, names, ["57"] * count, "cosine"), table


def main() -> None:
    """Write the table, race, keep the figures."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("address")
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--dim", type=int, default=256)
    given = words.parse_args()
    address = Address.parse(given.address)
    with tempfile.TemporaryDirectory() as folder:
        store = IndexStore.build(Path(folder) / "bench", [rows(given.rows, given.dim)],
                                 About(model="hog", fingerprint={"architecture": "hog"}, crs="EPSG:2154", cell_m=100))
        start = time.perf_counter()
        export_postgres(store, address)
        export_s = time.perf_counter() - start
        local = store.gallery()
    asked = Descriptors(np.random.default_rng(2).normal(size=(QUERIES, given.dim)), ["q"] * QUERIES, ["q"] * QUERIES,
                        [""] * QUERIES, "cosine")
    table = PostgresStore.open(address)
    with Session(address) as session:
        sql = (f"SELECT tile_id, embedding <=> CAST(:q AS vector) AS far FROM {quoted(address.schema, address.table)} "
               f"ORDER BY far LIMIT {K}")

        def theirs() -> list[list[str]]:
            return [[line[0] for line in session.run(sql, q=written(vector))] for vector in asked.vectors]

        def ours() -> list[list[str]]:
            part = table.source()[1].nearest([asked], K)
            found = Gallery.of(part[0], attributes=part[1]).search(asked, K)
            return found.gallery_names[found.rows].tolist()

        exact = local.search(asked, K)
        if ours() != exact.gallery_names[exact.rows].tolist():
            raise SystemExit("The table does not answer as the folder does.")
        found = race(f"{QUERIES} questions to {given.rows} rows of length {given.dim}",
                     {"pgvector, float32": theirs, "georetrieval, exact": ours}, peer="pgvector, float32", work=QUERIES,
                     unit="queries")
    table.close()
    keep("postgres", [found], {"export_s": round(export_s, 2), "rows": given.rows, "dim": given.dim})


if __name__ == "__main__":
    main()
