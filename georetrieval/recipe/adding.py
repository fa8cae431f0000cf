"""More tiles for an index that exists, made with its own eye and cut as its rows are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from georetrieval.errors import InputError
from georetrieval.geo.tileset import TileSet
from georetrieval.progress import Progress, silent
from georetrieval.recipe.asking import require_tiles
from georetrieval.recipe.build import load_eye
from georetrieval.recipe.canaries import require_eye
from georetrieval.recipe.indexing import chosen_rows, embedded, sources_of
from georetrieval.search.building import Part
from georetrieval.search.changing import add_rows
from georetrieval.search.store import IndexStore


def add_tiles(
    path: Path, tileset: TileSet, *, dates: Sequence[str], scopes: Sequence[str] | None = None,
    model: str | None = None, created_by: str = "georetrieval", progress: Progress = silent,
) -> tuple[IndexStore, int]:
    """Embed the tiles of some dates that an index does not hold yet, and publish them with the others.

    Windows between the tiles, and zoomed ones, are added as the index has them.

    Parameters
    ----------
    scopes
        Only these; None is all.
    model
        Instead of the one that the index names; it has to be the same.

    Returns
    -------
    The new version, or the current one when all tiles were there; and how many rows were added.

    Raises
    ------
    InputError
        When it is an index of pictures, or there is no such survey.
    MismatchError
        When the model is not the index's, or the tiles were cut another way.
    BusyError
        When another writer holds the index.
    """
    store = IndexStore.open(path)
    m = store.manifest
    if m.pictures is not None:
        raise InputError(f"{path} is an index of pictures, not of tiles; leave --tiles out and give pictures.")
    require_tiles(store, tileset)
    rows = chosen_rows(tileset, dates, scopes, None)
    eye = load_eye(model or m.model, legend_digest=tileset.legend.digest, px=tileset.px)
    require_eye(store, eye)
    zooms = next((source["zooms"] for source in m.sources if "zooms" in source), [1.0])

    def parts(known: frozenset[str]) -> Iterator[Part]:
        return embedded(tileset, eye, rows, overlap=m.overlap, zooms=zooms, known=known, progress=progress)

    return add_rows(path, parts, fingerprint=eye.fingerprint(), created_by=created_by,
                    sources=sources_of(tileset, rows, m.overlap, zooms))
