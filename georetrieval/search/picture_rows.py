"""Indexes of pictures: rows are made of members, and members come and go without any other row being lost.

The pictures of a key are kept beside the row (or rows) made of them, so that a mean or the prototypes are made again,
from all of them, whenever a picture is added to their key or taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from georetrieval import files
from georetrieval.errors import InputError
from georetrieval.search.building import About, Builder
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import CURRENT, Pictures
from georetrieval.search.prototypes import rows_of
from georetrieval.search.store import IndexStore, refuse_existing


def build_pictures(path: Path, members: Descriptors, about: About, *, again: bool = False) -> IndexStore:
    """Publish the rows that `about.pictures` asks for, made of these pictures.

    Parameters
    ----------
    members : names fit a store (`row_id`)
    about : with `pictures`
    again : publish a new version of an index that exists

    Raises
    ------
    InputError
        When there is an index already (and not `again`), a name comes twice, or nothing is left of the pictures.
    BusyError
        When another writer holds the index.
    """
    path = Path(path)
    refuse_existing(path, again)
    with files.locked(path / ".lock"):
        refuse_existing(path, again)
        parent = IndexStore.open(path).name if (path / CURRENT).exists() else None
        return _written(path, members, about, parent)


def change_pictures(
    path: Path, change: Callable[[Descriptors], Descriptors], created_by: str, *,
    fingerprint: Mapping[str, Any] | None = None,
) -> IndexStore:
    """Publish a new version whose pictures are `change(pictures of the current version)`, rows made again of them.

    Current is what is there once the lock is held, so that of two writers none undoes what the other has done. The
    distance of the unknown stays, a calibration does not.

    Parameters
    ----------
    fingerprint : of the eye that saw new pictures

    Raises
    ------
    MismatchError
        When that is not the index's.
    InputError
        When there is no index of pictures, or nothing is left of it.
    BusyError
        When another writer holds the index.
    """
    path = Path(path)
    IndexStore.open(path)  # says what is wrong before a lock is made
    with files.locked(path / ".lock"):
        store = IndexStore.open(path)
        if fingerprint is not None:
            store.require(fingerprint)
        members = change(store.load_members()[0])
        m = store.manifest
        about = About(model=m.model, fingerprint=m.fingerprint, legend_digest=m.legend_digest, px=m.px,
                      sources=tuple(m.sources), canaries=tuple(tuple(vector) for vector in m.canaries),
                      canary_file=m.canary_file,
                      pictures=m.pictures, created_by=created_by)
        return _written(path, members, about, store.name)


def added(members: Descriptors, more: Descriptors) -> Descriptors:
    """Both together.

    Raises
    ------
    InputError
        When a picture is there already.
    """
    twice = sorted(set(members.names.tolist()) & set(more.names.tolist()))
    if twice:
        where = int(np.flatnonzero(more.names == twice[0])[0])
        raise InputError(f"{len(twice)} of the pictures are in the index already, the first is {twice[0]} of "
                         f"{_who(str(more.keys[where]), str(more.scopes[where]))}; nothing was added.")
    return Descriptors.concatenate([members, more])


def without(members: Descriptors, keys: Sequence[str], scopes: Sequence[str]) -> Descriptors:
    """The pictures without those of these keys, of these scopes, or where both are given of these keys there.

    Raises
    ------
    InputError
        When a key or scope is not there, or nothing would be left.
    """
    gone = np.ones(len(members), np.bool_)
    for what, asked, held in (("key", keys, members.keys), ("scope", scopes, members.scopes)):
        known = sorted(set(held.tolist()))
        missing = sorted(set(asked) - set(known))
        if missing:
            raise InputError(f"The index holds no {what} {missing[0]!r}; it holds {_some(known)}. Nothing was removed.")
        gone &= np.isin(held, list(asked)) if asked else True
    if not gone.any():
        raise InputError(f"No picture of {' or '.join(keys)} is of {' or '.join(scopes)}. Nothing was removed.")
    if gone.all():
        raise InputError("Nothing would be left in the index; remove its folder instead.")
    return members.take(~gone)


def _written(path: Path, members: Descriptors, about: About, parent: str | None) -> IndexStore:
    """Publish members by their names, so that their order says nothing; rows, manifest; the lock is held."""
    members = members.take(np.argsort(members.names, kind="stable"))
    asked = about.pictures
    if asked is None:
        raise InputError("An index of pictures has to know what its rows are.")
    rows, kept = Builder(path), Builder(path)
    failed = len(members) - int(members.valid.sum())
    if asked.rows == "each":
        rows.add(members, _attributes(members))
    else:
        kept.add(members, _attributes(members))
        made = rows_of(members, asked.rows)
        if len(made):
            rows.add(made, _attributes(made))
        rows.failed = failed
    told = Pictures(rows=asked.rows, role=asked.role, crop=asked.crop, members=kept.refs, unknown=asked.unknown)
    store = IndexStore.commit(path, rows, replace(about, pictures=told), parent)
    store.sweep()
    return store


def _attributes(descriptors: Descriptors) -> pa.Table:
    return pa.table({"date": pa.array([""] * len(descriptors), pa.string())})


def _who(key: str, scope: str) -> str:
    return f"{key} ({scope})" if scope else key


def _some(known: Sequence[str]) -> str:
    return ", ".join(known[:10]) + (f" and {len(known) - 10} more" if len(known) > 10 else "")
