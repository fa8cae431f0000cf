"""What the stages of a recipe do: write worlds, cut tiles, train, index, measure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from georetrieval.errors import InputError, StoreError, UsageError
from georetrieval.files import publish_json, remove_tree
from georetrieval.geo.grid import TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.planning import plan_tiles
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.geo.tiling import build_tiles
from georetrieval.learn.lessons import SidePair
from georetrieval.learn.objectives import objective_of
from georetrieval.learn.training import train
from georetrieval.nets.embedder import DescriptorNet
from georetrieval.nets.starting import start_from
from georetrieval.recipe import sources
from georetrieval.recipe.build import augment_of, mining_of, net_of, settings_of, start_of
from georetrieval.recipe.calibrating import calibrate_run
from georetrieval.recipe.evaluation import questions
from georetrieval.recipe.grid import rows_planned
from georetrieval.recipe.indexing import index_tiles
from georetrieval.recipe.parts import date_pairs, tiles_of
from georetrieval.recipe.schema import Part
from georetrieval.samples.campaigns import TileSamples
from georetrieval.samples.joined import Joined
from georetrieval.search.store import IndexStore
from georetrieval.synthetic.departement import write_departement

if TYPE_CHECKING:
    from georetrieval.recipe.stages import Run

Row = dict[str, Any]


def write_worlds(run: Run) -> None:
    """Write every made-up département that is not there yet."""
    for world in run.recipe.tiles.worlds:
        folder = sources.world_folder(run.worlds, world)
        if not folder.exists():
            write_departement(
                folder, km=world.km, seed=world.seed, departement=world.scope, gsd_m=world.gsd_m,
                sheet_km=world.sheet_km, old_format=world.old_format, new_format=world.new_format,
                new_vectors=world.new_vectors, progress=run.progress,
            )


def tiles_request(run: Run) -> dict[str, Any]:
    """The arguments of `build_tiles` and `plan_tiles` for a run."""
    tiles = run.recipe.tiles
    entries = sources.surveys_of(tiles, run.worlds)
    grid = TileGrid.frame(tiles.cell_m) if tiles.mosaics else TileGrid(tiles.crs, tiles.cell_m)
    return {
        "surveys": [Survey(**entry.model_dump()) for entry in entries], "out": run.tiles, "grid": grid,
        "px": tiles.px, "legend": Legend.load(tiles.legend), "workers": tiles.workers,
        "min_photo_share": tiles.min_photo_share,
    }


def build(run: Run) -> None:
    """Cut the tiles; sheets that are done are not redone. Shifted grids for training get folders of their own."""
    request = tiles_request(run)
    build_tiles(**request, progress=run.progress)
    for folder, grid in shifted(run).items():
        build_tiles(**{**request, "out": folder, "grid": grid}, progress=run.progress)


def tiles_can_be_read(folder: Path) -> bool:
    """Whether manifest, catalogue and packs fit together; sizes are looked at, not every byte."""
    try:
        tileset = TileSet.open(folder)
        return len(tileset.catalogue) == sum(len(tileset.pixels(s["scope"], s["date"])) for s in tileset.surveys)
    except (InputError, StoreError):
        return False


def index_can_be_read(folder: Path) -> bool:
    """Whether there is a whole version, with all its files in their full length."""
    try:
        store = IndexStore.open(folder)
        return all((folder / ref.file).stat().st_size == ref.bytes for ref in store.manifest.segments)
    except (InputError, StoreError, OSError):
        return False


def shifted(run: Run) -> dict[Path, TileGrid]:
    """Folders and grids of the shifted tile sets that training sees besides the plain one."""
    tiles = run.recipe.tiles
    steps = tiles.mosaics.offsets if tiles.mosaics else 1
    moves = [i * tiles.cell_m // steps for i in range(steps)]
    return {run.tiles.with_name(f"{run.tiles.name}+{x}+{y}"): TileGrid("", tiles.cell_m, (x, y))
            for x in moves for y in moves if x or y}


def fit(run: Run) -> None:
    """Train, or go on with an interrupted training."""
    recipe = run.recipe
    if recipe.learn is None or recipe.split.train is None:
        raise UsageError(f"The recipe {recipe.name} has learn: null; there is nothing to train.")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        net = net_of(recipe.eye, run.tileset.px, run.tileset.legend.digest)
        settings = settings_of(recipe.learn, recipe.seed)
        objective = objective_of(settings, recipe.eye.descriptor)
    if not run.going_on:
        left = _begin_from_ours(run, net)
        remove_tree(run.model)
        if left is not None:
            publish_json(run.model / "start.json", {"weights": recipe.eye.weights, "left_out": left})
    train(
        net, objective, sides(run, recipe.split.train),
        validation=None if recipe.split.validation is None else sides(run, recipe.split.validation),
        settings=settings, mining=mining_of(recipe.learn), augment=augment_of(recipe.learn), run=run.model,
        resume=run.going_on, progress=run.progress,
    )


def _begin_from_ours(run: Run, net: DescriptorNet) -> list[str] | None:
    """Take what fits from the net of ours that the recipe names; returns what does not, or None without such a net."""
    path = start_of(run.recipe.eye)
    if path is None:
        return None
    left = start_from(net, path)
    new = f"{len(left)} tensors are new ({', '.join(left[:4])}{', ...' if left[4:] else ''})" if left else "all fits"
    run.progress(1, 1, f"starting from {path}, {new}")
    return list(left)


def sides(run: Run, part: Part) -> SidePair:
    """The two dates of a part: what asks and what is looked for.

    Every pair of dates and every shifted grid is a scope of its own: within one, each place is there once and no
    two overlap.
    """
    bands = tuple(run.recipe.eye.bands)
    queries, gallery, scopes = [], [], []
    pairs = date_pairs(run.tileset, run.recipe.dates)
    for tileset in (run.tileset, *(TileSet.open(folder) for folder in shifted(run))):
        for question in questions(tileset, "", part, pairs, frame=run.tileset):
            ids = sorted(question.tile_ids)
            asks, answers = (TileSamples(tileset, date=date, bands=bands, tile_ids=ids) for date in question.pair)
            queries.append(asks)
            gallery.append(answers)
            scopes.append(f"{tileset.path.name} {' '.join(question.pair)}")
    if not scopes:
        raise UsageError("No cell of the part has a photo at two of the dates; enlarge its area.")
    if len(scopes) == 1:
        return queries[0], gallery[0]
    return Joined(queries, scopes), Joined(gallery, scopes)


def index(run: Run) -> None:
    """Index the test part at the date that is looked for (at every date when every pair is compared).

    The index is calibrated on the validation part where there is one; `calibration.json` says how, or why not.
    """
    tileset, dates = run.tileset, run.recipe.dates
    rows = tiles_of(tileset, run.recipe.split.test)
    wanted = sorted(set(rows["date"])) if dates.every_pair else [dates.gallery]
    store = index_tiles(run.index, tileset, str(run.model.resolve()), dates=wanted, tile_ids=list(rows["tile_id"]),
                        overlap=run.recipe.index.overlap, replace=True, created_by=f"run {run.recipe.name}",
                        progress=run.progress)
    note = calibrate_run(run, store)
    publish_json(run.out / "calibration.json", note)


def planned(run: Run, name: str) -> Row:
    """What one stage would do."""
    recipe = run.recipe
    if name == "worlds":
        missing = [w for w in recipe.tiles.worlds if not sources.world_folder(run.worlds, w).exists()]
        return {"stage": name, "plan": f"{len(missing)} of {len(recipe.tiles.worlds)} made-up départements to write"}
    if name == "tiles":
        return {"stage": name, "plan": _planned_tiles(run)}
    if name == "train" and recipe.learn is not None:
        minutes = f", at most {recipe.learn.minutes:g} minutes" if recipe.learn.minutes else ""
        return {"stage": name, "plan": f"{recipe.eye.trunk}, {recipe.learn.epochs} epochs{minutes} into {run.model}"}
    also = "" if name != "evaluate" or recipe.evaluate.combinations is None else f"; {rows_planned(recipe)}"
    return {"stage": name, "plan": f"into {run.index if name == 'index' else run.out}{also}"}


def _planned_tiles(run: Run) -> str:
    absent = [w for w in run.recipe.tiles.worlds if not sources.world_folder(run.worlds, w).exists()]
    if absent:
        cells = sum((w.km * 1000 // run.recipe.tiles.cell_m) ** 2 for w in run.recipe.tiles.worlds)
        return f"{2 * cells} tiles, exactly known when the worlds are written"
    request = tiles_request(run)
    request.pop("min_photo_share")
    plan = plan_tiles(**request)
    return (f"{plan.tiles} tiles, {plan.disk_bytes / 2**20:.0f} MiB on disk, {plan.memory_bytes / 2**20:.0f} MiB of "
            f"memory, about {plan.seconds:.0f} s")
