"""`georetrieval train`: the training stage of a recipe."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Run folder; runs/NAME by default.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a setting of the recipe.")
@click.option("--resume", is_flag=True, help="Go on exactly where an interrupted training stopped.")
def command(recipe: Path, out: Path | None, settings: tuple[str, ...], resume: bool) -> None:
    """Train the descriptor of a RECIPE.

    Builds the tiles if they are not there, then trains, and keeps the weights of the best epoch in the run folder
    (weights.safetensors, metrics.csv, metrics.json). Ctrl-C leaves a state that --resume continues exactly.

    \b
    Examples:
      georetrieval train pipelines/quickstart.yaml
      georetrieval train pipelines/quickstart.yaml --set learn.epochs=30 --resume
    """
    from georetrieval.cli.bars import progress
    from georetrieval.recipe.loading import load_recipe
    from georetrieval.recipe.stages import Run

    with progress() as report:
        run = Run(load_recipe(recipe, settings), out, progress=report, resume=resume)
        run.to("train")
    click.echo(str(run.model))
