"""`georetrieval sources`: the files that tiles and indexes are made from, and their checksums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from georetrieval.cli.output import format_option, write_rows
from georetrieval.errors import InputError

PATH = click.Path(path_type=Path)
_TOLD = 5
_COLUMNS = ("scope", "date", "kind", "name", "bytes", "sha256")


@click.group()
def command() -> None:
    """Write, compare and show checksums of sheets and vectors.

    A sheet of aerial photography has no checksum of its own: a flipped bit or a lost page is read as a picture. Write a
    list once, while the files are known to be good, or take the one that came with them; `sources check`, `tiles build`
    and `index build` then notice what changed since.

    \b
    Examples:
      georetrieval sources sums ORTHO-2019 -o ORTHO-2019.sha256
      georetrieval sources check ORTHO-2019 --sums ORTHO-2019.sha256
      georetrieval sources list tiles
    """


@command.command("sums")
@click.argument("path", type=PATH)
@click.option("-o", "--out", type=PATH, help="Write the list here instead of to stdout.")
def write_sums(path: Path, out: Path | None) -> None:
    """Write the checksums of every sheet, vector file and archive at or below PATH.

    The list is that of `sha256sum`: a SHA-256 and a name relative to PATH on each line, so that
    `cd PATH && sha256sum --check LIST` understands it too. World files, overviews and masks beside sheets, and all
    parts of a shapefile, are listed with them.

    \b
    Examples:
      georetrieval sources sums ORTHO-2019 -o ORTHO-2019.sha256
      georetrieval sources sums BDTOPO-2019 > BDTOPO-2019.sha256
    """
    from georetrieval.cli.bars import progress
    from georetrieval.files import publish
    from georetrieval.geo.source_files import all_files
    from georetrieval.geo.sums import file_sum, line_of

    files = all_files(path)
    lines: list[str] = []
    folder = path if path.is_dir() else path.parent
    with progress() as report:
        for number, file in enumerate(files, 1):
            lines.append(line_of(file.relative_to(folder).as_posix(), file_sum(file)[0].sha256))
            report(number, len(files), "checksums")
    data = "".join(lines).encode(errors="surrogateescape")
    if out is None:
        click.echo(data, nl=False)
    else:
        publish(out, data)
        click.echo(f"{len(files)} files listed in {out}", err=True)


@command.command("check")
@click.argument("path", type=PATH)
@click.option("--sums", "listed", type=PATH, required=True, help="List of checksums: SHA-256 or MD5.")
@format_option()
def check(path: Path, listed: Path, format_: str) -> None:
    """Compare the files at or below PATH with a list of checksums.

    Printed is every file that differs, is not in the list, or is in it and gone. The exit code is 2 when there is any.
    Names of the list may begin at any folder above a file, so a list for a whole delivery serves for a part of it.

    \b
    Examples:
      georetrieval sources check ORTHO-2019 --sums ORTHO-2019.sha256
      georetrieval sources check BDTOPO-2019 --sums BDTOPO-2019.md5 --format json
    """
    from georetrieval.cli.bars import progress
    from georetrieval.geo.source_files import all_files, missing
    from georetrieval.geo.sums import Sums

    listing, files = Sums.read(listed), all_files(path)
    words = {"bytes": "differs", "listed": "not in the list"}
    rows = []
    with progress() as report:
        for number, file in enumerate(files, 1):
            if problem := listing.compare(file)[1]:
                rows.append({"file": str(file), "state": words[problem]})
            report(number, len(files), "checksums")
    rows += [{"file": str(file), "state": "gone"} for file in missing(listing, files, [path])]
    if rows or format_ != "table":
        write_rows(rows, format_, title=str(path))
    if rows:
        told = ", ".join(row["file"] for row in rows[:_TOLD])
        more = f" and {len(rows) - _TOLD} more" if len(rows) > _TOLD else ""
        raise InputError(f"{len(rows)} files at {path} are not as {listed} says: {told}{more}; fetch them again.")
    click.echo(f"{len(files)} files are as {listed} says", err=True)


@command.command("list")
@click.argument("made", type=PATH, metavar="TILES|INDEX")
@format_option()
def list_(made: Path, format_: str) -> None:
    """List the files that a tile set or an index was made from.

    One row per file: département, date, what it is, its name, bytes and SHA-256 when it was read. Names are relative to
    the folder that was given as --photos or --vectors. Tiles and indexes that were made by older versions have no such
    list.

    \b
    Examples:
      georetrieval sources list tiles
      georetrieval sources list indexes/town --format csv
    """
    rows = [{name: {**survey, **file}.get(name) for name in _COLUMNS}
            for survey in _surveys(made) for file in survey.get("files") or () if isinstance(file, dict)]
    if not rows:
        raise InputError(f"{made} does not say what files it was made from; an older version made it, or not from "
                         "surveys.")
    write_rows(rows, format_, title=str(made))


def _surveys(made: Path) -> Sequence[Mapping[str, Any]]:
    """What a tile set or an index says of its surveys."""
    from georetrieval.cli.queries import index_path
    from georetrieval.geo.tileset import MANIFEST, TileSet
    from georetrieval.search.store import IndexStore

    if (made / MANIFEST).is_file():
        return TileSet.open(made).surveys
    return IndexStore.open(index_path(str(made))).manifest.sources
