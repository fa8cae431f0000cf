"""`georetrieval train`: the training stage of a recipe."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder; runs/NAME by default.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a setting of the recipe.")
@click.option("--resume", is_flag=True, help="Go on from the training in the run folder, for more epochs or minutes "
              "too; refused when it was another one.")
def command(recipe: Path, out: Path | None, settings: tuple[str, ...], resume: bool) -> None:
    """Train the descriptor of a RECIPE.

    Builds the tiles if they are not there, then trains, and keeps the weights of the best epoch in the run folder
    (weights.safetensors, metrics.csv, metrics.json). After Ctrl-C the same command goes on exactly where it stopped;
    --resume makes a training longer.

    \b
    Examples:
      georetrieval train pipelines/quickstart.yaml
      georetrieval train pipelines/quickstart.yaml --set learn.epochs=30 --resume
    """
    from georetrieval.cli.bars import progress
    from georetrieval.recipe.loading import load_recipe
    from georetrieval.recipe.runs import run_of

    with progress() as report:
        run = run_of(load_recipe(recipe, settings), out, progress=report, resume=resume or None)
        run.to("train")
    click.echo(str(run.model))
