"""One question of the page answered: by a tile, by a picture, or by examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from georetrieval.errors import InputError
from georetrieval.maps import Rectangles
from georetrieval.recipe.nearness import apart, depth_of
from georetrieval.samples.overlap import steps_of
from georetrieval.search.confidence import DEPTH, confidence, without
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter
from georetrieval.search.matches import Matches
from georetrieval.serve.examples import moved
from georetrieval.serve.looking import placed
from georetrieval.serve.replies import RefusedError
from georetrieval.serve.shown import Shown
from georetrieval.serve.uploads import Upload, Uploads

Row = Annotated[int, Field(ge=0, le=10**9)]
Text = Annotated[str, Field(max_length=64)]
Degrees = Annotated[float, Field(ge=-1e6, le=1e6)]


class Body(BaseModel):
    """What is asked; numbers are rows of `TileRows`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    tile: Row | None = None
    like: list[Row] = Field(default=[], max_length=50)
    unlike: list[Row] = Field(default=[], max_length=50)
    upload: Text | None = None
    piece: Row = 0
    k: int = Field(default=10, ge=1, le=100)
    dates: list[Text] | None = Field(default=None, max_length=200)
    scopes: list[Text] | None = Field(default=None, max_length=200)
    bbox: list[Degrees] | None = Field(default=None, min_length=4, max_length=4)
    exclude_self: bool = True
    beyond_m: Annotated[float, Field(gt=0, le=1e7)] | None = None

    @classmethod
    def read(cls, data: bytes | str) -> Body:
        """From JSON; InputError with the first thing that is wrong with it."""
        try:
            body = cls.model_validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            place = ".".join(str(part)[:40] for part in first["loc"]) or "the question"
            raise InputError(f"The question is not understood: {place}: {first['msg']}.") from error
        if body.tile is not None and body.upload is not None:
            raise InputError("A question is about a tile or about a picture, not both.")
        if body.tile is None and body.upload is None and not body.like:
            raise InputError("Nothing is asked: name a tile, a picture, or what the answers should be like.")
        return body

    @property
    def link(self) -> str | None:
        """Address of a page that asks this again; None for pictures, which cannot be linked."""
        if self.upload is not None:
            return None
        plain = self.model_dump(exclude_defaults=True)
        return f"/#v=1&q={quote(json.dumps(plain, separators=(',', ':'), ensure_ascii=False))}"


@dataclass(frozen=True, eq=False)
class Asked:
    """One descriptor, where it is of, and what it is called.

    Attributes
    ----------
    bounds : (1, 4) float64, NaN where the place is not known
    pieces : names of all queries that the picture holds
    """

    rows: Descriptors
    bounds: Rectangles
    kind: str
    name: str
    n: int | None = None
    notes: tuple[str, ...] = ()
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Found:
    """The question and its answers: `matches` of one query, or of none when nothing may answer."""

    asked: Asked
    matches: Matches
    confidence: float | None

    def as_dict(self, body: Body) -> dict[str, Any]:
        """What the page is told."""
        known = bool(np.isfinite(self.asked.bounds).all())
        query = {"kind": self.asked.kind, "n": self.asked.n, "name": self.asked.name, "pieces": list(self.asked.pieces)}
        return {
            "query": query, "confidence": self.confidence, "notes": list(self.asked.notes), "link": body.link,
            "matches": [{"n": m.row, "rank": m.rank, "score": round(m.score, 6), "hit": m.hit if known else None}
                        for m in self.matches],
        }


def search(shown: Shown, uploads: Uploads, body: Body) -> Found:
    """Answer one question; what was given as an example is no answer to it.

    Raises
    ------
    RefusedError, InputError, MismatchError
        When a tile or picture is not there, has no meaningful descriptor, or cannot be looked at.
    """
    asked = _with_examples(shown, body, _asked(shown, uploads, body))
    if not asked.rows.valid.all():
        raise InputError(f"{asked.name} has no meaningful descriptor: nothing is on it, or its examples cancel out.")
    tiles = shown.tiles
    bounds = None if body.bbox is None else tiles.in_crs(body.bbox)
    where = Filter(dates=tuple(body.dates or ()), scopes=tuple(body.scopes or ()), bounds=bounds,
                   exclude_self=body.exclude_self, beyond_m=body.beyond_m or 0.0)
    manifest = shown.version.manifest
    examples = np.asarray([n for n in (*body.like, *body.unlike) if n < tiles.indexed], np.int64)
    k = body.k + len(examples)
    depth = max(depth_of(k, steps_of(manifest.overlap)), DEPTH if manifest.calibration else 0)
    middle = (asked.bounds[:, :2] + asked.bounds[:, 2:]) / 2
    with shown.lock:
        first = shown.gallery.search(asked.rows, depth, where=where, places=middle)
    kinds = None if manifest.overlap == 0 else shown.date_codes
    best = first.first(k) if kinds is None else apart(first, shown.middles, kinds, manifest.cell_m / 2, k)
    best = without(best, examples[None]).first(body.k)
    sure = None
    if manifest.calibration is not None:
        sure = float(confidence(first, shown.gallery, manifest.calibration, places=shown.places,
                                judged=best.rows[:, 0])[0])
    return Found(asked, best, None if sure is None else round(sure, 4))


def _asked(shown: Shown, uploads: Uploads, body: Body) -> Asked | None:
    """The tile or picture of a question; None when there are only examples."""
    if body.upload is not None:
        return _picture(shown, uploads.get(body.upload), body.piece)
    if body.tile is None:
        return None
    tiles, n = shown.tiles, body.tile
    rows = shown.descriptors([n])
    return Asked(rows, tiles.bounds[n:n + 1], "tile", str(tiles.names[n]), n)


def _picture(shown: Shown, upload: Upload, piece: int) -> Asked:
    kept = upload.seen.get(shown.name)
    if kept is None:
        with upload.on_disk() as path:
            queries, notes = shown.looker.picture(path)
            kept = (queries, [note.replace(str(path), upload.name) for note in notes])
        upload.seen.clear()
        upload.seen[shown.name] = kept
    queries, notes = kept
    pieces = [f"{upload.name}{cell and ':' + cell}" for cell in
              (str(name).partition(":")[2] for name in queries.descriptors.names)]
    if piece >= len(pieces):
        raise RefusedError(404, f"{upload.name} holds {len(pieces)} queries, and number {piece} was asked for.")
    one = replace(queries.descriptors.take([piece]), names=np.asarray([pieces[piece]], np.str_))
    bounds = queries.bounds[piece:piece + 1]
    told = () if placed(queries, piece) else ("The place of the picture is not known.",)
    return Asked(one, bounds, "picture", pieces[piece], None, (*notes, *told), tuple(pieces))


def _with_examples(shown: Shown, body: Body, asked: Asked | None) -> Asked:
    if asked is not None and not body.like and not body.unlike:
        return asked
    rows = shown.descriptors([*body.like, *body.unlike])
    like, unlike = rows.vectors[:len(body.like)], rows.vectors[len(body.like):]
    vectors = moved(None if asked is None else asked.rows.vectors, like, unlike, rows.space)
    if asked is not None:
        return replace(asked, rows=replace(asked.rows, vectors=vectors))
    name = _told(shown, body.like)
    none = np.full((1, 4), np.nan)
    nameless = np.asarray([""], np.str_)
    return Asked(Descriptors(vectors, nameless, np.asarray([name], np.str_), nameless, rows.space), none, "examples",
                 name)


def _told(shown: Shown, like: Sequence[int]) -> str:
    more = f" and {len(like) - 1} more" if len(like) > 1 else ""
    return f"like {shown.tiles.names[like[0]]}{more}"
