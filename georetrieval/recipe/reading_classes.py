"""Pictures are told their class: the key of the nearest row of their own scope, or "unknown"; streams raise alarms."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from georetrieval.errors import InputError, UsageError
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.reading_index import eye_of
from georetrieval.recipe.reading_pictures import listed, looked, told
from georetrieval.samples.images import SUFFIXES
from georetrieval.samples.listing import Listing
from georetrieval.search.gallery import Gallery
from georetrieval.search.outliers import Threshold
from georetrieval.search.row_source import Store
from georetrieval.search.verdicts import UNKNOWN, Verdict, judged, known_scope

POLL_S = 0.5


@dataclass(frozen=True)
class Alarm:
    """When a verdict raises an alarm: it is this key (or "unknown"), by at least this margin."""

    key: str
    min_margin: float = 0.0

    def raised(self, verdict: Verdict) -> bool:
        """Where there is no other key, nothing stands against it: any margin is enough."""
        return verdict.key == self.key and (verdict.margin is None or self.key == UNKNOWN
                                            or verdict.margin >= self.min_margin)


@dataclass(frozen=True)
class LeftOut:
    """An image that is not judged; the reason may be that of many others."""

    image: str
    reason: str


class Judge:
    """An index of pictures that says what images show.

    Parameters
    ----------
    store : the index
    model : instead of the one that the index names
    unknown : distance beyond which an answer is "unknown"; None is the one that the index was calibrated with, if any
    told : of how many keys the distance is told

    Raises
    ------
    InputError
        When it is an index of tiles.
    MismatchError
        When the model is another one.
    """

    def __init__(
        self, store: Store, *, model: str | None = None, unknown: float | None = None, told: int = 5
    ) -> None:
        self.told = told
        self.store, self.eye = store, eye_of(store, model)
        made = store.manifest.pictures
        assert made is not None
        self.crop = made.crop
        self.unknown = made.unknown
        if unknown is not None:
            if not unknown >= 0:
                raise UsageError(f"The distance of the unknown is 0 or more, and is {unknown:g}.")
            self.unknown = Threshold(min(unknown, np.finfo(np.float64).max), "given", 1.0, None, None, 0, 0)

    eye: Embedder

    @cached_property
    def gallery(self) -> Gallery:
        """The rows of the index."""
        return self.store.gallery()

    def require_key(self, key: str) -> None:
        """InputError unless the index has rows of this key ("unknown" is always one)."""
        known = sorted(set(self.gallery.descriptors.keys.tolist()))
        if key != UNKNOWN and key not in known:
            raise InputError(f"The index knows no key {key!r}; it knows {', '.join(known[:20])}.")

    def _require_a_choice(self, scope: str) -> None:
        """InputError where a scope has masks of one key only: whatever an image showed, it would be that key."""
        made, rows = self.store.manifest.pictures, self.gallery.descriptors
        if made is None or made.role != "mask":
            return
        keys = set(rows.keys[rows.scopes == scope].tolist())
        if len(keys) == 1:
            raise InputError(f"The scope {scope!r} has a mask of {keys.pop()!r} only, and an image is told by "
                             "the nearer of two or more; add the other mask with: georetrieval index add.")

    def judge(self, images: Listing) -> Iterator[tuple[dict[str, Any], Verdict] | LeftOut | str]:
        """A row and a verdict per image, in order; a sentence for each that could not be judged.

        `LeftOut` is for those whose scope the index does not know, which are often many.

        Rows: image, scope, key, distance, margin, distances (of some keys, nearest first), and truth and hit where the
        list says the key.
        """
        for part in looked(images, self.eye, crop=self.crop):
            yield from part.damaged
            if part.descriptors is None:
                continue
            scopes, fine = [], []
            for i, row in enumerate(part.rows):
                scopes.append("")
                try:
                    scopes[i] = known_scope(self.gallery, str(images.scopes[row]))
                    self._require_a_choice(scopes[i])
                    fine.append(i)
                except InputError as error:
                    yield LeftOut(str(images.paths[row]), str(error))
            asked = replace(part.descriptors, scopes=np.asarray(scopes)).take(fine)
            for i, verdict in zip(fine, judged(asked, self.gallery, self.unknown), strict=True):
                yield self._told(images, part.rows[i], verdict)

    def _told(self, images: Listing, row: int, verdict: Verdict) -> tuple[dict[str, Any], Verdict] | str:
        path, truth = images.paths[row], str(images.keys[row])
        if verdict.key is None:
            return f"{path} cannot be judged: its descriptor means nothing (a blank picture?)."
        number = {name: None if (value := getattr(verdict, name)) is None else round(value, 6)
                  for name in ("distance", "margin")}
        out = {"image": told(images, row), "scope": verdict.scope, "key": verdict.key, **number,
               "distances": {key: round(value, 6) for key, value in [*verdict.distances.items()][:self.told]}}
        if truth:
            here = truth in set(self.gallery.descriptors.keys.tolist())
            out |= {"truth": truth, "hit": verdict.key == (truth if here or self.unknown is None else UNKNOWN)}
        return out, verdict


def streamed(names: Iterable[str], scope: str | None) -> Iterator[Listing | str]:
    """A list of one picture for each file name; a sentence for one that is not there."""
    for name in names:
        if name.strip():
            try:
                yield listed([Path(name.strip())], scope=scope)
            except InputError as error:
                yield str(error)


def watched(folder: Path, *, every_s: float = POLL_S, idle_s: float | None = None) -> Iterator[str]:
    """Names of the pictures of a folder, those that are there and then new ones, each once its size stays the same.

    A picture that is written anew is named again: one that was taken half written, or the newest one of a camera that
    keeps one name for all.

    Parameters
    ----------
    every_s : seconds between two looks
    idle_s : end after so many seconds without anything new; None is never

    Raises
    ------
    InputError
        When there is no folder, or no longer.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder} to watch.")
    done: dict[Path, tuple[int, int]] = {}
    before: dict[Path, tuple[int, int]] = {}
    last = time.monotonic()
    while idle_s is None or time.monotonic() - last < idle_s:
        now = _sizes(folder)
        done = {path: size for path, size in done.items() if path in now}
        new = {path: size for path, size in now.items() if done.get(path) != size}
        ready = [path for path, size in new.items() if before.get(path) == size]
        for path in sorted(ready, key=lambda path: (now[path][1], path)):
            done[path] = now[path]
            yield str(path)
        last = time.monotonic() if any(before.get(path) != size for path, size in new.items()) or ready else last
        before = now
        time.sleep(every_s)


def _sizes(folder: Path) -> dict[Path, tuple[int, int]]:
    """Size and time of the pictures; one that vanishes meanwhile is left out."""
    found = {}
    try:
        inside = list(folder.iterdir())
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be watched any longer: {error.strerror or error}.") from error
    for path in inside:
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            try:
                state = path.stat()
            except FileNotFoundError:
                continue
            found[path] = (state.st_size, state.st_mtime_ns)
    return found
