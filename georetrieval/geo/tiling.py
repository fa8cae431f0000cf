"""Surveys to tiles: every sheet once, resumable, one catalogue and one pack per survey."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from georetrieval.errors import GapsError, InputError, MismatchError, StoreError, UsageError
from georetrieval.files import (
    TEMPORARY_PREFIX,
    locked,
    publish_json,
    publishing,
    remove_file,
    reserve,
    sha256_file,
)
from georetrieval.geo.block_digests import block_digests
from georetrieval.geo.blocks import Block
from georetrieval.geo.catalogue import read_catalogue, write_catalogue
from georetrieval.geo.crs import same_crs
from georetrieval.geo.grid import Cell, TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.making import Record, Settings, catalogue_rows, finished, make, stored_pixels
from georetrieval.geo.planning import TilesPlan, check_room, plan_tiles
from georetrieval.geo.source_files import checked, inventory_of
from georetrieval.geo.straight import no_tiles, survey_digest
from georetrieval.geo.survey_inputs import Inputs, check_grid, open_inputs
from georetrieval.geo.tile import Survey, as_plain
from georetrieval.geo.tile_tasks import records_by_tasks
from georetrieval.geo.tileset import CATALOGUE, FORMAT, MANIFEST, PACK, VERSION, TileSet
from georetrieval.progress import Progress, silent
from georetrieval.tasks.running import Hands

__all__ = ["MIN_PHOTO_SHARE", "TilesPlan", "build_tiles", "plan_tiles"]

MIN_PHOTO_SHARE = 0.5
"""A tile with less photo than this is blank."""


@dataclass(frozen=True)
class _Made:
    """A survey that is done: its entry in the manifest, its rows in the catalogue."""

    entry: Mapping[str, Any]
    rows: pd.DataFrame


def build_tiles(
    surveys: Sequence[Survey],
    out: Path,
    *,
    grid: TileGrid,
    px: int,
    legend: Legend,
    workers: int = 1,
    min_photo_share: float = MIN_PHOTO_SHARE,
    hands: Hands | None = None,
    progress: Progress = silent,
) -> TileSet:
    """Cut surveys into tiles and add them to the tile set `out`.

    A sheet whose record says that it was made from the same inputs is not made again, so that an interrupted run
    goes on where it stopped; surveys that `out` holds already and that are not named here stay as they are.

    Parameters
    ----------
    px
        Side of a tile in pixels, 1 to 4096.
    workers
        Sheets that are made at the same time (threads; decoding, painting and packing release the interpreter).
    min_photo_share
        A tile with a smaller share of photo (0..1) is flagged blank: in the catalogue with `valid` False.
    hands
        Several processes or a cluster instead of threads; each reads the vectors of the ground that it is at.

    Raises
    ------
    UsageError
        When the question makes no sense (sizes, the same survey twice, vectors in a plain frame).
    InputError
        When files are missing, of another CRS, or photos and vectors do not overlap.
    MismatchError
        When `out` holds tiles of another grid, size or legend.
    GapsError
        After the rest is done, when sheets were damaged; they are listed.
    BusyError
        When another process builds in `out`, or the disk is full.
    """
    settings = Settings(grid, px, legend, min_photo_share)
    _check(surveys, settings, workers)
    known = _known(out, settings)
    surveys = [checked(survey, progress=progress) for survey in surveys]
    check_room(surveys, out, grid=grid, px=px)
    with locked(out / ".lock"):
        for orphan in out.rglob(f"{TEMPORARY_PREFIX}*"):  # of a process that was killed; the lock says that none lives
            remove_file(orphan)
        for survey in surveys:
            made = _build(survey, out, settings, hands or workers, progress, known.get(survey.name))
            known[survey.name] = made
            _publish(out, settings, known)
    tileset = TileSet.open(out)
    _report_gaps(known, surveys)
    return tileset


def _check(surveys: Sequence[Survey], settings: Settings, workers: int) -> None:
    check_grid(settings.grid, settings.px)
    if workers < 1:
        raise UsageError(f"There is at least one worker; found {workers}.")
    if not surveys:
        raise UsageError("There is no survey to build; name photos, vectors or both.")
    names = [survey.name for survey in surveys]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UsageError(f"The survey {twice[0]} is named twice; one scope has one survey per date.")


def _known(out: Path, settings: Settings) -> dict[str, _Made]:
    """The surveys that `out` holds; none when its manifest or catalogue is damaged (the records then serve)."""
    if not (out / MANIFEST).is_file():
        return {}
    try:
        held = TileSet.open(out)
        frame = read_catalogue(out / CATALOGUE)
    except StoreError:
        return {}
    same = same_crs(held.grid.crs, settings.grid.crs) and held.grid.origin == settings.grid.origin
    asked = (settings.grid.cell_m, settings.px, settings.legend.digest)
    if not same or (held.grid.cell_m, held.px, held.legend.digest) != asked:
        raise MismatchError(
            f"{out} holds tiles of {held.grid.cell_m} m at {held.px} px, legend {held.legend.name}, in "
            f"{held.grid.crs or 'a plain frame'}; asked are {settings.grid.cell_m} m at {settings.px} px, legend "
            f"{settings.legend.name}, in {settings.grid.crs or 'a plain frame'}; choose another output folder."
        )
    made = {}
    for entry in held.surveys:
        rows = frame[(frame["scope"] == entry["scope"]) & (frame["date"] == entry["date"])]
        if len(rows) == entry["tiles"]:
            made[f"{entry['scope']}-{entry['date']}"] = _Made(entry, rows)
    return made


def _build(
    survey: Survey, out: Path, settings: Settings, workers: int | Hands, progress: Progress, before: _Made | None
) -> _Made:
    folder = out / survey.name
    inputs = open_inputs(survey, settings.grid, settings.legend, progress=progress)
    blocks = inputs.blocks(settings.grid, settings.px)
    digests = block_digests(blocks, inputs, inputs.bands, settings, progress=progress)
    if isinstance(workers, Hands):
        records, problems = records_by_tasks(inputs.survey, blocks, digests.blocks, settings, folder, workers, progress)
    else:
        records, problems = _records(blocks, digests.blocks, inputs, settings, folder, workers, progress), []
    done = [(block, record) for block, record in zip(blocks, records, strict=True) if record is not None]
    broken = sorted({*(inputs.mosaic.broken.values() if inputs.mosaic else ()), *problems})
    if not done:
        raise no_tiles(survey, broken)
    whole = survey_digest(inputs.bands, [record.digest for _, record in done])
    order = sorted(
        ((Cell(row.col, row.row), row, number) for number, (_, record) in enumerate(done) for row in record.rows),
        key=lambda item: (item[0].row, item[0].col),
    )
    pack = folder / PACK
    if before is None or before.entry["digest"] != whole or not _is(pack, before.entry["pack_sha256"]):
        _write_pack(pack, [block for block, _ in done], [(cell, number) for cell, _, number in order], inputs, settings)
    names = [settings.grid.name(block.cells[0]) for block, _ in done]
    _remove_strangers(folder, set(names))
    rows = catalogue_rows(survey, settings, [(row, names[number]) for _, row, number in order])
    entry = {
        **as_plain(survey), "bands": list(inputs.bands), "tiles": len(rows), "valid": int(rows["valid"].sum()),
        "min_photo_share": settings.min_photo_share, "gaps": broken, "notes": list(inputs.notes),
        "digest": whole, "pack_sha256": sha256_file(pack),
        "files": inventory_of(survey, digests.files, inputs.vector_files),
    }
    return _Made(entry, rows)


def _records(
    blocks: Sequence[Block], digests: Sequence[str], inputs: Inputs, settings: Settings, folder: Path,
    workers: int, progress: Progress,
) -> list[Record | None]:
    """The record of each block, made or found; None for a damaged sheet."""
    what = f"sheets {inputs.survey.name}"

    def work(number: int) -> tuple[int, Record | None]:
        name = settings.grid.name(blocks[number].cells[0])
        if (record := finished(folder, name, digests[number])) is not None:
            return number, record
        if _is_damaged(blocks[number], inputs, settings):
            return number, None
        return number, make(blocks[number], inputs, settings, folder, digests[number])

    records: list[Record | None] = [None] * len(blocks)
    progress(0, len(blocks), what)
    for done, (number, record) in enumerate(_in_threads(work, len(blocks), workers), 1):
        records[number] = record
        progress(done, len(blocks), what)
    return records


def _is_damaged(block: Block, inputs: Inputs, settings: Settings) -> bool:
    """True when the sheet that owns a block cannot be decoded; the mosaic then lists it."""
    if inputs.mosaic is None or block.sheet is None:
        return False
    try:
        inputs.mosaic.check(block.sheet, settings.grid.cell_m / settings.px)
    except InputError:
        return True
    return False


def _in_threads(work: Any, count: int, workers: int) -> Iterator[tuple[int, Record | None]]:
    """`work(0)` to `work(count - 1)` as they end, never more than `workers` begun; Ctrl-C begins no more."""
    if workers == 1:
        yield from map(work, range(count))
        return
    with ThreadPoolExecutor(workers) as pool:
        numbers = iter(range(count))
        running: set[Future[tuple[int, Record | None]]] = {pool.submit(work, n) for n in islice(numbers, workers)}
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                yield future.result()
            running |= {pool.submit(work, n) for n in islice(numbers, len(ended))}


def _write_pack(
    path: Path, blocks: Sequence[Block], order: Sequence[tuple[Cell, int]], inputs: Inputs, settings: Settings
) -> None:
    """Cut the finished sheets into the pack: (n, C, px, px) in the order of the catalogue."""
    kinds = (*(("photo",) if inputs.mosaic else ()), *(("classes",) if inputs.painter else ()))
    px = settings.px
    places: list[list[tuple[int, Cell]]] = [[] for _ in blocks]
    for place, (cell, number) in enumerate(order):
        places[number].append((place, cell))
    with publishing(path) as temporary:
        shape = (len(order), len(inputs.bands), px, px)
        pack = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        reserve(temporary)
        for block, cells in zip(blocks, places, strict=True):
            pixels = stored_pixels(block, settings, path.parent, kinds)
            for place, cell in cells:
                pack[place] = pixels[:, *block.window(cell, px)]
        pack.flush()
        del pack


def _remove_strangers(folder: Path, names: set[str]) -> None:
    """Remove sheets of an earlier build that no block of this one has made: QGIS would show them."""
    for path in [path for kind in ("photo", "classes", "records") for path in (folder / kind).glob("[!.]*")]:
        if path.name.split(".")[0] not in names:
            remove_file(path)


def _publish(out: Path, settings: Settings, made: Mapping[str, _Made]) -> None:
    """The catalogue first, the manifest that vouches for it last."""
    ordered = [made[name] for name in sorted(made)]
    rows = pd.concat([one.rows for one in ordered], ignore_index=True)
    write_catalogue(out / CATALOGUE, rows, settings.legend.keys(), settings.grid.crs)
    grid = settings.grid
    publish_json(out / MANIFEST, {
        "format": FORMAT, "version": VERSION,
        "grid": {"crs": grid.crs, "cell_m": grid.cell_m, "origin": list(grid.origin)},
        "px": settings.px, "legend": settings.legend.as_dict(),
        "catalogue_sha256": sha256_file(out / CATALOGUE), "surveys": [dict(one.entry) for one in ordered],
    })


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_file(path) == sha256


def _report_gaps(made: Mapping[str, _Made], surveys: Sequence[Survey]) -> None:
    gaps = [gap for survey in surveys for gap in made[survey.name].entry["gaps"]]
    if gaps:
        more = f" (and {len(gaps) - 10} more)" if len(gaps) > 10 else ""
        raise GapsError(f"The tiles are built without {len(gaps)} damaged sheets: {' '.join(gaps[:10])}{more}")
