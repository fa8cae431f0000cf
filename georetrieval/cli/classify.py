"""`georetrieval classify`: the nearest key of an index of pictures, for images and for streams of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.engine import engine_option
from georetrieval.cli.numbers import Within
from georetrieval.cli.output import format_option, write_rows
from georetrieval.errors import ALARM, GapsError, InputError, UsageError

if TYPE_CHECKING:
    from georetrieval.recipe.reading_classes import Alarm, Judge, LeftOut
    from georetrieval.samples.listing import Listing


@click.command()
@click.argument("index")
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--scope", help="Judge by the rows of this scope; needed where the index has several and the images are "
              "not from a list that says theirs.")
@click.option("--unknown", type=float, metavar="DISTANCE", help='Say "unknown" beyond this distance; by default what '
              "`index calibrate --pictures` has measured, if it was asked.")
@click.option("-k", "k", type=click.IntRange(1), default=5, show_default=True, help="Tell the distances of so many "
              "keys, nearest first.")
@click.option("--alarm", metavar="KEY", help='Write JSON lines and end with 10 when an image is KEY (or "unknown").')
@click.option("--min-margin", type=Within(min=0), default=0.0, show_default=True, help="Of an alarm: the "
              "next key has to be so much farther away.")
@click.option("--watch", type=click.Path(path_type=Path), metavar="FOLDER", help="Judge the pictures of FOLDER and "
              "then every new one, until Ctrl-C.")
@click.option("--every", type=Within(0.01, 3600), default=0.5, show_default=True, help="Seconds between two "
              "looks at the folder.")
@click.option("--idle", type=Within(min=0), help="End --watch after so many seconds without a new picture.")
@click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it.")
@engine_option
@format_option()
def command(
    index: str, images: tuple[str, ...], scope: str | None, unknown: float | None, k: int,
    alarm: str | None, min_margin: float, watch: Path | None, every: float, idle: float | None, model: str | None,
    format_: str,
) -> int:
    """Say of each IMAGE which key of INDEX is nearest.

    An IMAGE is a picture, a folder of them, a list (pictures.csv), or "-" for file names on stdin. Each is compared
    with the rows of its own scope (the two masks of its own place, say); an image of a scope that the index does not
    know is refused. The answer has the distance to the nearest keys, and the margin between the first two.

    With --alarm, --watch or "-" each answer is one line of JSON as soon as it is there. A picture of a watched folder
    that is written anew is judged again. Damaged images and images of
    unknown scope are told on stderr and the rest goes on. Exit codes: 10 an alarm was raised, 3 images were left out,
    2 none could be judged, 130 stopped by Ctrl-C; what was written is kept.

    \b
    Examples:
      georetrieval classify masks photo.png --scope north
      georetrieval classify oxen crops/ --unknown 0.4 --format csv
      georetrieval classify masks --watch incoming/ --scope north --alarm open --min-margin 0.2
      georetrieval classify masks - --scope north --alarm open < names.txt
    """
    from georetrieval.cli.queries import open_index
    from georetrieval.recipe.reading_classes import Alarm, Judge

    if bool(images) == (watch is not None):
        raise UsageError("What is to be judged? Give images, or --watch FOLDER, one of both.")
    judge = Judge(open_index(index), model=model, unknown=unknown, told=k)
    if alarm is not None:
        judge.require_key(alarm)
    bell = None if alarm is None else Alarm(alarm, min_margin)
    live = bell is not None or watch is not None or images == ("-",)
    if live and format_ not in ("table", "jsonl"):
        raise UsageError(f"A stream is written as JSON lines, not as {format_}; leave --format out.")
    _require_scope(judge, scope, watch)
    lists = _asked(judge, images, watch, scope, every, idle)
    return _answered(judge, lists, bell, "jsonl" if live else format_)


def _require_scope(judge: Judge, scope: str | None, watch: Path | None) -> None:
    """A scope that is not there, or is missing where pictures cannot say theirs, is refused before any is looked at."""
    from georetrieval.search.verdicts import known_scope

    if scope or watch is not None:
        known_scope(judge.gallery, scope or "")


def _asked(
    judge: Judge, images: tuple[str, ...], watch: Path | None, scope: str | None, every: float, idle: float | None
) -> Iterator[Listing | str]:
    from georetrieval.recipe.reading_classes import streamed, watched
    from georetrieval.recipe.reading_pictures import listed
    from georetrieval.search.verdicts import known_scope

    if watch is not None:
        yield from streamed(watched(watch, every_s=every, idle_s=idle), scope)
    elif images == ("-",):
        yield from streamed(sys.stdin, scope)
    else:
        found = listed([Path(image) for image in images], scope=scope)
        found = found.take(found.roles == "image")
        if len(found) and not (found.scopes != "").any():
            known_scope(judge.gallery, "")  # one sentence for all, in place of one for each
        yield found


def _answered(judge: Judge, lists: Iterator[Listing | str], bell: Alarm | None, format_: str) -> int:
    """Write answers, at the end or as they come: 10 after an alarm, 0 else; GapsError when images were left out."""
    rows: list[dict[str, Any]] = []
    left, raised, count = 0, 0, 0
    hits: list[bool] = []
    reasons: set[str] = set()
    try:
        for answer in _answers(judge, lists):
            if not isinstance(answer, tuple):
                left += 1
                click.echo(f"left out: {' '.join(_why(answer, reasons).split())}", err=True)
                continue
            row, verdict = answer
            count += 1
            hits += [row["hit"]] if "hit" in row else []
            if bell is not None:
                row["alarm"] = bell.raised(verdict)
                raised += row["alarm"]
            if format_ == "jsonl":
                click.echo(json.dumps(row, ensure_ascii=False))
            else:
                rows.append(row)
    finally:
        if format_ != "jsonl" and rows:
            rows = _same_columns(rows)
            write_rows([_in_words(row) for row in rows] if format_ == "table" else rows, format_)
    if hits:
        click.echo(f"{sum(hits)} of {len(hits)} images of known key are right ({sum(hits) / len(hits):.2%})", err=True)
    if raised:
        click.echo(f"alarm: {raised} of {count} images", err=True)
        return ALARM
    if left and not count:
        raise InputError(f"None of the {left} images could be judged; see above.")
    if left:
        raise GapsError(f"{left} of {left + count} images were left out; see above.")
    return 0


def _why(left: LeftOut | str, told: set[str]) -> str:
    """Why an image is left out; a reason that was told already is not told again."""
    if isinstance(left, str):
        return left
    known = left.reason in told
    told.add(left.reason)
    return f"{left.image}: {'as before' if known else left.reason}"


def _answers(judge: Judge, lists: Iterator[Listing | str]) -> Iterator[Any]:
    for images in lists:
        if isinstance(images, str):
            yield images
        else:
            yield from judge.judge(images)


def _in_words(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"distances": ", ".join(f"{key} {distance:.4g}" for key, distance in row["distances"].items())}


def _same_columns(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return [{name: row.get(name) for name in names} for row in rows]
