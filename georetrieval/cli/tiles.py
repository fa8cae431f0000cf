"""`georetrieval tiles`: vectors and orthophotos to tiles, and looking at them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.numbers import Within
from georetrieval.cli.output import format_option, write_rows, write_value

if TYPE_CHECKING:
    from georetrieval.geo.grid import TileGrid
    from georetrieval.geo.tile import Survey
    from georetrieval.tasks.running import Hands


PATH = click.Path(path_type=Path)


@click.group()
def command() -> None:
    """Cut vector deliveries and orthophotos into tiles.

    A tile is one cell of a grid aligned to the kilometre: the photo of a date, and the classes painted from the
    vectors of that date. `tiles build` makes them, `tiles list` and `tiles show` look at them.

    \b
    Examples:
      georetrieval tiles build -o tiles --photos BDORTHO-2004 --vectors BDTOPO-2004 --scope 57 --date 2004
      georetrieval tiles list tiles
      georetrieval tiles show tiles 57-2004-E0905000N6930000-500 -o tile.png
      georetrieval tiles show tiles 57-2004-E0905000N6930000-500 --photo -o photo.png
    """


@command.command("build")
@click.option("-o", "--out", type=PATH, required=True, help="Folder of the tile set; made, or added to.")
@click.option("--photos", type=PATH, help="A picture, or a folder of sheets (JP2, TIFF, JPEG, PNG).")
@click.option("--vectors", type=PATH, help="A delivery, as `inspect` reads it.")
@click.option("--scope", help="Département (57), or any name of a place.")
@click.option("--date", "date", help="Year or day of the survey: 2004, 2004-07-15.")
@click.option("--world", type=PATH, help="world.json of `synth`: names surveys, paths, dates.")
@click.option("--bounds", nargs=4, type=float, help="Where one picture lies: xmin ymin xmax ymax.")
@click.option("--crs", default="EPSG:2154", show_default=True, help="CRS of the grid; \"\" is a frame of pixels.")
@click.option("--source-crs", help="CRS of files that do not say theirs; without it, that of the grid.")
@click.option("--encoding", help="Encoding of the vectors' text, when it is not found out.")
@click.option("--mapping", type=PATH, help="YAML file that maps other vectors to classes.")
@click.option("--sums", type=PATH, help="List of checksums, as `sources sums` or `sha256sum` writes it: what differs "
              "is not read.")
@click.option("--legend", default="bdtopo12", show_default=True, help="Packaged legend or YAML file.")
@click.option("--cell-m", type=int, default=500, show_default=True, help="Side of a cell, metres (pixels in a frame).")
@click.option("--px", type=int, default=256, show_default=True, help="Side of a tile in pixels.")
@click.option("--min-photo-share", type=Within(0, 1), default=0.5, show_default=True, help="Less photo than this is "
              "blank.")
@click.option("--workers", type=int, default=1, show_default=True, help="Sheets made at the same time, by threads.")
@click.option("--jobs", type=int, help="Processes of this machine instead; damage to one costs a sheet.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler (tcp://host:8786) whose workers work instead.")
@click.option("--dry-run", is_flag=True, help="Say how many tiles, how much disk, memory and time; write nothing.")
@format_option()
def build(
    out: Path, scope: str | None, date: str | None, world: Path | None, crs: str, legend: str, cell_m: int, px: int,
    min_photo_share: float, workers: int, jobs: int | None, scheduler: str | None, dry_run: bool, format_: str,
    **sources: Any,
) -> None:
    """Build tiles from photos, vectors or both.

    Run it again with another survey and the same output to add a date or a département. A run that was interrupted
    goes on where it stopped: a sheet is made again only when its inputs have changed. Blank tiles stay in the
    catalogue, flagged; damaged sheets are left out, listed, and the command ends with exit code 3. A link among the
    sheets of a folder that leads out of it counts as damaged.

    With --sums every file is compared with its checksum before it is decoded: a sheet that differs, is not in the list,
    or is in it and gone counts as damaged; vectors that differ are refused. Name, size and SHA-256 of every file that
    was read are kept with the tiles in any case (`georetrieval sources list`).

    \b
    Examples:
      georetrieval tiles build -o tiles --photos ORTHO-2004 --vectors BDTOPO-2004 --scope 57 --date 2004
      georetrieval tiles build -o tiles --photos ORTHO-2019 --vectors BDTOPO-2019 --scope 57 --date 2019 --dry-run
      georetrieval tiles build -o tiles --photos ORTHO-2019 --scope 57 --date 2019 --sums ORTHO-2019.sha256
      georetrieval tiles build -o town --photos 1961.jpg --scope town --date 1961 --crs "" --cell-m 256
      georetrieval tiles build -o tiles --world world/world.json --cell-m 250 --px 128 --jobs 2
    """
    from georetrieval.cli.bars import progress
    from georetrieval.errors import GapsError
    from georetrieval.geo.legend import Legend
    from georetrieval.geo.planning import plan_tiles
    from georetrieval.geo.tiling import build_tiles

    surveys = _surveys(world, scope, date, sources)
    hands = _hands(workers, jobs, scheduler)
    asked: dict[str, Any] = {"grid": _grid(crs, cell_m, surveys), "px": px, "legend": Legend.load(legend),
                             "workers": workers, "min_photo_share": min_photo_share}
    gaps: GapsError | None = None
    with progress() as report:
        if dry_run:
            plan = plan_tiles(surveys, out, progress=report, **{**asked, "workers": hands.jobs if hands else workers})
            write_value(_spoken(plan.as_dict(), format_), format_, title="tiles build --dry-run")
            return
        try:
            build_tiles(surveys, out, hands=hands, progress=report, **asked)
        except GapsError as error:
            gaps = error
    _list(out, format_)
    if gaps is not None:
        raise gaps


@command.command("list")
@click.argument("tiles", type=PATH)
@format_option()
def list_(tiles: Path, format_: str) -> None:
    """List the surveys of a tile set: tiles, blank ones, bands, damaged sheets.

    One row per département and date.

    \b
    Examples:
      georetrieval tiles list tiles
      georetrieval tiles list tiles --format json
    """
    _list(tiles, format_)


@command.command("show")
@click.argument("tiles", type=PATH)
@click.argument("tile_id")
@click.option("-o", "--out", type=PATH, help="Write the picture here (PNG): photo, then classes.")
@click.option("--photo", "photo_only", is_flag=True, help="Write the photo alone, as `search` reads one.")
@format_option()
def show(tiles: Path, tile_id: str, out: Path | None, photo_only: bool, format_: str) -> None:
    """Show one tile: what the catalogue says, and a picture of its photo and classes side by side.

    Lists the tile's place, date, share of photo and the share of each class that occurs in it. With -o a PNG shows
    the photo beside the classes in the legend's colours; with --photo it is the photo alone, for `search`.

    \b
    Examples:
      georetrieval tiles show tiles 57-2004-E0905000N6930000-500
      georetrieval tiles show tiles 57-2004-E0905000N6930000-500 -o tile.png
      georetrieval tiles show tiles 57-2004-E0905000N6930000-500 --photo -o photo.png
    """
    from georetrieval.errors import UsageError
    from georetrieval.geo.picturing import picture
    from georetrieval.geo.tileset import TileSet

    if out is not None and out.suffix.lower() != ".png":
        raise UsageError(f"The picture is a PNG file; write -o {out.with_suffix('.png')}.")
    if photo_only and out is None:
        raise UsageError("--photo says what to write, but not where; add -o photo.png.")
    tileset = TileSet.open(tiles)
    row = tileset.find(tile_id)
    if out is not None:
        from georetrieval.files import publish

        publish(out, picture(tileset, tile_id, photo_only=photo_only))
    shares = {name: round(float(row[name]), 4) for name in row.index if name.startswith("share_") and row[name] > 0}
    plain = {name: row[name].item() if hasattr(row[name], "item") else row[name]
             for name in row.index if not name.startswith("share_")}
    write_value({**plain, **shares}, format_, title=tile_id)


def _list(tiles: Path, format_: str) -> None:
    from georetrieval.geo.tileset import TileSet

    tileset = TileSet.open(tiles)
    write_rows([{
        "scope": one["scope"], "date": one["date"], "tiles": one["tiles"], "valid": one["valid"],
        "blank": one["tiles"] - one["valid"], "bands": " ".join(one["bands"]), "cell_m": tileset.grid.cell_m,
        "px": tileset.px, "crs": tileset.grid.crs, "damaged_sheets": len(one["gaps"]),
    } for one in tileset.surveys], format_, title=str(tiles))


def _surveys(world: Path | None, scope: str | None, date: str | None, sources: dict[str, Any]) -> list[Survey]:
    from georetrieval.errors import UsageError
    from georetrieval.geo.tile import Survey

    sums = sources.pop("sums")
    named = {name: value for name, value in sources.items() if value is not None and name != "source_crs"}
    if world is not None:
        if named or scope or date:
            raise UsageError("--world names the surveys by itself; leave --photos, --vectors, --scope and --date out.")
        from georetrieval.recipe.sources import read_world

        folder = world if world.is_dir() else world.parent
        return [Survey(**entry.model_dump(), sums=sums) for entry in read_world(folder)]
    if not scope or not date:
        raise UsageError("A survey has a place and a date; give --scope (such as 57) and --date (such as 2004).")
    return [Survey(scope, date, crs=sources["source_crs"], sums=sums, **named)]


def _hands(workers: int, jobs: int | None, scheduler: str | None) -> Hands | None:
    """Who works instead of threads; None when nobody is named."""
    from georetrieval.errors import UsageError
    from georetrieval.tasks.running import Hands

    if jobs is None and scheduler is None:
        return None
    if workers != 1:
        raise UsageError("--workers (threads) works alone; with --jobs (processes) or --scheduler (a Dask cluster) "
                         "leave it out.")
    return Hands(1 if jobs is None else jobs, scheduler)


def _grid(crs: str, cell_m: int, surveys: list[Survey]) -> TileGrid:
    from georetrieval.geo.grid import TileGrid

    placed = surveys[0].bounds
    return TileGrid(crs, cell_m) if crs or placed is None else TileGrid.frame(cell_m, top=placed[3])


def _spoken(plan: dict[str, Any], format_: str) -> dict[str, Any]:
    """Sizes as a person reads them in a table, plain numbers elsewhere."""
    if format_ != "table":
        return plan
    surveys = {f"survey {s['name']}": f"{s['tiles']} tiles, {s['sheets']} sheets, {' '.join(s['bands'])}"
               + (f", {s['objects']} objects" if s["objects"] is not None else "")
               + (f", {len(s['broken'])} damaged sheets" if s["broken"] else "") for s in plan["surveys"]}
    return {
        **surveys, "tiles": plan["tiles"], "sheets": plan["sheets"], "disk": f"{plan['disk_bytes'] / 1e6:.1f} MB",
        "memory": f"{plan['memory_bytes'] / 1e6:.0f} MB at most", "time": f"about {plan['seconds']:.0f} s",
    }
