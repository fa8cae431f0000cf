"""Indexes of pictures: built from a list, pictures added and removed, the distance of the unknown measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from georetrieval.errors import InputError
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe.build import load_eye
from georetrieval.recipe.canaries import of_pictures, require_eye
from georetrieval.recipe.reading_pictures import looked, members_of, side_of
from georetrieval.samples.listing import Listing
from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import Pictures
from georetrieval.search.outliers import Threshold, threshold
from georetrieval.search.picture_rows import added, build_pictures, change_pictures, without
from georetrieval.search.prototypes import RowsKind
from georetrieval.search.row_source import Store
from georetrieval.search.store import IndexStore, refuse_existing
from georetrieval.search.verdicts import nearest_distances, scopes_of

Size = tuple[int, int] | None


def index_pictures(
    path: Path, listing: Listing, model: str, *, rows: RowsKind = "each", role: str | None = None,
    parts: Sequence[str] = (), crop: bool = True, size: Size = None, replace: bool = False,
    created_by: str = "georetrieval", progress: Progress = silent,
) -> IndexStore:
    """Embed the pictures of a list and publish them as an index.

    Parameters
    ----------
    model : what `load_eye` takes
    rows : "each" picture, one "mean" per key (and scope), or several "prototypes" per key
    role : only "image" or "mask" rows of the list; by default masks where the list has any, else images
    parts : only these parts of the list ("train", "gallery")
    crop : cut out the boxes of the list
    size : (height, width) of the picture that a GeoJSON was drawn on

    Raises
    ------
    InputError
        When nothing is left to index, a picture is damaged or has no key, or there is an index already.
    """
    refuse_existing(path, replace)
    role = role or ("mask" if (listing.roles == "mask").any() else "image")
    chosen = listing.roles == role
    if parts:
        chosen &= np.isin(listing.parts, list(parts))
    if not chosen.any():
        what = f" of the part {' or '.join(parts)}" if parts else ""
        raise InputError(f"The list of {len(listing)} pictures has no {role}{what}; there is nothing to index.")
    eye = load_eye(model)
    members = members_of(listing.take(chosen), eye, crop=crop, size=size, progress=progress)
    about = About(
        model=model, fingerprint=eye.fingerprint(), px=side_of(eye), created_by=created_by,
        pictures=Pictures.model_validate({"rows": rows, "role": role, "crop": crop}),
        sources=({"pictures": str(listing.folder.resolve()), "parts": list(parts)},),
        **of_pictures(listing.take(chosen), eye, crop=crop, size=size),
    )
    return build_pictures(path, members, about, again=replace)


def eye_of(store: Store, model: str | None = None) -> Embedder:
    """The eye of an index of pictures, or another one that has to be the same, held against fingerprint and canaries.

    Raises
    ------
    InputError
        When it is an index of tiles, or there is no such model.
    MismatchError
        When it is another eye.
    """
    if store.manifest.pictures is None:
        raise InputError(f"{store.path} is an index of tiles, not of pictures; ask it with: georetrieval search.")
    eye = load_eye(model or store.manifest.model, px=store.manifest.px)
    require_eye(store, eye)
    return eye


def add_pictures(
    path: Path, listing: Listing, *, model: str | None = None, size: Size = None, created_by: str = "georetrieval",
    progress: Progress = silent,
) -> tuple[IndexStore, Descriptors]:
    """Add pictures to their keys, new ones among them, without any training; the rows of these keys are made again.

    Of a list with images and masks only those are taken that the index is made of.

    Returns
    -------
    The new version, and the descriptors that were added.

    Raises
    ------
    InputError
        When a picture is damaged, has no key, or is in the index already: then nothing is added.
    MismatchError
        When the model is not the index's.
    BusyError
        When another writer holds the index.
    """
    store = IndexStore.open(path)
    eye = eye_of(store, model)
    made = store.manifest.pictures
    assert made is not None
    chosen = listing.take(listing.roles == made.role)
    if len(chosen) == 0:
        raise InputError(f"The index is made of {made.role}s, and none is among the {len(listing)} pictures; give "
                         f"{made.role}s.")
    more = members_of(chosen, eye, crop=made.crop, size=size, progress=progress)
    _whole_scopes(store, more)

    seen = eye.fingerprint()
    return change_pictures(path, lambda members: added(members, more), created_by, fingerprint=seen), more


def remove_pictures(
    path: Path, keys: Sequence[str], scopes: Sequence[str], *, created_by: str = "georetrieval"
) -> tuple[IndexStore, int]:
    """Remove keys, scopes, or some keys of some scopes: the new version, and how many pictures were removed."""
    before = 0

    def change(members: Descriptors) -> Descriptors:
        nonlocal before
        before = len(members)
        return without(members, keys, scopes)

    store = change_pictures(path, change, created_by)
    return store, before - len(store.load_members()[0])


def calibrate_pictures(
    store: IndexStore, listing: Listing, *, model: str | None = None, keep: float | None = None,
    progress: Progress = silent,
) -> tuple[IndexStore, Threshold]:
    """Set the distance of the unknown on pictures of which it is known whether their key is in the index.

    Parameters
    ----------
    listing : images with keys; those whose key is not in the index are unknown
    keep : share of the known ones to keep; None is the greatest balanced accuracy where there are unknown ones

    Raises
    ------
    InputError
        When no picture has a key of the index, or all are damaged.
    """
    eye, gallery = eye_of(store, model), store.gallery()
    made = store.manifest.pictures
    assert made is not None
    images = listing.take(listing.roles == "image")
    known, unknown = [np.empty(0)], [np.empty(0)]
    for part in looked(images, eye, crop=made.crop):
        if part.descriptors is not None:
            away, familiar = nearest_distances(_in_scope(part.descriptors, scopes_of(gallery)), gallery)
            known.append(away[familiar])
            unknown.append(away[~familiar & np.isfinite(away)])
            progress(part.rows[-1] + 1, len(images), "looking")
    found = threshold(np.concatenate(known), np.concatenate(unknown), keep=keep)
    return store.with_changes({"pictures": made.model_copy(update={"unknown": found})}), found


def _in_scope(queries: Descriptors, scopes: list[str]) -> Descriptors:
    """The queries in the one scope "" of an index that has no scopes."""
    if scopes != [""]:
        return queries
    return Descriptors(queries.vectors, queries.keys, queries.names, np.full(len(queries), ""), queries.space)


def _whole_scopes(store: IndexStore, more: Descriptors) -> None:
    """InputError when pictures without scope come to an index with scopes, or the reverse."""
    held = bool((store.load()[0].scopes != "").any())
    bare = bool((more.scopes == "").any())
    if held and bare:
        raise InputError("Each row of this index belongs to a scope; give the pictures one (--scope, or the list's "
                         "column). Nothing was added.")
    if not held and not bool((more.scopes == "").all()):
        raise InputError("The rows of this index belong to no scope; leave --scope out. Nothing was added.")
