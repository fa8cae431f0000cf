"""Looking after an index: `georetrieval index compact`."""

from __future__ import annotations

import rich_click as click


@click.command()
@click.argument("index")
def compact(index: str) -> None:
    """Put the many small files of the index INDEX together and leave out removed rows.

    The answers stay the same, and so does a calibration. Who reads meanwhile goes on reading the version before, which
    is kept while it is one of the last three and for an hour after it was replaced; then the next `build`, `add`,
    `remove` or `compact` frees its room. Until then the index takes up to twice its room on the disk.

    \b
    Examples:
      georetrieval index compact town
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.search.compacting import compact as compacted

    before, after = compacted(index_path(index), "georetrieval index compact")
    if after.name == before.name:
        click.echo("There is nothing to compact.", err=True)
    else:
        removed = len(before.manifest.tombstones)
        click.echo(f"{len(before.manifest.files)} segments became {len(after.manifest.files)}, {removed} removed rows "
                   f"left out; version {after.manifest.version}", err=True)
    click.echo(str(after.path))
