"""Indexes to files that other programs read, by the suffix, and back."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from georetrieval.errors import UsageError
from georetrieval.maps import ground_table, write_rows
from georetrieval.search.canaries import Canaries
from georetrieval.search.exchange import export_csv, export_parquet, import_rows
from georetrieval.search.fingerprint import require_same
from georetrieval.search.manifest import Manifest
from georetrieval.search.store import IndexStore

SUFFIXES = (".gpkg", ".geojson", ".parquet", ".csv")


def export_index(store: IndexStore, path: Path) -> int:
    """Publish the rows of an index: places alone as .gpkg and .geojson, with their vectors as .parquet and .csv.

    Returns
    -------
    How many rows.

    Raises
    ------
    UsageError
        For another suffix, or when the rows have no place and the format needs one.
    InputError
        When the file cannot be written, or the rows are made of pictures that would be lost.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES or path.suffix != suffix:
        raise UsageError(f"{path} must end in {', '.join(SUFFIXES)}, so that it says what to write.")
    if suffix == ".parquet":
        return export_parquet(store, path)
    if suffix == ".csv":
        return export_csv(store, path)
    store, (rows, table) = store.load_current()
    write_rows(path, table, store.manifest.crs)
    return len(rows)


def import_index(
    path: Path, source: Path, *, model: str | None = None, created_by: str = "georetrieval"
) -> IndexStore:
    """Make a new index of an exported one; with a model, only when that is the one that made its rows.

    Raises
    ------
    InputError
        When the files are damaged, are something else, or there is an index already.
    MismatchError
        When the model is another one.
    BusyError
        When the disk is full, or another writer holds the index.
    """

    def check(manifest: Manifest, canaries: Canaries | None) -> None:
        if model is not None:
            from georetrieval.recipe.build import load_eye  # with torch, which rows alone do not need
            from georetrieval.recipe.canaries import require_sight

            eye = load_eye(model, legend_digest=manifest.legend_digest, px=manifest.px)
            require_same(manifest.fingerprint, eye.fingerprint())
            require_sight(manifest, canaries, eye)

    return import_rows(path, source, _ground, check=check, model=model, created_by=created_by)


def _ground(rows: pa.Table, crs: str) -> pa.Table:
    return ground_table(rows.to_pandas(), crs)
