"""`georetrieval run`: a whole recipe, stage by stage."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from georetrieval.cli.output import FORMATS, format_option

STAGES = ("worlds", "tiles", "train", "index", "evaluate", "report")


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder; runs/NAME by default.")
@click.option("--to", "last", type=click.Choice(STAGES), default="report", show_default=True, help="Last stage.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a setting of the recipe.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, how large and how long, and stop.")
@click.option("--resume/--no-resume", default=True, show_default=True,
              help="Go on with an interrupted training of the same inputs.")
@format_option(*FORMATS)
def command(
    recipe: Path, out: Path | None, last: str, settings: tuple[str, ...], dry_run: bool, resume: bool, format_: str,
) -> None:
    """Run a RECIPE: tiles, train, index, evaluate, report.

    A stage is skipped when the digest of its inputs matches the one it was done with, never because a file exists.
    The table of map@k, recall@k and counts goes to stdout; everything made stays in the run folder.

    \b
    Examples:
      georetrieval run pipelines/quickstart.yaml
      georetrieval run pipelines/town.yaml --set tiles.mosaics.folder=PHOTOS
      georetrieval run pipelines/quickstart.yaml --to tiles --dry-run
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.output import write_rows
    from georetrieval.recipe.evaluation import side_by_side
    from georetrieval.recipe.loading import load_recipe
    from georetrieval.recipe.stages import Run
    from georetrieval.report.of_run import draw

    with progress() as report:
        run = Run(load_recipe(recipe, settings), out, progress=report, resume=None if resume else False,
                  draw=draw if last == "report" else None)
        rows = run.plan(last) if dry_run else run.to(last)
    k = run.recipe.evaluate.k
    many = "descriptor" in rows[0] and len({(row["part"], row["query"], row["gallery"]) for row in rows}) > 2
    if many and format_ == "table":
        write_rows(side_by_side(rows, k), format_, title=f"{run.recipe.title}: map@{k}")
    else:
        write_rows(rows, format_, title=run.recipe.title)
