"""Looking after an index: `georetrieval index compact`, `verify` and `repair`."""

from __future__ import annotations

import rich_click as click

from georetrieval.cli.index_tune import after_change, after_repair, asked_before
from georetrieval.cli.output import format_option


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
        after_change(after)
    click.echo(str(after.path))


@click.command()
@click.argument("index")
@click.option("--model", metavar="RUN", help="Model, if it is not where the index remembers it.")
@format_option()
def verify(index: str, model: str | None, format_: str) -> None:
    """Read every byte of the index INDEX again.

    Checks CURRENT, and of every version that is still there the hash of its manifest and of its segments, the number of
    rows, the vectors and the tile ids. All that is wrong is listed, and the exit code is 2 when anything is. The index
    need not be whole for it.

    Where the model is at hand it looks again at the pictures that are kept with the index (canaries): a model that is
    another one, or sees them differently, ends with exit code 4, as it would before the first answer of a search.

    \b
    Examples:
      georetrieval index verify town
      georetrieval index verify town --model hog
      georetrieval index verify town --format json
    """
    from dataclasses import asdict

    from georetrieval.cli.output import write_value
    from georetrieval.cli.queries import index_path
    from georetrieval.errors import MismatchError, StoreError
    from georetrieval.search.checking import verify as verified

    check = verified(index_path(index))
    told = {"index": index, "whole": not check.problems, **asdict(check)}
    told["canaries"] = check.canaries or "none kept: the index was built before"
    other = None
    if not check.problems:
        try:
            told["model"] = _model(index, model)
        except MismatchError as error:
            told["model"], other = "another one, or one that sees differently", error
    write_value(told, format_)
    if other is not None:
        raise other
    if check.problems:
        raise StoreError(f"{len(check.problems)} problems, the first: {check.problems[0]} See what can be saved with: "
                         "georetrieval index repair --dry-run.")


def _model(index: str, model: str | None) -> str:
    """What the model at hand is to the index."""
    from georetrieval.cli.index_pictures import kept_model
    from georetrieval.cli.queries import index_path
    from georetrieval.errors import InputError
    from georetrieval.recipe.build import load_eye
    from georetrieval.recipe.canaries import require_eye
    from georetrieval.search.store import IndexStore

    store = IndexStore.open(index_path(index))
    m = store.manifest
    try:
        eye = load_eye(kept_model(model) if model else m.model, legend_digest=m.legend_digest, px=m.px)
    except InputError:
        if model is not None:
            raise
        return f"{m.model} is not at hand"
    require_eye(store, eye)
    return "the one that built the index"


@click.command()
@click.argument("index")
@click.option("--salvage", is_flag=True, help="Where the newest version has damaged segments, keep its other rows "
              "instead of going back to an older version.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@format_option()
def repair(index: str, salvage: bool, dry_run: bool, format_: str) -> None:
    """Make the newest whole version of the index INDEX the current one.

    Works whatever is damaged: CURRENT, a manifest, a segment. A version is whole when its manifest and all its segments
    have the hashes in their names. Damaged files are listed and moved to INDEX/damaged; no row is ever made up. The
    exit code is 3 when the current version is then not all that there was. After --salvage, `index add` with the same
    tiles embeds only those that were lost. How the version is searched is measured again where that is lost too.

    \b
    Examples:
      georetrieval index repair town --dry-run
      georetrieval index repair town
      georetrieval index repair town --salvage
    """
    from dataclasses import asdict

    from georetrieval.cli.output import write_value
    from georetrieval.cli.queries import index_path
    from georetrieval.errors import GapsError
    from georetrieval.search.repairing import repair as repaired
    from georetrieval.search.store import IndexStore

    before = asked_before(index_path(index))
    done = repaired(index_path(index), salvage=salvage, dry_run=dry_run, created_by="georetrieval index repair")
    write_value({"index": index, "dry_run": dry_run, **asdict(done)}, format_)
    if done.problems and not dry_run:
        after_repair(IndexStore.open(index_path(index)), before)
    if not done.problems:
        click.echo("The index is whole; there is nothing to repair.", err=True)
    if done.unproved:
        click.echo("The pictures that prove which model built the index are lost; its fingerprint is all that is left. "
                   "Build it again to have both.", err=True)
    if done.lost:
        held = "an unknown number of" if done.rows_before is None else str(done.rows_before)
        what = "would be" if dry_run else "is now"
        made = f"what is left of version {done.version_before}" if done.salvaged else "an older one"
        raise GapsError(f"Version {done.version}, {made}, {what} current: {done.rows} rows, where version "
                        f"{done.version_before} held {held}.")
