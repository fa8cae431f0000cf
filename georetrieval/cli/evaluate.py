"""`georetrieval evaluate`: map@k and recall@k of an index for the tiles of another date."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.asking import asking_options, asking_tiles
from georetrieval.cli.engine import engine_option
from georetrieval.cli.output import format_option

if TYPE_CHECKING:
    from georetrieval.geo.tileset import TileSet
    from georetrieval.recipe.answering import Answers
    from georetrieval.recipe.sight import Part
    from georetrieval.search.matches import Matches


@click.command()
@click.argument("index")
@asking_tiles(required=True)
@click.option("-k", "k", type=int, default=5, show_default=True, help="Answers per query.")
@asking_options
@click.option("--failures", is_flag=True, help="Also say where it fails: by landscape, by change, by hubs in the "
              "index; as CSV this table alone.")
@engine_option
@format_option()
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Also write the matches: .gpkg, .geojson.")
def command(
    index: str, tiles: Path, date: str, scopes: tuple[str, ...], k: int, model: str | None,
    query_bands: Part, filter_dates: tuple[str, ...], bbox: str | None, rerank: str, failures: bool, format_: str,
    out: Path | None,
) -> None:
    """Measure how well INDEX finds the tiles of another date again.

    A query counts when it is not blank and its place is in the index; the rest is counted apart: blank tiles,
    descriptors that mean nothing, places that the index does not hold. A tile never answers itself. A model that
    takes photo and map apart can be asked as if one of them were missing: --query-bands. --failures sorts the queries
    by landscape (wood, field, village, town, water) and by how much their place changed since the tile in the index.

    \b
    Examples:
      georetrieval evaluate town --tiles tiles/ --date 2019
      georetrieval evaluate town --tiles tiles/ --date 2019 --query-bands photo
      georetrieval evaluate town --tiles tiles/ --date 2019 --failures
      georetrieval evaluate town --tiles tiles/ --date 2019 --rerank query-expansion
      georetrieval evaluate town --tiles tiles/ --date 2019 --scope 57 --format json -o matches.gpkg
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import check_k, filter_of, open_index

    check_k(k)
    where = filter_of(filter_dates, (), bbox, exclude_self=True)

    from georetrieval.errors import InputError, UsageError
    from georetrieval.geo.tileset import TileSet
    from georetrieval.recipe.answering import answered
    from georetrieval.recipe.asking import Asker
    from georetrieval.recipe.sight import look
    from georetrieval.search.metrics import summary

    if out is not None and out.suffix.lower() not in (".gpkg", ".geojson"):
        raise UsageError(f"{out} must end in .gpkg or .geojson.")
    store, tileset = open_index(index), TileSet.open(tiles)
    with progress() as report:
        asker = Asker(store, model=model, tileset=tileset, date=date)
        queries = look(tileset, asker.eye, date=date, scopes=list(scopes) or None, part=query_bands, progress=report)
        answers = answered(asker.store, asker.source, [queries], k, where=where, rerank=rerank, whole=failures)
    matches = answers.matches
    if summary(matches, k).queries == 0:
        raise InputError(f"None of the {len(queries)} tiles of {date} shows a place that another tile of the index "
                         f"{store.path} shows; index another date or département.")
    if out is not None:
        _write(out, answers, tileset, answers.table, store.manifest.crs)
    head = {"index": str(store.path), "model": asker.model, "date": date, "k": k}
    _print(head if rerank == "none" else head | {"rerank": rerank}, matches, tileset, date, scopes,
           store.manifest.counts.tiles, format_, failures)


def _print(
    head: dict[str, Any], matches: Matches, tileset: TileSet, date: str, scopes: tuple[str, ...], gallery: int,
    format_: str, failures: bool,
) -> None:
    from georetrieval.cli.output import write_rows, write_value
    from georetrieval.recipe.circumstances import groups_of
    from georetrieval.recipe.failures import failure_lines, true_tiles_in
    from georetrieval.search.metrics import summary

    asked = tileset.catalogue[tileset.catalogue["date"] == date]
    asked = asked[asked["scope"].isin(scopes)] if scopes else asked
    blank = {str(scope): int((~some["valid"]).sum()) for scope, some in asked.groupby("scope")}
    k = int(head["k"])

    def figures(some: Matches, left_out: int) -> dict[str, Any]:
        value = summary(some, k).as_dict()
        value.pop("k")
        return value | {"blank_left_out": left_out}

    total = figures(matches, sum(blank.values()))
    each = {scope: figures(matches.in_scope(scope), blank[scope]) for scope in sorted(blank)}
    lines = failure_lines(matches, groups_of(tileset, true_tiles_in(matches, tileset)), k) if failures else []
    if format_ in ("json", "jsonl"):
        more = {"failures": lines} if failures else {}
        write_value(head | total | {"gallery": gallery, "scopes": each} | more, format_)
        return
    if failures and format_ == "csv":
        write_rows(lines, format_)
        return
    rows = [{"scope": scope, **value} for scope, value in each.items()]
    rows += [{"scope": "all", **total}] if len(rows) > 1 else []
    write_rows(rows, format_, title=f"{head['index']} asked with the tiles of {date}")
    if failures:
        write_rows(lines, format_, title="Where it fails")


def _write(out: Path, answers: Answers, tileset: TileSet, table: Any, crs: str) -> None:
    import numpy as np

    from georetrieval.maps import BOUNDS, on_ground, write_ground

    place = tileset.catalogue.set_index("tile_id")[list(BOUNDS)]
    bounds = place.loc[answers.matches.query_names.tolist()].to_numpy(np.float64)
    write_ground(out, on_ground(answers.matches, table, bounds, crs, confidence=answers.confidence))
