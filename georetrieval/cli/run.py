"""`georetrieval run`: whole recipes, stage by stage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.engine import engine_option
from georetrieval.cli.output import FORMATS, format_option

if TYPE_CHECKING:
    from georetrieval.recipe.runs import AnyRun

STAGES = ("worlds", "tiles", "train", "classifier", "index", "evaluate", "report")


def _seeds(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Whole numbers with commas between them."""
    words = [] if value is None else [word.strip() for word in value.split(",")]
    if not all(word.isascii() and word.isdigit() for word in words):
        raise click.BadParameter(f"{value!r} is not a list of whole numbers such as 1,2,3.", ctx, param)
    return None if value is None else tuple(map(int, words))


@click.command()
@click.argument("recipes", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RECIPE...")
@click.option("-o", "--out", type=click.Path(path_type=Path),
              help="Run folder; runs/NAME by default. With several runs the folder that holds them, runs by default.")
@click.option("--to", "last", type=click.Choice(STAGES), default="report", show_default=True, help="Last stage.")
@click.option("--seeds", callback=_seeds, metavar="N,N,...", help="Run each recipe with each of these seeds.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a setting of each recipe.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, how large and how long, and stop.")
@click.option("--resume/--no-resume", default=True, show_default=True,
              help="Go on with an interrupted training of the same inputs.")
@engine_option
@format_option(*FORMATS)
def command(
    recipes: tuple[Path, ...], out: Path | None, last: str, seeds: tuple[int, ...] | None, settings: tuple[str, ...],
    dry_run: bool, resume: bool, format_: str,
) -> None:
    """Run each RECIPE: tiles, train, index, evaluate, report; of pictures: worlds, train, classifier, index, evaluate.

    A stage is skipped when the digest of its inputs matches the one it was done with, never because a file exists.
    `--to evaluate` draws no figures; a later run to the end measures again and draws them.
    The table of map@k, recall@k and counts goes to stdout, or the best of each block where a recipe compares untrained
    descriptors (evaluate.combinations, learn: null); everything made stays in the run folder. With several
    recipes or --seeds each run has a folder of its own (runs/NAME/seed-N, index NAME-sN), the table has the mean and
    the spread over the seeds, and a run that fails is listed and does not stop the others (exit code 3).

    \b
    Examples:
      georetrieval run pipelines/quickstart.yaml
      georetrieval run pipelines/town.yaml --set tiles.mosaics.folder=PHOTOS
      georetrieval run pipelines/baselines.yaml --set eye.weights=hub
      georetrieval run pipelines/quickstart.yaml --to tiles --dry-run
      georetrieval run pipelines/quickstart.yaml pipelines/difficulty.yaml --seeds 1,2,3
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.output import write_rows
    from georetrieval.recipe.loading import load_recipe
    from georetrieval.recipe.many import Many
    from georetrieval.recipe.runs import run_of
    from georetrieval.report.of_pictures import draw_pictures
    from georetrieval.report.of_run import draw

    loaded = [load_recipe(recipe, settings) for recipe in recipes]
    going_on = None if resume else False
    artists: dict[str, Any] = {"draw": draw, "draw_pictures": draw_pictures} if last == "report" else {}
    if len(loaded) > 1 or seeds is not None:
        with progress() as report:
            many = Many(loaded, seeds, out, progress=report, resume=going_on, **artists)
            rows = many.plan(last) if dry_run else many.to(last)
        write_rows(rows, format_)
        if last in ("evaluate", "report") and not dry_run:
            click.echo(f"{many.summary}: this table", err=True)
        many.require_all()
        return
    with progress() as report:
        run = run_of(loaded[0], out, progress=report, resume=going_on, **artists)
        rows = run.plan(last) if dry_run else run.to(last)
    _show(run, rows, format_)


def _show(run: AnyRun, rows: list[dict[str, Any]], format_: str) -> None:
    """One run's table; of untrained combinations the best of each block, alone where nothing is trained."""
    from georetrieval.cli.output import write_rows
    from georetrieval.recipe.combinations import best_per_block, read_rows
    from georetrieval.recipe.evaluation import side_by_side
    from georetrieval.recipe.picture_measuring import side_by_side as by_part
    from georetrieval.recipe.picture_stages import PictureRun

    if isinstance(run, PictureRun):
        measured = "descriptor" in rows[0]
        write_rows(by_part(rows) if measured and format_ == "table" else rows, format_, title=run.recipe.title)
        return
    recipe, k = run.recipe, run.recipe.evaluate.k
    measured = "descriptor" in rows[0]
    compared = measured and recipe.evaluate.combinations is not None
    wide = measured and len({(row["part"], row["query"], row["gallery"]) for row in rows}) > 2
    if compared and (format_ == "table" or recipe.learn is None):
        best = best_per_block(read_rows(run.out), k)
        write_rows(best, format_, title=f"{recipe.title}: the best of each block, map@{k}")
    if compared and recipe.learn is None:
        return
    if wide and format_ == "table":
        write_rows(side_by_side(rows, k), format_, title=f"{recipe.title}: map@{k}")
    else:
        write_rows(rows, format_, title=recipe.title)
