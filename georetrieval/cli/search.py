"""`georetrieval search`: the nearest tiles of an index to tiles, pictures and places."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.engine import engine_option
from georetrieval.cli.numbers import Within
from georetrieval.cli.output import GEO_FORMATS, RERANK, format_option
from georetrieval.cli.search_pictures import search_pictures

if TYPE_CHECKING:
    from georetrieval.maps import Ground
    from georetrieval.recipe.answering import Answers

SUFFIXES = {".gpkg": "gpkg", ".geojson": "geojson", ".csv": "csv", ".jsonl": "jsonl", ".json": "json"}


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("index")
@click.argument("queries", nargs=-1, required=True, metavar="QUERY...")
@click.option("-k", "k", type=int, default=5, show_default=True, help="Answers per query.")
@click.option("--tiles", type=click.Path(path_type=Path), help="Tiles in which ids and places are looked up; without "
              "them, in the index itself.")
@click.option("--date", help="Date of the tiles that ask.")
@click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it.")
@click.option("--classes", type=click.Path(path_type=Path), help="Picture of class codes that belongs to the query.")
@click.option("--vectors", type=click.Path(path_type=Path), help="Vector delivery to be painted under a GeoTIFF.")
@click.option("--turns", type=click.IntRange(1, 64), default=1, show_default=True, help="Look at each picture at so "
              "many equally spaced turns; the best counts.")
@click.option("--scale", "scales", type=Within(0.25, 4), multiple=True, default=(1.0,), show_default=True,
              help="Look from this distance, below 1 is nearer; may be repeated: --scale 1 --scale 0.84 --scale 0.7.")
@click.option("--every-window", is_flag=True, help="Of an index whose rows overlap, answer with every window, not with "
              "different places.")
@click.option("--filter-date", "filter_dates", multiple=True, help="Only answers of this date; may be repeated.")
@click.option("--scope", "scopes", multiple=True, help="Only answers of this département; may be repeated.")
@click.option("--bbox", help="Only answers in xmin,ymin,xmax,ymax (CRS of the index).")
@click.option("--exclude-self", is_flag=True, help="Leave a tile out of its own answers (always so without --tiles), "
              "or a picture that is a row.")
@click.option("--beyond", "beyond_m", type=Within(0, 1e7, min_open=True), metavar="METRES", help="Only answers whose "
              "middle lies farther from the middle of the query; one whose place is not known meets all.")
@click.option("--exact", is_flag=True, help="Compare with all rows, whatever kind of index was chosen for INDEX.")
@click.option("--rerank", type=click.Choice((*RERANK, "closer")), default="none", show_default=True, help="Put the "
              "first answers into a better order: by what else they resemble, or by closer looks at a picture around "
              "the best of --turns and --scale.")
@click.option("--min-confidence", type=Within(0, 1), help='Say "no match" when the first answer is less '
              "sure than this (0..1); the index must be calibrated.")
@engine_option
@format_option(*GEO_FORMATS)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write there instead of to stdout; the suffix says "
              "the format.")
def command(
    index: str, queries: tuple[str, ...], k: int, tiles: Path | None, date: str | None, model: str | None,
    classes: Path | None, vectors: Path | None, turns: int, scales: tuple[float, ...], every_window: bool,
    filter_dates: tuple[str, ...], scopes: tuple[str, ...], bbox: str | None, exclude_self: bool,
    beyond_m: float | None, exact: bool, rerank: str,
    min_confidence: float | None, format_: str, out: Path | None,
) -> None:
    """Find the tiles of INDEX that look most like each QUERY.

    A QUERY is a tile id, a picture file (a GeoTIFF is cut on the index's grid), a point "x,y" or a box
    "xmin,ymin,xmax,ymax" (all tiles within, or the one around its middle where it holds none). Numbers in the range of
    degrees are longitude and latitude, others the index's CRS (Lambert-93 in mainland France); which one was taken is
    said on stderr. Filters are exact, also on an index that only compares some rows (`index tune`). An index that was
    calibrated says how sure its first answers are, and with --min-confidence "no match" instead of nonsense.
    Answers of an index whose rows overlap are different places: none within half a tile of a better one.

    INDEX may also be the address of a table that `index export --to` wrote: postgresql://USER@HOST/DATABASE?table=NAME.
    The answers are the same, and come from one version of it.

    Of an index of pictures a QUERY is a picture, a folder of them or a list (pictures.csv, as `detect` writes it); the
    answers are the nearest rows with their keys.

    \b
    Examples:
      georetrieval search oxen crops/ -k 3 --format csv
      georetrieval search town 57-2019-E0930000N6920000-500 --tiles tiles/
      georetrieval search town 930250,6920250 --tiles tiles/ --date 2019 -k 10 --format json
      georetrieval search town 6.17,49.34 --tiles tiles/ --date 2019 -o answers.gpkg
      georetrieval search town photo.tif --filter-date 2004 --format csv
      georetrieval search "postgresql://gis@localhost/land?table=town" photo.tif --filter-date 2004
      georetrieval search town photo.tif --min-confidence 0.9
      georetrieval search town 57-2019-E0930000N6920000-500 --beyond 2000 --exact
      georetrieval search town photo.tif --rerank k-reciprocal
      georetrieval search town old-print.jpg --turns 16 --scale 1 --scale 0.84 --scale 0.7 --rerank closer
    """
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import check_k, filter_of, open_index, parse_word

    format_ = _format(format_, out)
    check_k(k)
    store = open_index(index)
    if store.manifest.pictures is not None:
        others = {"--tiles": tiles, "--date": date, "--classes": classes, "--vectors": vectors, "--turns": turns != 1,
                  "--scale": scales != (1.0,), "--filter-date": filter_dates, "--bbox": bbox, "--beyond": beyond_m,
                  "--exact": exact, "--rerank": rerank != "none", "--min-confidence": min_confidence}
        search_pictures(store, queries, k, scopes=scopes, model=model, format_=format_, out=out, others=others,
                        exclude_self=exclude_self)
        return
    where = filter_of(filter_dates, scopes, bbox, exclude_self=exclude_self or tiles is None, beyond_m=beyond_m)
    words = [parse_word(text) for text in queries]

    from georetrieval.geo.tileset import TileSet
    from georetrieval.maps import on_ground
    from georetrieval.recipe.answering import answered, require_calibration
    from georetrieval.recipe.asking import Asker

    require_calibration(store, min_confidence)
    with progress() as report:
        asker = Asker(store, model=model, tileset=TileSet.open(tiles) if tiles else None, date=date, classes=classes,
                      vectors=vectors, turns=turns, scales=scales, progress=report)
        asked = asker.ask(words)
        answers = answered(asker.store, asker.source, asked.views, k, where=where,
                           rerank=asker.closer(asked) if rerank == "closer" else rerank,
                           min_confidence=min_confidence, every_window=every_window, exact=exact,
                           bounds=asked.bounds)
    for note in (*asker.notes, *_told(answers, index)):
        click.echo(note, err=True)
    matches = answers.matches
    ground = on_ground(matches, answers.table, asked.bounds[matches.query_rows], asker.store.manifest.crs,
                       confidence=answers.confidence)
    write_answers(ground, format_, out)
    _require_answers((*asked.blank, *map(str, answers.matches.unanswered_names)))


def _told(answers: Answers, index: str) -> list[str]:
    """What has to be said about answers besides them."""
    slower = f"{answers.note}: all rows were compared; make it again with: georetrieval index tune {index}"
    nothing = "No tile of the index may answer: the filters leave none."
    return [slower] * bool(answers.note) + [nothing] * answers.none_may


def _require_answers(silent: tuple[str, ...]) -> None:
    """GapsError when queries got no answer."""
    from georetrieval.errors import GapsError

    if silent:
        raise GapsError(f"{len(silent)} queries are blank or have no meaningful descriptor and got no answer: "
                        f"{', '.join(silent[:5])}{'...' if len(silent) > 5 else ''}.")


def write_answers(ground: Ground, format_: str, out: Path | None) -> None:
    """Write matches in any format, to a file or to stdout."""
    import contextlib
    import io

    from georetrieval.cli.output import write_rows
    from georetrieval.files import publish
    from georetrieval.maps import geojson, write_gpkg

    if format_ == "gpkg" and out is not None:
        write_gpkg(out, ground)
        return
    text = io.StringIO()
    with contextlib.redirect_stdout(text) if out else contextlib.nullcontext():
        if format_ == "geojson":
            click.echo(geojson(ground))
        else:
            rows = answer_rows(ground)
            write_rows([_in_words(row) for row in rows] if format_ == "table" else rows, format_)
    if out:
        publish(out, text.getvalue().encode())


def answer_rows(ground: Ground) -> list[dict[str, Any]]:
    """One row per answer: query, rank, tile, score, hit (None when the query's place is not known), place.

    When the index is calibrated there is a column confidence, and a query without an answer has a row without a tile.
    """
    from georetrieval.maps import BOUNDS

    told = {"yes": True, "no": False, "unknown": None}
    boxes = ground.matches.geometry.bounds.to_numpy()
    each: dict[str, list[dict[str, Any]]] = {query: [] for query in ground.queries["query"]}
    for row, box in zip(ground.matches.drop(columns="geometry").to_dict("records"), boxes, strict=True):
        place = dict(zip(BOUNDS, map(float, box), strict=True))
        sure = {"confidence": row["confidence"]} if "confidence" in row else {}
        each[row["query"]].append({
            "query": row["query"], "rank": row["rank"], "tile_id": row["tile_id"], "score": round(row["score"], 6),
            "hit": told[row["hit"]], "scope": row["scope"], "date": row["date"], **place, **sure})
    if "confidence" in ground.queries:
        nothing = dict.fromkeys(("rank", "tile_id", "score", "hit", "scope", "date", *BOUNDS))
        for query, sure in zip(ground.queries["query"], ground.queries["confidence"], strict=True):
            each[query] = each[query] or [{"query": query, **nothing, "confidence": sure}]
    return [row for rows in each.values() for row in rows]


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    return row if row["tile_id"] is not None else row | {"tile_id": "no match"}


def _format(asked: str, out: Path | None) -> str:
    from georetrieval.errors import UsageError

    if out is None:
        if asked == "gpkg":
            raise UsageError("A GeoPackage cannot be written to stdout; give -o FILE.gpkg.")
        return asked
    by_suffix = SUFFIXES.get(out.suffix.lower())
    if asked == "table":
        if by_suffix is None:
            raise UsageError(f"{out} does not say its format; end it in {', '.join(SUFFIXES)}, or give --format.")
        return by_suffix
    if by_suffix not in (None, asked) and not (asked == "geojson" and by_suffix == "json"):
        raise UsageError(f"{out} ends like {by_suffix}, but --format says {asked}.")
    return asked
