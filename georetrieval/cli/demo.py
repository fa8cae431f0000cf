"""`georetrieval demo`: from nothing to answers on a map, in a few minutes."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

MADE = {
    "queries.png": "queries drawn at random with their five nearest matches",
    "matches.gpkg": "every query and its matches on the map, with a style for QGIS",
    "training.png": "loss and validation map@5",
    "results.csv": "the table above",
    "indexes/quickstart": "the index of the 2004 tiles",
}


@click.command()
@click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("demo"), show_default=True,
              help="Folder for everything the demo makes.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Override a setting of the recipe.")
def command(out: Path, settings: tuple[str, ...]) -> None:
    """Make three small départements, train on one, find the places of another.

    Runs pipelines/quickstart.yaml: vector deliveries and orthophotos of 2004 and 2019 are written in their real
    formats, cut into tiles, a small net learns from the first département, the third one is indexed and searched.
    Prints map@5 beside HOG, class shares and the untrained net, and leaves an index, a GeoPackage and a picture.

    \b
    Examples:
      georetrieval demo
      georetrieval demo -o /tmp/demo --set learn.minutes=1
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.output import write_rows
    from georetrieval.recipe.loading import load_recipe, published
    from georetrieval.recipe.schema import Recipe
    from georetrieval.recipe.stages import Run
    from georetrieval.report.of_run import draw

    with progress() as report:
        recipe = load_recipe(published("quickstart"), settings)
        assert isinstance(recipe, Recipe)
        run = Run(recipe, out, progress=report, draw=draw)
        rows = run.to("evaluate")
    write_rows(rows, "table", title=run.recipe.title)
    for path, what in MADE.items():
        click.echo(f"{run.out / path}: {what}", err=True)
    query = next(t for t in run.tileset.catalogue["tile_id"] if "-2019-" in t and t.startswith("93-"))
    click.echo(f"Next: georetrieval search {run.index} {query} --tiles {run.tiles}", err=True)
