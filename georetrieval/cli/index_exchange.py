"""Indexes for other programs, and from other machines: `georetrieval index export` and `import`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from georetrieval.cli.index_pictures import kept_model
from georetrieval.cli.index_tune import require_kind, tune_options, tuned


@click.command()
@click.argument("index")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write; .gpkg, .geojson, .parquet or .csv "
              "says what.")
@click.option("--to", "address", metavar="ADDRESS", help="Table to write: postgresql://USER@HOST/DATABASE?table=NAME.")
@click.option("--ann", type=click.Choice(("hnsw",)), help="Of a table: also an approximate index, for searches whose "
              "address says ann=hnsw; what it misses is measured and told.")
def export(index: str, out: Path | None, address: str | None, ann: str | None) -> None:
    """Write the rows of the index INDEX to a file that other programs read, or to a table of a PostgreSQL server.

    A GeoPackage (with a style for QGIS) and GeoJSON hold the tiles: id, place, département, date. GeoParquet holds the
    vectors too, as lists of floats; a CSV comes with FILE.npy, its vectors row by row, and FILE.json. The last two also
    say which model made them, and `index import` makes an index of them again. No file holds bytes of FAISS.

    A table needs pgvector in its database (CREATE EXTENSION vector), and has a geometry column where PostGIS is. It is
    replaced in one transaction; `search`, `evaluate` and `classify` take its address in place of INDEX. Leave the
    password out of the address: it is taken from PGPASSWORD or ~/.pgpass. A server that is not there, refuses the user
    or holds no such table ends with exit code 2, one without pgvector with 5, one that is busy or full with 75.

    \b
    Examples:
      georetrieval index export town -o town.gpkg
      georetrieval index export town -o town.parquet
      georetrieval index export town -o town.csv
      georetrieval index export town --to "postgresql://gis@localhost/land?table=town"
      georetrieval index export town --to "postgresql://gis@db/land?table=retrieval.town&sslmode=require" --ann hnsw
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.errors import UsageError
    from georetrieval.recipe.exchanging import export_index
    from georetrieval.search.store import IndexStore

    if (out is None) == (address is None):
        raise UsageError("Where are the rows to go? Give -o FILE or --to ADDRESS, one of them.")
    if out is not None and ann is not None:
        raise UsageError("--ann is about a table of a server; leave it out, or give --to ADDRESS.")
    if address is not None:
        _export_to_server(index, address, ann)
    elif out is not None:
        count = export_index(IndexStore.open(index_path(index)), out)
        click.echo(f"{count} rows written", err=True)
        click.echo(str(out))


def _export_to_server(index: str, address: str, ann: str | None) -> None:
    from georetrieval.cli.queries import index_path
    from georetrieval.search.postgres_address import Address
    from georetrieval.search.postgres_export import export_postgres
    from georetrieval.search.store import IndexStore

    where = Address.parse(address)
    done = export_postgres(IndexStore.open(index_path(index)), where, ann=ann)
    click.echo(f"{done.rows} rows written{', with a geometry column' if done.shapes else ''}", err=True)
    if done.recall is not None:
        click.echo(f"the approximate index finds {done.recall:.1%} of the 10 nearest rows; only searches whose address "
                   "says ann=hnsw use it", err=True)
    click.echo(str(where))


@click.command("import")
@click.argument("index")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", metavar="RUN", help="The model at hand; it has to be the one that made the rows.")
@tune_options
def import_(index: str, file: Path, model: str | None, kind: str, recall: float) -> None:
    """Make the new index INDEX of FILE, which `index export` wrote.

    FILE is a .parquet, or a .csv with its .npy and .json beside it. Rows, vectors and the fingerprint of the model are
    checked against what was exported; a file that is damaged or something else makes no index. How it is best searched
    is measured anew, as by `index build`: no file says it.

    \b
    Examples:
      georetrieval index import town town.parquet
      georetrieval index import town town.csv --model runs/geo
      georetrieval index import town town.parquet --index exact
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.recipe.exchanging import import_index

    require_kind(kind)
    store = import_index(index_path(index), file, model=None if model is None else kept_model(model),
                         created_by="georetrieval index import")
    click.echo(f"{store.manifest.counts.tiles} rows of the model {store.manifest.model} imported", err=True)
    if store.manifest.pictures is None:
        tuned(store, kind, recall)
    elif kind != "auto":
        click.echo("It is an index of pictures, whose rows are always compared exactly: --index counts for nothing.",
                   err=True)
    click.echo(str(store.path))
