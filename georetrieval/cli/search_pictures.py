"""The side of `georetrieval search` that asks an index of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from georetrieval.cli.output import FORMATS, write_rows
from georetrieval.errors import GapsError, InputError, UsageError

if TYPE_CHECKING:
    from georetrieval.search.gallery import Filter
    from georetrieval.search.row_source import Store


def search_pictures(
    store: Store, queries: tuple[str, ...], k: int, *, scopes: tuple[str, ...], model: str | None, format_: str,
    out: Path | None, others: Mapping[str, Any], exclude_self: bool = False,
) -> None:
    """Write the k nearest rows of each picture.

    Parameters
    ----------
    others : options that are about tiles; none of them may be set
    exclude_self : leave out the row that is the picture itself
    """
    given = [name for name, value in others.items() if value]
    if given:
        raise UsageError(f"{given[0]} is about tiles, and {store.path} is an index of pictures; leave it out.")
    if format_ not in FORMATS:
        raise UsageError(f"The format {format_} needs shapes on the ground, which pictures do not have.")
    from georetrieval.search.gallery import Filter

    made = store.manifest.pictures
    if exclude_self and made is not None and made.rows != "each":
        raise UsageError(f"--exclude-self leaves out the row that is the picture itself; the rows of {store.path} are "
                         f"made of several pictures each ({made.rows}). Build it with --rows each.")
    rows, left = _answers(store, queries, k, Filter(scopes=scopes, exclude_self=exclude_self), model)
    if not rows:
        raise InputError(f"None of the pictures was answered: {left[0] if left else 'the filters leave no row'}")
    if out is None:
        write_rows(rows, format_)
    else:
        _write(rows, format_, out)
    if left:
        for sentence in left:
            click.echo(f"left out: {' '.join(sentence.split())}", err=True)
        raise GapsError(f"{len(left)} pictures were left out; see above.")


def _answers(
    store: Store, queries: tuple[str, ...], k: int, where: Filter, model: str | None
) -> tuple[list[dict[str, Any]], list[str]]:
    from dataclasses import replace

    import numpy as np

    from georetrieval.recipe.reading_index import eye_of
    from georetrieval.recipe.reading_pictures import listed, looked, rows_names, told

    images = listed([Path(query) for query in queries])
    images = images.take(images.roles == "image")
    eye, gallery, made = eye_of(store, model), store.gallery(), store.manifest.pictures
    assert made is not None
    rows, left, names = list[dict[str, Any]](), list[str](), images.names
    own = rows_names(images, gallery.descriptors) if where.exclude_self else np.asarray(names)
    for part in looked(images, eye, crop=made.crop):
        left += part.damaged
        if part.descriptors is None:
            continue
        matches = gallery.search(replace(part.descriptors, names=own[list(part.rows)]), k, where=where)
        silent = np.setdiff1d(np.arange(len(part.rows)), matches.query_rows)
        left += [f"{names[part.rows[row]]} has no meaningful descriptor." for row in silent]
        for match in matches:
            place = part.rows[int(matches.query_rows[match.query])]
            known = bool(images.keys[place])
            rows.append({
                "query": told(images, place), "rank": match.rank, "key": str(matches.gallery_keys[match.row]),
                "scope": str(gallery.descriptors.scopes[match.row]), "score": round(match.score, 6),
                "hit": match.hit if known else None, "row": str(matches.gallery_names[match.row])})
    return rows, left


def _write(rows: list[dict[str, Any]], format_: str, out: Path) -> None:
    import contextlib
    import io

    from georetrieval.files import publish

    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        write_rows(rows, format_)
    publish(out, text.getvalue().encode())
