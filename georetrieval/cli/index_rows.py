"""Rows of an index come and go: `georetrieval index add` and `remove`, for tiles and for pictures."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from georetrieval.cli.engine import engine_option
from georetrieval.cli.index_pictures import add_to_pictures, refuse_together, remove_of_pictures
from georetrieval.cli.index_tune import after_change
from georetrieval.errors import UsageError


@click.command()
@click.argument("index")
@click.argument("pictures", nargs=-1, type=click.Path(path_type=Path))
@click.option("--tiles", type=click.Path(path_type=Path), help="Instead of pictures: folder of `tiles build`.")
@click.option("--date", "dates", multiple=True, help="Of --tiles: which dates to add; may be repeated.")
@click.option("--key", "keys", multiple=True, metavar="K or K=FILE", help="Key of the pictures that come without one; "
              "or, repeated, a key and its file: --key open=a.svg --key close=b.svg.")
@click.option("--scope", "scopes", multiple=True, help="Scope of the new pictures; of --tiles, only these "
              "départements, may be repeated.")
@click.option("--size", type=click.IntRange(1), nargs=2, metavar="WIDTH HEIGHT", help="Of the picture that a GeoJSON "
              "was drawn on.")
@engine_option
@click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it.")
def add(
    index: str, pictures: tuple[Path, ...], tiles: Path | None, dates: tuple[str, ...], keys: tuple[str, ...],
    scopes: tuple[str, ...], size: tuple[int, int] | None, model: str | None,
) -> None:
    """Add tiles, or pictures and with them new keys, to the index INDEX, without training.

    With --tiles, the tiles of further dates, and those that a tile set has more than when it was indexed, are embedded
    with the model of the index, and cut as it is (windows between the tiles, zooms). Tiles that are there already stay
    as they are, so that the same command again changes nothing. Another model ends with exit code 4.

    PICTURES are files, folders or lists. A folder of pictures becomes the key of its name, a folder of folders one key
    per folder, a list says its keys. Masks may be drawings: LabelMe JSON, SVG, or GeoJSON in pixels; masks that are
    empty, full, alike for two keys or of two sizes in one scope are refused. Rows of the keys are made again of all
    their pictures, the version before stays readable, and nothing is added when anything is wrong.

    \b
    Examples:
      georetrieval index add town --tiles tiles/ --date 2019
      georetrieval index add town --tiles tiles/ --date 2004 --date 2019 --scope 54
      georetrieval index add oxen crops/ox-37
      georetrieval index add oxen photo.jpg --key ox-12
      georetrieval index add masks --scope north --key open=open.png --key close=close.json
    """
    if tiles is None:
        if dates:
            raise UsageError("--date is about tiles; give --tiles FOLDER with it.")
        if len(scopes) > 1:
            raise UsageError("New pictures belong to one --scope.")
        add_to_pictures(index, pictures, keys, scopes[0] if scopes else None, size=size, model=model)
        return
    refuse_together("--tiles", {"PICTURES": pictures, "--key": keys, "--size": size}, "pictures")
    if not dates:
        raise UsageError("Which tiles are to be added? Give --date; it may be repeated.")
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import index_path
    from georetrieval.geo.tileset import TileSet
    from georetrieval.recipe.adding import add_tiles

    with progress() as report:
        store, count = add_tiles(index_path(index), TileSet.open(tiles), dates=dates, scopes=scopes or None,
                                 model=model, created_by="georetrieval index add", progress=report)
    counts = store.manifest.counts
    click.echo(f"{count} tiles added: {counts.tiles} now, {counts.blank} blank and {counts.failed} without a "
               f"meaningful descriptor left out; version {store.manifest.version}", err=True)
    if count:
        after_change(store)
    click.echo(str(store.path))


@click.command()
@click.argument("index")
@click.argument("tiles", nargs=-1)
@click.option("--date", "dates", multiple=True, help="Of tiles: remove those of this date; may be repeated.")
@click.option("--key", "keys", multiple=True, help="Remove this key (of tiles: a place at all dates); may be "
              "repeated.")
@click.option("--scope", "scopes", multiple=True, help="Remove this scope, or with other options only what is of it; "
              "may be repeated.")
def remove(
    index: str, tiles: tuple[str, ...], dates: tuple[str, ...], keys: tuple[str, ...], scopes: tuple[str, ...]
) -> None:
    """Remove tiles, keys or scopes from the index INDEX.

    TILES are tile ids. Of an index of tiles the rows go that have all that is asked: --date 2004 --scope 57 removes one
    survey. Of pictures, all those of a key go, and the rows made of them; with --key and --scope only these keys of
    these scopes. The version before stays readable for an hour, and longer while it is one of the last three; `index
    compact` frees the room.

    \b
    Examples:
      georetrieval index remove town 57-2004-E0930000N6920000-500
      georetrieval index remove town --date 2004 --scope 57
      georetrieval index remove oxen --key ox-37
      georetrieval index remove masks --scope north
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.search.changing import Choice, remove_rows
    from georetrieval.search.store import IndexStore

    if not (tiles or dates or keys or scopes):
        raise UsageError("What is to be removed? Give tile ids, --date, --key or --scope.")
    path = index_path(index)
    if IndexStore.open(path).manifest.pictures is not None:
        refuse_together("An index of pictures", {"tile ids": tiles, "--date": dates}, "tiles")
        remove_of_pictures(path, keys, scopes)
        return
    store, count = remove_rows(path, Choice(tiles, keys, scopes, dates), created_by="georetrieval index remove")
    click.echo(f"{count} tiles removed: {store.manifest.counts.tiles} now; version {store.manifest.version}", err=True)
    after_change(store)
    click.echo(str(path))
