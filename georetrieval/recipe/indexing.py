"""Tiles into an index."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from georetrieval.embedding import embed
from georetrieval.errors import InputError, UsageError
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.tileset import TileSet
from georetrieval.maps import ground_table
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe.build import load_eye
from georetrieval.recipe.canaries import of_tiles
from georetrieval.recipe.embedding_sources import TilesSource, tile_tasks
from georetrieval.recipe.embedding_work import EmbeddingWork, EyeName
from georetrieval.recipe.index_by_tasks import Group, Plan, build, check_place, tasks_of, work_folder
from georetrieval.recipe.sight import bands_for
from georetrieval.recipe.windows_of import Cut, rows_of
from georetrieval.samples.bands import check_bands
from georetrieval.samples.overlap import steps_of
from georetrieval.search.building import About, Part
from georetrieval.search.store import IndexStore
from georetrieval.tasks.running import Hands
from georetrieval.tasks.task import Shard


def index_tiles(
    path: Path, tileset: TileSet, model: str, *, dates: Sequence[str], scopes: Sequence[str] | None = None,
    tile_ids: Sequence[str] | None = None, overlap: float = 0.0, zooms: Sequence[float] = (1.0,),
    replace: bool = False, created_by: str = "georetrieval", progress: Progress = silent, hands: Hands | None = None,
) -> IndexStore:
    """Embed the tiles of some dates and publish them as an index; blank tiles are left out and counted.

    An interrupted build goes on where it stopped, sheet by sheet.

    Parameters
    ----------
    model
        What `load_eye` takes: a run folder or the name of a baseline. Kept in the index to find the eye again.
    scopes, tile_ids
        Only these; None is all.
    overlap
        Share of the side that neighbouring rows have in common, at least: 0.5 adds windows every half tile between the
        tiles. Each row has its own rectangle, and its own place as key.
    zooms
        Sides of the windows in tiles: 0.7 adds windows that show 0.7 tiles at the same places, for photographs that
        show less ground than a tile.
    replace
        Publish a new version of an index that exists.
    hands
        Who works; by default this process.

    Raises
    ------
    InputError
        When nothing is left to index, a survey does not exist, or there is an index already.
    UsageError
        When the overlap is not between 0 and 0.9375, or a zoom not between 0.25 and 4.
    """
    check_place(path, replace)
    plan = plan_tiles(path, tileset, model, dates=dates, scopes=scopes, tile_ids=tile_ids, overlap=overlap,
                      zooms=zooms, created_by=created_by)
    return build(plan, hands or Hands(), replace_old=replace, progress=progress)


def plan_tiles(
    path: Path, tileset: TileSet, model: str, *, dates: Sequence[str], scopes: Sequence[str] | None = None,
    tile_ids: Sequence[str] | None = None, overlap: float = 0.0, zooms: Sequence[float] = (1.0,),
    created_by: str = "georetrieval", shard: Shard | None = None,
) -> Plan:
    """The tasks of `index_tiles`, or of a shard of them."""
    steps_of(overlap)
    if not zooms or len(set(zooms)) != len(zooms) or not all(0.25 <= zoom <= 4 for zoom in zooms):
        found = ", ".join(map(str, zooms))
        raise UsageError(f"Zooms are sides of windows in tiles, each once, 0.25 to 4; found {found}.")
    rows = chosen_rows(tileset, dates, scopes, tile_ids)
    digest = tileset.legend.digest
    eye = load_eye(model, legend_digest=digest, px=tileset.px)
    name = EyeName.of(eye, model, digest, tileset.px)
    valid, groups = rows[rows["valid"]], []
    for scope, date in dict.fromkeys(zip(rows["scope"], rows["date"], strict=True)):
        some = valid[(valid["scope"] == scope) & (valid["date"] == date)]
        ids = None if tile_ids is None else tuple(some["tile_id"])
        if len(some):
            bands = bands_for(eye, tileset.bands_of(scope, date))
            check_bands(tileset.bands_of(scope, date), bands, palette=True)
            cuts = [Cut(scope, date, overlap, zoom, ids) for zoom in zooms]
            groups += [Group(scope, date, tuple(tile_tasks(tileset, name, some, cut)), bands=bands) for cut in cuts]
    about = about_tiles(
        eye, model, tileset.grid, tileset.px, digest, blank=int((~rows["valid"]).sum()), created_by=created_by,
        sources=sources_of(tileset, rows, overlap, zooms), canaries={} if shard else of_tiles(tileset, eye, rows))
    work = EmbeddingWork(work_folder(path), name, TilesSource(tileset.path.absolute(), tileset.digest),
                         len(valid) * len(zooms))
    tasks = tasks_of(groups)
    return Plan(path, work, tuple(groups), tuple(shard.of_all(tasks)) if shard else tasks, about)


def about_tiles(
    eye: Embedder, model: str, grid: TileGrid, px: int, legend_digest: str, *, blank: int,
    sources: Sequence[Mapping[str, Any]], created_by: str, canaries: Mapping[str, Any],
) -> About:
    """What is known of an index of tiles before their descriptors are."""
    return About(
        model=model, fingerprint=eye.fingerprint(), legend_digest=legend_digest, crs=grid.crs, cell_m=grid.cell_m,
        px=px, blank=blank, created_by=created_by, sources=tuple(sources),
        **canaries,
    )


def sources_of(
    tileset: TileSet, rows: pd.DataFrame, overlap: float, zooms: Sequence[float]
) -> tuple[dict[str, Any], ...]:
    """What a manifest says about the surveys of some catalogue rows."""
    blank = rows[~rows["valid"]].groupby(["scope", "date"]).size().to_dict()
    surveys = set(zip(rows["scope"], rows["date"], strict=True))
    return tuple({"tiles": str(tileset.path), "scope": s["scope"], "date": s["date"], "digest": s["digest"],
                  "blank": int(blank.get((s["scope"], s["date"]), 0)),
                  **({"files": s["files"]} if "files" in s else {}),
                  **({"overlap": overlap} if overlap else {}),
                  **({"zooms": list(zooms)} if tuple(zooms) != (1.0,) else {})}
                 for s in tileset.surveys if (s["scope"], s["date"]) in surveys)


def embedded(
    tileset: TileSet, eye: Embedder, rows: pd.DataFrame, *, overlap: float = 0.0, zooms: Sequence[float] = (1.0,),
    known: Collection[str] = (), progress: Progress = silent,
) -> Iterator[Part]:
    """Descriptors and places of some catalogue rows, survey after survey; those called as in `known` are left out."""
    valid = rows[rows["valid"]]
    for scope, date in dict.fromkeys(zip(rows["scope"], rows["date"], strict=True)):
        some = valid[(valid["scope"] == scope) & (valid["date"] == date)]
        if len(some) == 0:
            continue
        bands = bands_for(eye, tileset.bands_of(scope, date))
        for zoom in zooms:
            cut = Cut(scope, date, overlap, zoom, tuple(some["tile_id"]))
            samples = rows_of(tileset, cut, bands, known)
            if samples is not None:
                vectors = embed(samples, eye, even=True, progress=progress)
                yield vectors, ground_table(samples.catalogue, tileset.grid.crs)


def chosen_rows(
    tileset: TileSet, dates: Sequence[str], scopes: Sequence[str] | None, tile_ids: Sequence[str] | None
) -> pd.DataFrame:
    """Catalogue rows of some dates, blank ones too; InputError when a date or scope is not among them."""
    rows = tileset.catalogue
    rows = rows[rows["date"].isin(list(dates))]
    for known, asked, what in ((rows["date"], dates, "date"), (rows["scope"], scopes or (), "scope")):
        if missing := sorted(set(asked) - set(known)):
            held = ", ".join(f"{s['scope']} {s['date']}" for s in tileset.surveys)
            raise InputError(f"The tiles hold no survey of {what} {', '.join(missing)}; they hold {held}.")
    rows = rows if scopes is None else rows[rows["scope"].isin(list(scopes))]
    return rows if tile_ids is None else rows[rows["tile_id"].isin(list(tile_ids))]
