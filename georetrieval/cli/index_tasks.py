"""Options of `index build` that say who works, and that take surveys instead of tiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click
from click import get_current_context
from click.core import ParameterSource

from georetrieval.cli.numbers import Within
from georetrieval.errors import GapsError, UsageError

if TYPE_CHECKING:
    from georetrieval.geo.making import Settings
    from georetrieval.geo.tile import Survey
    from georetrieval.progress import Progress
    from georetrieval.recipe.index_by_tasks import Plan
    from georetrieval.search.store import IndexStore
    from georetrieval.tasks.task import Shard

PATH = click.Path(path_type=Path)
_F = TypeVar("_F", bound=Callable[..., Any])
CUT = ("crs", "legend", "cell_m", "px", "min_photo_share")
"""How surveys are cut; a tile set says so by itself, and pictures are not cut."""

SURVEY = (
    click.option("--photos", type=PATH, help="Instead of tiles: a picture or a folder of sheets, read, cut and "
                 "embedded sheet by sheet without a tile set."),
    click.option("--vectors", type=PATH, help="Beside photos: a delivery, as `inspect` reads it."),
    click.option("--world", type=PATH, help="Instead of tiles: world.json of `synth`, which names surveys."),
    click.option("--sums", type=PATH, help="Of surveys: list of checksums, as `sources sums` or `sha256sum` writes it: "
                 "what differs is not read."),
    click.option("--crs", default="EPSG:2154", show_default=True, help="Of surveys: CRS of the grid."),
    click.option("--legend", default="bdtopo12", show_default=True, help="Of surveys: packaged legend or YAML file."),
    click.option("--cell-m", type=int, default=500, show_default=True, help="Of surveys: side of a cell, metres."),
    click.option("--px", type=int, default=256, show_default=True, help="Of surveys: side of a tile in pixels."),
    click.option("--min-photo-share", type=Within(0, 1), default=0.5, show_default=True, help="Of surveys: less photo "
                 "than this is blank."),
)
WHO = (
    click.option("--jobs", type=int, default=1, show_default=True, help="Processes of this machine that work."),
    click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler (tcp://host:8786) whose workers work instead; "
                 "they have to see the same folders."),
    click.option("--shard", metavar="I/N", help="Do only this part of the sheets and publish nothing; the same command "
                 "without --shard does what is left and publishes all."),
    click.option("--dry-run", is_flag=True, help="Say how many tasks and tiles, how much memory, disk and time; write "
                 "nothing."),
)


def task_options(function: _F) -> _F:
    """Give a command the options of surveys and of who works."""
    for option in reversed((*SURVEY, *WHO)):
        function = option(function)
    return function


def asks_surveys(asked: dict[str, Any]) -> bool:
    """Whether surveys are named."""
    return any(asked[name] is not None for name in ("photos", "vectors", "world"))


def refuse_cut(what: str) -> None:
    """UsageError when the command line says how surveys are to be cut, beside `what`, which is no survey."""
    context = get_current_context()
    given = ["--" + name.replace("_", "-") for name in CUT
             if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        raise UsageError(f"{what} and {given[0]} do not go together: {given[0]} says how surveys (--photos, --vectors, "
                         "--world) are cut; leave it out.")


def build_by_tasks(
    path: Path, model: str, tiles: Path | None, dates: Sequence[str], scopes: Sequence[str], asked: dict[str, Any], *,
    overlap: float, zooms: Sequence[float], replace: bool,
) -> IndexStore | None:
    """Build an index of tiles or of surveys; None when nothing was published (a shard, a dry run).

    Raises
    ------
    GapsError
        After the index is published and told, when sheets were left out.
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.index_tune import require_kind
    from georetrieval.recipe.index_by_tasks import build, build_shard, check_place
    from georetrieval.tasks.running import Hands
    from georetrieval.tasks.task import Shard

    require_kind(asked["kind"])
    hands = Hands(asked["jobs"], asked["scheduler"])
    shard = Shard.of(asked["shard"]) if asked["shard"] else None
    with progress() as report:
        if asked["dry_run"]:
            _tell(_plan(path, model, tiles, dates, scopes, asked, overlap, zooms, shard, report), hands)
            return None
        check_place(path, replace)
        plan = _plan(path, model, tiles, dates, scopes, asked, overlap, zooms, shard, report)
        if shard is not None:
            done = build_shard(plan, hands, progress=report)
            click.echo(f"shard {asked['shard']}: {len(done.results)} sheets done, {done.before} of them before; run "
                       "the same command without --shard when all shards are done", err=True)
            return None
        try:
            return build(plan, hands, replace_old=replace, progress=report)
        except GapsError:
            told(path, asked)
            raise


def told(path: Path, asked: dict[str, Any]) -> None:
    """Say what an index holds now, and choose its kind as the options `kind` and `recall` ask."""
    from georetrieval.cli.index_tune import tuned
    from georetrieval.search.store import IndexStore

    store = IndexStore.open(path)
    manifest, counts = store.manifest, store.manifest.counts
    click.echo(f"{counts.tiles} tiles indexed, {counts.blank} blank and {counts.failed} without a meaningful "
               f"descriptor left out; version {manifest.version}", err=True)
    tuned(store, asked["kind"], asked["recall"])
    click.echo(str(path))


def _plan(
    path: Path, model: str, tiles: Path | None, dates: Sequence[str], scopes: Sequence[str], asked: dict[str, Any],
    overlap: float, zooms: Sequence[float], shard: Shard | None, report: Progress,
) -> Plan:
    words = "georetrieval index build"
    if asks_surveys(asked):
        from georetrieval.recipe.index_surveys import plan_surveys

        if tiles is not None or overlap or tuple(zooms) != (1.0,):
            raise UsageError("--photos, --vectors and --world are instead of --tiles; windows between tiles "
                             "(--overlap, --zoom) need a tile set: georetrieval tiles build.")
        return plan_surveys(path, _surveys(dates, scopes, asked), _settings(asked), model, shard=shard,
                            created_by=words, progress=report)
    from georetrieval.geo.tileset import TileSet
    from georetrieval.recipe.indexing import plan_tiles

    if asked["sums"] is not None:
        raise UsageError("--sums goes with --photos, --vectors or --world; a tile set has its own checksums.")
    if tiles is None or not dates:
        raise UsageError("What is to be indexed? Give --tiles FOLDER and --date, or --pictures LIST, or --photos "
                         "FOLDER with --scope and --date.")
    refuse_cut("--tiles")
    return plan_tiles(path, TileSet.open(tiles), model, dates=dates, scopes=scopes or None, overlap=overlap,
                      zooms=zooms, created_by=words, shard=shard)


def _surveys(dates: Sequence[str], scopes: Sequence[str], asked: dict[str, Any]) -> list[Survey]:
    from georetrieval.geo.tile import Survey
    from georetrieval.recipe.sources import read_world

    if asked["world"] is not None:
        if asked["photos"] or asked["vectors"]:
            raise UsageError("--world names the surveys by itself; leave --photos and --vectors out.")
        world: Path = asked["world"]
        entries = read_world(world.parent if world.is_file() else world)
        found = [Survey(**entry.model_dump(), sums=asked["sums"]) for entry in entries]
        chosen = [one for one in found if (not dates or one.date in dates) and (not scopes or one.scope in scopes)]
        if not chosen:
            held = ", ".join(f"{one.scope} {one.date}" for one in found)
            raise UsageError(f"{world} has no such survey; it has {held}.")
        return chosen
    if len(dates) != 1 or len(scopes) != 1:
        raise UsageError("A survey has a place and a date; give one --scope (such as 57) and one --date (2004).")
    return [Survey(scopes[0], dates[0], photos=asked["photos"], vectors=asked["vectors"], sums=asked["sums"])]


def _settings(asked: dict[str, Any]) -> Settings:
    from georetrieval.geo.grid import TileGrid
    from georetrieval.geo.legend import Legend
    from georetrieval.geo.making import Settings

    return Settings(TileGrid(asked["crs"], asked["cell_m"]), asked["px"], Legend.load(asked["legend"]),
                    asked["min_photo_share"])


def _tell(plan: Plan, hands: Any) -> None:
    from georetrieval.cli.output import write_value
    from georetrieval.recipe.index_estimate import estimate

    found = estimate(plan, hands)
    write_value({
        "sheets": found.tasks, "done before": found.done, "tiles": found.tiles,
        "disk": f"{found.disk_bytes / 1e6:.1f} MB", "memory": f"about {found.memory_bytes / 1e6:.0f} MB",
        "time": f"about {found.seconds:.0f} s", "measured on": f"{found.looked_at} sheets with tiles",
    }, "table", title="index build --dry-run")
