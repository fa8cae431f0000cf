"""The side of `georetrieval index` that is about pictures: build and calibrate from a list, add, remove."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.errors import UsageError

if TYPE_CHECKING:
    from georetrieval.samples.listing import Listing


def kept_model(model: str) -> str:
    """A model as an index remembers it: a path from the root, or the name of a baseline."""
    return str(Path(model).resolve()) if Path(model).exists() else model


def build_of_pictures(index: str, pictures: Path, model: str, *, replace: bool, **how: Any) -> None:
    """`index build --pictures`."""
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import index_path
    from georetrieval.recipe.reading_index import index_pictures
    from georetrieval.recipe.reading_pictures import listed

    with progress() as report:
        store = index_pictures(index_path(index), listed([pictures]), kept_model(model), replace=replace,
                               created_by="georetrieval index build", progress=report, **how)
    _told(store)


def calibrate_of_pictures(
    index: str, pictures: Path, *, parts: tuple[str, ...], keep: float | None, model: str | None
) -> None:
    """`index calibrate --pictures`."""
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import index_path
    from georetrieval.errors import InputError
    from georetrieval.recipe.reading_index import calibrate_pictures
    from georetrieval.recipe.reading_pictures import listed
    from georetrieval.search.store import IndexStore

    listing = listed([pictures])
    if parts:
        listing = listing.take([row for row, part in enumerate(listing.parts) if part in parts])
        if len(listing) == 0:
            raise InputError(f"{pictures} has no picture of the part {' or '.join(parts)}.")
    with progress() as report:
        store, found = calibrate_pictures(IndexStore.open(index_path(index)), listing, model=model, keep=keep,
                                          progress=report)
    apart = "" if found.auroc is None else f", {found.refused:.1%} of {found.unknown} unknown refused, AUROC " \
                                           f"{found.auroc:.3f}"
    click.echo(f"unknown beyond {found.distance:.6g}: {found.kept:.1%} of {found.known} known kept{apart}; version "
               f"{store.manifest.version}", err=True)
    click.echo(str(store.path))


def add_to_pictures(
    index: str, pictures: tuple[Path, ...], keys: tuple[str, ...], scope: str | None, *, size: tuple[int, int] | None,
    model: str | None,
) -> None:
    """`index add PICTURES`."""
    from georetrieval.cli.bars import progress
    from georetrieval.cli.queries import index_path
    from georetrieval.recipe.reading_index import add_pictures
    from georetrieval.search.store import IndexStore

    path = index_path(index)
    made = IndexStore.open(path).manifest.pictures
    listing = _to_add(pictures, keys, scope, role=made.role if made else "image")
    with progress() as report:
        store, more = add_pictures(path, listing, model=model, size=size[::-1] if size else None,
                                   created_by="georetrieval index add", progress=report)
    click.echo(f"{len(more)} pictures of {', '.join(sorted(set(more.keys.tolist())))} added", err=True)
    _told(store)


def remove_of_pictures(path: Path, keys: tuple[str, ...], scopes: tuple[str, ...]) -> None:
    """`index remove` of an index of pictures."""
    from georetrieval.recipe.reading_index import remove_pictures

    store, count = remove_pictures(path, keys, scopes, created_by="georetrieval index remove")
    click.echo(f"{count} pictures removed", err=True)
    _told(store)


def refuse_together(what: str, others: Mapping[str, object], about: str) -> None:
    """UsageError when `what` comes with something that is about tiles, or about pictures."""
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"{what} and {given[0]} do not go together: {given[0]} is about {about}.")


def _to_add(pictures: tuple[Path, ...], keys: tuple[str, ...], scope: str | None, *, role: str) -> Listing:
    """One list of what was typed; the role of what comes without a list is that of its index."""
    from georetrieval.recipe.reading_pictures import joined, listed

    pairs = [key.partition("=") for key in keys if "=" in key]
    plain = [key for key in keys if "=" not in key]
    if len(plain) > 1 or (plain and not pictures):
        raise UsageError("One --key KEY says what the pictures show; for several write --key KEY=FILE.")
    if not pairs and not pictures:
        raise UsageError("What is to be added? Give pictures, or --key KEY=FILE.")
    if any(not name or not file for name, _, file in pairs):
        raise UsageError(f"--key {keys[0]} is neither KEY nor KEY=FILE.")
    parts = [listed([path], key=plain[0] if plain else _folder_key(path), scope=scope, role=role) for path in pictures]
    parts += [listed([Path(file)], key=name, scope=scope, role=role) for name, _, file in pairs]
    return joined(parts)


def _folder_key(path: Path) -> str:
    """The key of a folder of pictures is its name; a single file has none."""
    return path.resolve().name if path.is_dir() else ""


def _told(store: Any) -> None:
    made, counts = store.manifest.pictures, store.manifest.counts
    pictures = sum(ref.rows for ref in made.members) if made.members else counts.tiles
    click.echo(f"{counts.tiles} rows ({made.rows}) of {pictures} pictures, {counts.failed} without a meaningful "
               f"descriptor left out; version {store.manifest.version}", err=True)
    click.echo(str(store.path))
