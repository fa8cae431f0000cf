"""`georetrieval index`: build, calibrate, list, info; more is in `index_rows`, `index_upkeep`, `index_exchange`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click

from georetrieval.cli.engine import engine_option
from georetrieval.cli.index_exchange import export, import_
from georetrieval.cli.index_pictures import build_of_pictures, calibrate_of_pictures, kept_model, refuse_together
from georetrieval.cli.index_rows import add, remove
from georetrieval.cli.index_tasks import asks_surveys, build_by_tasks, refuse_cut, task_options, told
from georetrieval.cli.index_tune import RECALL, tune, tune_options
from georetrieval.cli.index_upkeep import compact, repair, verify
from georetrieval.cli.numbers import Within
from georetrieval.cli.output import format_option
from georetrieval.errors import UsageError


@click.group()
def command() -> None:
    """Build and look after indexes.

    An index holds one descriptor per tile together with the tile's place and date, or per picture (or one mean, or
    several prototypes, per key) of a list of pictures. It is published version by version: who reads sees one whole
    version, and a power cut leaves the one before.

    \b
    Examples:
      georetrieval index build town --model hog --tiles tiles/ --date 2004
      georetrieval index build oxen --model runs/oxen --pictures crops/ --rows prototypes
      georetrieval index list
      georetrieval index verify town
    """


@command.command()
@click.argument("index")
@click.option("--model", required=True, metavar="RUN", help="Run folder of `train`, or a baseline: hog, class-shares, "
              "untrained.")
@click.option("--tiles", type=click.Path(path_type=Path), help="Folder of `tiles build`.")
@click.option("--date", "dates", multiple=True, help="Which dates to index; may be repeated.")
@click.option("--scope", "scopes", multiple=True, help="Only these départements; may be repeated.")
@click.option("--overlap", type=float, default=0.0, show_default=True, help="Share of the side that neighbours have in "
              "common: 0.5 adds windows every half tile.")
@click.option("--zoom", "zooms", type=float, multiple=True, default=(1.0,), show_default=True, help="Side of the "
              "windows in tiles; may be repeated: --zoom 1 --zoom 0.7 adds smaller windows at the same places.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Instead of tiles: a list of pictures (CSV), or a "
              "folder with pictures.csv or one sub-folder per key.")
@click.option("--rows", type=click.Choice(("each", "mean", "prototypes")), default="each", show_default=True,
              help="Of pictures: a row for each, one mean per key, or several prototypes where one mean falls between.")
@click.option("--role", type=click.Choice(("image", "mask")), help="Of a list: only these; by default the masks where "
              "it has any.")
@click.option("--part", "parts", multiple=True, help="Of a list: only this part; may be repeated.")
@click.option("--whole", is_flag=True, help="Show pictures whole, whatever boxes the list has.")
@click.option("--size", type=click.IntRange(1), nargs=2, metavar="WIDTH HEIGHT", help="Of the picture that the "
              "GeoJSON masks of a list were drawn on.")
@engine_option
@task_options
@click.option("--replace", is_flag=True, help="Publish a new version of an index that exists.")
@tune_options
def build(
    index: str, model: str, tiles: Path | None, dates: tuple[str, ...], scopes: tuple[str, ...], overlap: float,
    zooms: tuple[float, ...], pictures: Path | None, rows: str, role: str | None, parts: tuple[str, ...], whole: bool,
    size: tuple[int, int] | None, replace: bool, **tasks: Any,
) -> None:
    """Embed tiles, surveys or pictures, and publish them as the index INDEX.

    INDEX is a name (the index lies in ./indexes/NAME) or a path. Blank tiles are left out and counted. The index
    remembers its model by fingerprint and refuses any other one. With --overlap, windows between the tiles are rows
    too: for questions that lie off the grid; with --zoom, for photographs that show less ground than a tile.
    Above 20,000 tiles it is measured which kind of index answers soonest (`index tune`).
    Pictures that a row is made of are kept, so that `index add` and `index remove` make it again.

    Tiles and surveys are done sheet by sheet. A build that was interrupted or killed goes on where it stopped, and the
    index is the same, byte for byte, whoever works: this process, --jobs processes, a Dask cluster, or --shard parts
    on machines that know nothing of each other (an array of Slurm). The engine that --engine auto finds first is that
    of all of them; a machine that does not have it says so (exit code 5). Damaged sheets are left out and listed (exit
    code 3); the same command tries only them again. With --sums, files of surveys are compared with their checksums
    before they are decoded, as by `tiles build`.

    \b
    Examples:
      georetrieval index build town --model hog --tiles tiles/ --date 2004
      georetrieval index build lorraine --model runs/geo --photos ORTHO-2004 --vectors BDTOPO-2004 \\
        --scope 57 --date 2004 --jobs 4
      georetrieval index build lorraine --model runs/geo --tiles tiles/ --date 2004 --scheduler tcp://host:8786
      georetrieval index build lorraine --model runs/geo --tiles tiles/ --date 2004 --shard 3/8
      georetrieval index build /data/lorraine --model runs/geo --tiles tiles/ --date 2004 --scope 57 --scope 54
      georetrieval index build offgrid --model hog --tiles tiles/ --date 2004 --overlap 0.5 --zoom 1 --zoom 0.7
      georetrieval index build masks --model runs/masks --pictures world/ --role mask
      georetrieval index build town --model runs/town --tiles tiles/ --date 2004 --engine openvino
      georetrieval index build oxen --model runs/oxen --pictures crops/pictures.csv --part train --rows mean
    """
    from georetrieval.cli.queries import index_path

    if pictures is not None:
        refuse_together("--pictures", {"--tiles": tiles, "--date": dates, "--scope": scopes, "--overlap": overlap,
                        "--zoom": zooms != (1.0,), "--photos": asks_surveys(tasks), "--jobs": tasks["jobs"] != 1,
                        "--scheduler": tasks["scheduler"], "--shard": tasks["shard"], "--dry-run": tasks["dry_run"],
                        "--sums": tasks["sums"],
                        "--index": tasks["kind"] != "auto", "--recall": tasks["recall"] != RECALL}, "tiles")
        refuse_cut("--pictures")
        build_of_pictures(index, pictures, model, rows=rows, role=role, parts=parts, crop=not whole,
                          size=size[::-1] if size else None, replace=replace)
        return
    path = index_path(index)
    if build_by_tasks(path, kept_model(model), tiles, dates, scopes, tasks, overlap=overlap, zooms=zooms,
                      replace=replace):
        told(path, tasks)


@command.command()
@click.argument("index")
@click.option("--tiles", type=click.Path(path_type=Path), help="Folder of `tiles build`.")
@click.option("--date", help="Date of the tiles that ask.")
@click.option("--scope", "scopes", multiple=True, help="Only tiles of these départements; may be repeated.")
@click.option("--absent", type=Within(0, 1), default=0.5, show_default=True, help="Share of the tiles that "
              "ask as if the index did not hold their place.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws which.")
@click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it.")
@click.option("--pictures", type=click.Path(path_type=Path), help="Of an index of pictures: the list of images that "
              "ask; those whose key it does not hold are unknown.")
@click.option("--part", "parts", multiple=True, help="Of a list: only this part; may be repeated.")
@engine_option
@click.option("--keep", type=Within(0, 1, min_open=True), help="Share of the known images that keep their "
              "answer; by default the distance that tells known and unknown apart best.")
def calibrate(
    index: str, tiles: Path | None, date: str | None, scopes: tuple[str, ...], absent: float, seed: int,
    model: str | None, pictures: Path | None, parts: tuple[str, ...], keep: float | None,
) -> None:
    """Measure how far the answers of the index INDEX can be trusted.

    Tiles of known place ask, some of them with their place taken out of the index, and a probability that the first
    answer is right is fitted to what happens. It is kept in a new version of the index; from then on `search` says how
    sure it is. Use tiles that the model was not trained on. A rebuilt index has to be calibrated again.

    Of an index of pictures the distance is measured beyond which `classify` answers "unknown"; it stays when pictures
    are added or removed.

    \b
    Examples:
      georetrieval index calibrate town --tiles tiles/ --date 2019
      georetrieval index calibrate town --tiles tiles/ --date 2019 --scope 57 --absent 0.3
      georetrieval index calibrate oxen --pictures crops/ --part validation
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import index_path
    from georetrieval.geo.tileset import TileSet
    from georetrieval.recipe.calibrating import calibrate_index
    from georetrieval.search.store import IndexStore

    if pictures is not None:
        refuse_together("--pictures", {"--tiles": tiles, "--date": date, "--scope": scopes}, "tiles")
        calibrate_of_pictures(index, pictures, parts=parts, keep=keep, model=model)
        return
    if tiles is None or date is None:
        raise UsageError("Which queries ask? Give --tiles FOLDER and --date, or --pictures LIST.")

    store = IndexStore.open(index_path(index))
    with progress() as report:
        found = calibrate_index(store, TileSet.open(tiles), date=date, scopes=list(scopes) or None, absent=absent,
                                seed=seed, model=model, progress=report)
    store = store.calibrated(found)
    click.echo(f"calibrated on {found.queries} tiles, {found.absent_share:.0%} of them without their place; expected "
               f"calibration error {found.expected_calibration_error:.3f}; version {store.manifest.version}", err=True)
    click.echo(str(store.path))


for _command in (add, remove, compact, tune, verify, repair, export, import_):
    command.add_command(_command)


@command.command("list")
@click.argument("folder", type=click.Path(path_type=Path), default=Path("indexes"))
@format_option()
def list_(folder: Path, format_: str) -> None:
    """List the indexes in FOLDER (./indexes by default).

    One line per index: version, tiles, dates, départements, model, and what is wrong with it if anything is.

    \b
    Examples:
      georetrieval index list
      georetrieval index list /data --format json
    """
    from georetrieval.cli.output import write_rows
    from georetrieval.errors import InputError
    from georetrieval.search.store import list_indexes

    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; `georetrieval index build NAME` makes an index in ./indexes.")
    write_rows(list_indexes(folder), format_)


@command.command()
@click.argument("index")
@format_option()
def info(index: str, format_: str) -> None:
    """Show what the index INDEX holds.

    Version, counts, vector length, CRS, tile size, model and its fingerprint, the surveys that it was made from, and
    how it is searched: the kind of index and what was measured when it was chosen (`index tune`).

    \b
    Examples:
      georetrieval index info town
      georetrieval index info town --format json
      georetrieval index info "postgresql://gis@localhost/land?table=town"
    """
    from georetrieval.cli.output import write_value
    from georetrieval.cli.queries import open_index

    store = open_index(index)
    write_value(store.info(), format_, title=str(store.path))
