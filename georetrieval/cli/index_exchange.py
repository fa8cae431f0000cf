"""Indexes for other programs, and from other machines: `georetrieval index export` and `import`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from georetrieval.cli.index_pictures import kept_model


@click.command()
@click.argument("index")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, help="File to write; .gpkg, .geojson, "
              ".parquet or .csv says what.")
def export(index: str, out: Path) -> None:
    """Write the rows of the index INDEX to a file that other programs read.

    A GeoPackage (with a style for QGIS) and GeoJSON hold the tiles: id, place, département, date. GeoParquet holds the
    vectors too, as lists of floats; a CSV comes with FILE.npy, its vectors row by row, and FILE.json. The last two also
    say which model made them, and `index import` makes an index of them again. No file holds bytes of FAISS.

    \b
    Examples:
      georetrieval index export town -o town.gpkg
      georetrieval index export town -o town.parquet
      georetrieval index export town -o town.csv
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.recipe.exchanging import export_index
    from georetrieval.search.store import IndexStore

    count = export_index(IndexStore.open(index_path(index)), out)
    click.echo(f"{count} rows written", err=True)
    click.echo(str(out))


@click.command("import")
@click.argument("index")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", metavar="RUN", help="The model at hand; it has to be the one that made the rows.")
def import_(index: str, file: Path, model: str | None) -> None:
    """Make the new index INDEX of FILE, which `index export` wrote.

    FILE is a .parquet, or a .csv with its .npy and .json beside it. Rows, vectors and the fingerprint of the model are
    checked against what was exported; a file that is damaged or something else makes no index.

    \b
    Examples:
      georetrieval index import town town.parquet
      georetrieval index import town town.csv --model runs/geo
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.recipe.exchanging import import_index

    store = import_index(index_path(index), file, model=None if model is None else kept_model(model),
                         created_by="georetrieval index import")
    click.echo(f"{store.manifest.counts.tiles} rows of the model {store.manifest.model} imported", err=True)
    click.echo(str(store.path))
