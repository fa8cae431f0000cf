"""`georetrieval index tune`: which kind of index answers soonest, measured on the rows at hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from georetrieval.cli.numbers import Within
from georetrieval.errors import UsageError

if TYPE_CHECKING:
    from georetrieval.search.store import IndexStore

AUTO, RECALL = "auto", 0.999
_F = TypeVar("_F", bound=Callable[..., Any])


def tune_options(command: _F) -> _F:
    """Give a command `--index` and `--recall`."""
    command = click.option(
        "--recall", type=Within(0, 1, min_open=True), default=RECALL, show_default=True,
        help="Share of the five exact answers that --index auto has to find.")(command)
    return click.option(
        "--index", "kind", default="auto", show_default=True, metavar="KIND", help="auto: the fastest that is measured "
        "to reach --recall; exact; or a factory string of FAISS, such as PQ64x4fs,RFlat.")(command)


def require_kind(kind: str) -> None:
    """UsageError, before anything is done, for a value of `--index` that can never be built."""
    if kind not in (AUTO, "exact"):
        from georetrieval.search.ann import require_readable

        require_readable(kind)


@click.command()
@click.argument("index")
@tune_options
def tune(index: str, kind: str, recall: float) -> None:
    """Choose how the index INDEX is searched, by what is measured on its rows.

    Two thousand rows ask the others: the answers of several kinds of index (all rows compared; short codes that propose
    rows; codes in lists) are held against the exact ones, and one query at a time is timed. `auto` takes the fastest
    that reaches the recall. Up to 20,000 rows all are compared, and nothing is measured. The vectors of the rows decide
    in every kind, and filters are exact; `search --exact` compares all rows, once.

    What was measured is shown by `index info`. The codes lie in INDEX/ann; they are made of the rows, checked before
    they are used, and never exported. `index build` and `index import` do this by themselves; afterwards `add`,
    `remove`, `compact` and `repair` do.

    \b
    Examples:
      georetrieval index tune town
      georetrieval index tune town --recall 0.95
      georetrieval index tune town --index exact
      georetrieval index tune town --index PQ64x4fs,RFlat
    """
    from georetrieval.cli.queries import index_path
    from georetrieval.search.store import IndexStore

    store = IndexStore.open(index_path(index))
    if store.manifest.pictures is not None:
        raise UsageError(f"{index} is an index of pictures, whose rows are always compared exactly; nothing is to be "
                         "chosen.")
    tuned(store, kind, recall, aloud=True)
    click.echo(str(store.path))


def tuned(store: IndexStore, kind: str, recall: float, *, aloud: bool = False) -> None:
    """Choose the kind of index of a version and say on stderr what was taken; nothing where there is no choice."""
    from georetrieval.search.choosing import SMALL, told
    from georetrieval.search.kept_ann import tune as chosen

    if kind == AUTO and store.manifest.counts.tiles <= SMALL and not aloud:
        return
    store, (rows, _) = store.load_current()
    click.echo(told(chosen(store.path, store.name, store.manifest, rows, asked=kind, recall=recall)), err=True)


def asked_before(path: Path) -> tuple[str, float] | None:
    """The kind and recall that were asked for the version that is current; None where nobody can tell."""
    from georetrieval.errors import InputError, StoreError
    from georetrieval.search.kept_ann import read_record
    from georetrieval.search.store import IndexStore

    try:
        record = read_record(path, IndexStore.open(path).manifest, any_faiss=True)
    except (InputError, StoreError):
        return None
    return None if record is None else (record.asked, record.recall)


def after_repair(store: IndexStore, before: tuple[str, float] | None) -> None:
    """Choose again, as `before`, where the version that is now current is a new one or lost its choice."""
    from georetrieval.search.kept_ann import read_record

    if store.manifest.pictures is not None or read_record(store.path, store.manifest) is not None:
        return
    try:
        tuned(store, *(before or (AUTO, RECALL)))
    except UsageError:  # the rows that are left are too few for the kind that was asked for
        tuned(store, AUTO, RECALL)


def after_change(store: IndexStore) -> None:
    """Choose again after rows came or went, as was asked for the version before."""
    from georetrieval.search.choosing import told
    from georetrieval.search.kept_ann import retune

    choice = retune(store.path, store.name, store.manifest, lambda: store.load()[0])
    if choice is not None:
        click.echo(told(choice), err=True)
