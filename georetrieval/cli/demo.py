"""`georetrieval demo`: from nothing to answers on a map, in a few minutes."""

from __future__ import annotations

from pathlib import Path

import rich_click as click


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
    from georetrieval.recipe.stages import Run
    from georetrieval.report.of_run import draw

    with progress() as report:
        run = Run(load_recipe(published("quickstart"), [f"index.folder={out / 'indexes'}", *settings]), out,
                  progress=report)
        rows = run.to("evaluate")
        made = draw(run)
    write_rows(rows, "table", title=run.recipe.title)
    for path, what in made:
        click.echo(f"{path}: {what}", err=True)
    click.echo(f"Next: georetrieval search {run.index} 93-2019-E... --tiles {run.tiles} --date 2019 "
               "(georetrieval tiles list shows the ids)", err=True)
