"""Which pictures of a list are trained on, which choose the best epoch, which ask, and whom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.recipe.schema_pictures import PictureSplit
from georetrieval.samples.listing import Listing

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """Pictures that are asked about, and those that may answer.

    Attributes
    ----------
    part
        Name in the table.
    queries, gallery
        Rows of the list.
    strangers
        Pictures whose key is not in the gallery, to be answered "unknown"; None where there are none.
    """

    part: str
    queries: Listing
    gallery: Listing
    strangers: Listing | None = None


@dataclass(frozen=True)
class Parts:
    """A list, divided.

    Attributes
    ----------
    train
        Images to train on.
    validation
        What the best epoch is chosen by; None without.
    test
        What is measured.
    masks
        All masks of the list.
    left_out
        Keys or scopes that are never trained on.
    besides
        The first row of the train part that is of another list (`pictures.also`); None without.
    """

    train: Listing
    validation: Question | None
    test: tuple[Question, ...]
    masks: Listing
    left_out: tuple[str, ...] = field(default=())
    besides: int | None = None


def divided(listing: Listing, split: PictureSplit, *, share: float = 1.0, seed: int = 1) -> Parts:
    """Divide a list as a recipe says.

    Parameters
    ----------
    share
        Of the train part that is kept, drawn by the seed, the same share of each scope and key.

    Raises
    ------
    UsageError
        When nothing is left to train on or to ask, or a key or scope that is left out is not in the list.
    """
    images = listing.take(listing.roles != "mask")
    masks = listing.take(listing.roles == "mask")
    parts = (_by_part if split.by in ("part", "scope") else _by_group)(images, masks, split)
    if len(parts.train) == 0 or not any(len(question.queries) for question in parts.test):
        raise UsageError(f"The split by {split.by} leaves {len(parts.train)} pictures to train on and "
                         f"{sum(len(question.queries) for question in parts.test)} to ask about; look at the columns "
                         "part and group of the list.")
    return parts if share == 1 else Parts(_share(parts.train, share, seed), parts.validation, parts.test, masks,
                                          parts.left_out)


def _by_part(images: Listing, masks: Listing, split: PictureSplit) -> Parts:
    unseen = _unseen(np.unique(images.scopes).tolist(), split, "scope") if split.by == "scope" else []
    new = np.isin(images.scopes, unseen)
    which = {name: images.parts == name for name in ("train", "validation", "test", "gallery")}
    gallery = images.take(which["gallery"] if which["gallery"].any() else which["train"] & ~new)
    gallery = masks if len(masks) else gallery
    judged = images.take(which["validation"] & ~new)
    test = [Question("test", images.take(which["test"] & ~new), gallery)]
    if unseen:
        test.append(Question("test, unseen scopes", images.take(which["test"] & new), gallery))
    test = [question for question in test if len(question.queries)]
    validation = Question("validation", judged, gallery) if len(judged) else None
    return Parts(images.take(which["train"] & ~new), validation, tuple(test), masks, tuple(unseen))


def _by_group(images: Listing, masks: Listing, split: PictureSplit) -> Parts:
    if not (images.groups != "").any():
        raise UsageError(f"The split by {split.by} takes the last group of each key to ask, but no picture has a "
                         "group; fill the column group, or say how it is found (pictures.group).")
    unseen = _unseen(np.unique(images.keys).tolist(), split, "key") if split.by == "key" else []
    new = np.isin(images.keys, unseen)
    last, before = _last_groups(images)
    held = ~new & before
    train = images.take(~new & ~last & ~before)
    known = images.take(~new & ~last)
    seen = Question("seen keys", images.take(~new & last), known, images.take(new) if unseen else None)
    validation = Question("validation", images.take(held), train) if held.any() else None
    if not unseen:
        return Parts(train, validation, (Question("test", seen.queries, known),), masks)
    others = images.take(new & ~last)
    every = images.take(~last)
    asked = images.take(new & last)
    test = (Question("unseen keys", asked, others), Question("unseen keys among all", asked, every), seen)
    return Parts(train, validation, test, masks, tuple(unseen))


def _last_groups(images: Listing) -> tuple[Mask, Mask]:
    """Rows of the last group of each key, and (where three or more are there) of the one before it."""
    last, before = np.zeros(len(images), np.bool_), np.zeros(len(images), np.bool_)
    for key in np.unique(images.keys):
        own = images.keys == key
        groups = sorted(set(images.groups[own].tolist()), key=natural)
        if len(groups) > 1:
            last |= own & (images.groups == groups[-1])
        if len(groups) > 2:
            before |= own & (images.groups == groups[-2])
    return last, before


def natural(text: str) -> list[tuple[int, str]]:
    """Order in which "t9" comes before "t10"."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _unseen(known: Sequence[str], split: PictureSplit, what: str) -> list[str]:
    names = sorted(known, key=natural)
    if isinstance(split.unseen, int):
        if split.unseen >= len(names):
            raise UsageError(f"The split leaves {split.unseen} of {len(names)} {what}s out; at least one stays to be "
                             "learnt.")
        return names[len(names) - split.unseen:]
    strange = sorted(set(split.unseen) - set(names))
    if strange:
        raise UsageError(f"The split leaves the {what} {strange[0]!r} out, which is not in the list.")
    return list(split.unseen)


def _share(train: Listing, share: float, seed: int) -> Listing:
    random = np.random.default_rng([seed, len(train)])
    kept = []
    about = np.asarray([f"{scope}\n{key}" for scope, key in zip(train.scopes, train.keys, strict=True)], np.str_)
    for name in np.unique(about):
        rows = np.flatnonzero(about == name)
        kept.append(random.permutation(rows)[:max(2, round(share * len(rows)))])
    return train.take(np.sort(np.concatenate(kept)))


def with_others(train: Listing, others: Sequence[Listing]) -> Listing:
    """A train part, and the train parts of other lists after it, each of these in a scope of its own.

    Files of the others are named by their whole paths.
    """
    folder = train.folder.resolve()
    own = [train, *(other.take((other.parts == "train") & (other.roles != "mask")) for other in others)]
    files = [np.asarray([str(path.resolve()) for path in part.paths] if place else part.files, np.str_)
             for place, part in enumerate(own)]
    scopes = [np.asarray([f"also {place}/{scope}" if place else scope for scope in part.scopes], np.str_)
              for place, part in enumerate(own)]
    keys, roles, parts, groups = (np.concatenate([getattr(part, name) for part in own])
                                  for name in ("keys", "roles", "parts", "groups"))
    return Listing(folder, np.concatenate(files), keys, np.concatenate(scopes), roles, parts, groups,
                   np.concatenate([part.boxes for part in own]))
