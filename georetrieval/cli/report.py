"""`georetrieval report`: one HTML file that says how well an index answers, where it fails and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.asking import asking_options, asking_tiles
from georetrieval.cli.engine import engine_option
from georetrieval.cli.index_pictures import refuse_together
from georetrieval.errors import InputError, UsageError

if TYPE_CHECKING:
    from georetrieval.recipe.sight import Part


@click.command()
@click.argument("index")
@asking_tiles(required=False)
@click.option("--pictures", type=click.Path(path_type=Path), help="Instead of tiles, of an index of pictures: the list "
              "(CSV) or folder whose pictures ask; their keys must be known.")
@click.option("--part", "parts", multiple=True, help="Of a list: only this part; may be repeated.")
@click.option("-k", "k", type=int, default=5, show_default=True, help="Answers that count per query: map@k.")
@asking_options
@click.option("--beside", multiple=True, type=click.Path(path_type=Path), metavar="JSON", help="Figures of another "
              "descriptor to show beside: what `evaluate --format json` printed of a baseline; may be repeated.")
@click.option("--worst", type=click.IntRange(0, 500), default=20, show_default=True, help="Queries shown as contact "
              "sheets, at most.")
@click.option("--title", help="Headline of the report.")
@click.option("--lang", type=click.Choice(["fr", "en"]), default="en", show_default=True,
              help="Language of the report.")
@engine_option
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The report: an .html file.")
@click.option("--force", is_flag=True, help="Write over a report that is there.")
def command(
    index: str, tiles: Path | None, date: str | None, pictures: Path | None, parts: tuple[str, ...], lang: str,
    worst: int, out: Path, force: bool, **how: Any,
) -> None:
    """Write a report of how well INDEX finds the tiles of another date again: one HTML file that needs nothing else.

    Figures beside a baseline's, a map of hits and misses, the worst queries with their answers and why they failed,
    map@k by landscape and by change, confusion between places, hubs, scores, what changed between the dates, and where
    everything comes from. The file opens offline, from a mail attachment too, prints on A4 and stays below 10 MB. The
    figures are those of `georetrieval evaluate` with the same options.

    Of an index of pictures (--pictures) it says who is taken for whom, and shows the worst pictures. INDEX may also be
    the folder of a run on pictures: its tables and figures then become one file.

    \b
    Examples:
      georetrieval report town --tiles tiles/ --date 2019 -o town.html
      georetrieval report town --tiles tiles/ --date 2019 --lang fr --worst 40 -o town.fr.html
      georetrieval report town --tiles tiles/ --date 2019 --beside hog.json --scope 57 -o town-57.html --force
      georetrieval report oxen --pictures crops/pictures.csv --part test -o oxen.html
      georetrieval report runs/pairs -o pairs.html
    """
    from georetrieval.cli.queries import check_k, open_index

    check_k(how["k"])
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{out} must end in .html.")
    if out.exists() and not force:
        raise InputError(f"{out} exists already; choose another file or pass --force.")
    if _is_run(index):
        refuse_together("A run on pictures", {"--tiles": tiles, "--date": date, "--pictures": pictures, "--part": parts,
                                  **_given(how, ())}, "indexes")
        page = _of_run(Path(index), lang, how["title"])
    elif (store := open_index(index)).manifest.pictures is not None:
        refuse_together("An index of pictures", {"--tiles": tiles, "--date": date,
                        **_given(how, ("scopes", "model"))}, "tiles")
        page = _of_pictures(store, pictures, parts, lang, worst, **{name: how[name] for name in (
            "k", "scopes", "model", "title")})
    elif tiles is None or date is None or pictures is not None or parts:
        raise UsageError(f"{index} is an index of tiles, and its report needs the tiles that ask: give --tiles and "
                         "--date, without --pictures and --part.")
    else:
        page = _of_tiles(store, tiles, date, lang, worst, **how)
    _publish(out, page)


def _is_run(index: str) -> bool:
    from georetrieval.report.page.of_pictures import is_run

    try:
        return is_run(Path(index))
    except (OSError, ValueError):
        return False


def _given(how: dict[str, Any], but: tuple[str, ...]) -> dict[str, Any]:
    """Options about tiles that were given, by their name on the command line."""
    names = {"scopes": "--scope", "model": "--model", "filter_dates": "--filter-date", "bbox": "--bbox",
             "beside": "--beside"}
    plain = {"--query-bands": how["query_bands"] != "both", "--rerank": how["rerank"] != "none"}
    return {option: how[name] for name, option in names.items() if name not in but} | plain


def _of_run(folder: Path, lang: str, title: str | None) -> bytes:
    from georetrieval.report.page.of_pictures import run_report
    from georetrieval.report.page.words import Words

    return run_report(folder, Words(lang), title=title)


def _of_pictures(
    store: Any, pictures: Path | None, parts: tuple[str, ...], lang: str, worst: int, *, k: int,
    scopes: tuple[str, ...], model: str | None, title: str | None,
) -> bytes:
    from georetrieval.cli.bars import progress
    from georetrieval.report.page.of_list import asked, pictures_report
    from georetrieval.report.page.words import Words
    from georetrieval.search.row_source import called

    if pictures is None:
        raise UsageError(f"{store.path} is an index of pictures, and its report needs the pictures that ask: give "
                         "--pictures.")
    with progress() as report:
        answers = asked(store, pictures, parts=parts, scopes=scopes, model=model, k=k, progress=report)
    return pictures_report(answers, store, Words(lang), name=called(store.path), model=model, k=k, title=title,
                           worst=worst)


def _of_tiles(
    store: Any, tiles: Path, date: str, lang: str, worst: int, *, scopes: tuple[str, ...], k: int,
    model: str | None, query_bands: Part, filter_dates: tuple[str, ...], bbox: str | None, rerank: str,
    beside: tuple[Path, ...], title: str | None,
) -> bytes:
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import filter_of
    from georetrieval.geo.tileset import TileSet
    from georetrieval.report.page.of_index import evaluated
    from georetrieval.report.page.render import report_of
    from georetrieval.report.page.words import Words
    from georetrieval.search.row_source import called

    where, words = filter_of(filter_dates, (), bbox, exclude_self=True), Words(lang)
    name = called(store.path)
    told = {"--query-bands": query_bands if query_bands != "both" else "", "--filter-date": " ".join(filter_dates),
            "--bbox": bbox, "--rerank": rerank if rerank != "none" else ""}
    options = ", ".join(f"{option} {value}" for option, value in told.items() if value)
    with progress() as report:
        evaluation = evaluated(store, TileSet.open(tiles), date, scopes=scopes, k=k, model=model, part=query_bands,
                               where=where, rerank=rerank, name=name, beside=beside, options=options, progress=report,
                               title=title or words("title", index=name, date=date))
    return report_of(evaluation, words, worst=worst)


def _publish(out: Path, page: bytes) -> None:
    from georetrieval.files import publish

    publish(out, page)
    click.echo(f"{len(page) / 1e6:.1f} MB", err=True)
    click.echo(str(out))
