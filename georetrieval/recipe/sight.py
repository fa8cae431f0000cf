"""Tiles seen by an eye: with all of its bands, or with the parts that eye and tiles have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from georetrieval.embedding import embed
from georetrieval.errors import InputError, MismatchError
from georetrieval.geo.tileset import TileSet
from georetrieval.nets.embedder import Embedder
from georetrieval.nets.parts import MAP_BANDS, PHOTO_BANDS, parts_of
from georetrieval.progress import Progress, silent
from georetrieval.samples.bands import check_bands
from georetrieval.samples.campaigns import TileSamples
from georetrieval.search.descriptors import Descriptors

Bands = tuple[str, ...]
Part = Literal["both", "photo", "map"]
PARTS: tuple[Part, ...] = ("both", "photo", "map")
_OF = {"both": (*PHOTO_BANDS, *MAP_BANDS, "classes"), "photo": PHOTO_BANDS, "map": (*MAP_BANDS, "classes")}


def takes_parts(eye: Embedder) -> bool:
    """Whether an eye takes a photo without a map and a map without a photo."""
    return bool(getattr(eye, "any_modality", False))


def part_of(eye: Embedder, part: Part) -> Bands:
    """The bands of an eye that are of the photo, of the map, or of both.

    Raises
    ------
    MismatchError
        When the eye has none of these, or cannot do without the others.
    """
    bands = tuple(band for band in eye.bands if band in _OF[part])
    if bands != tuple(eye.bands) and not (bands and takes_parts(eye)):
        raise MismatchError(f"The model sees {', '.join(eye.bands)} and cannot look at the {part} alone; "
                            "train one with eye.any_modality.")
    return bands


def bands_for(eye: Embedder, stored: Sequence[str], part: Part = "both") -> Bands:
    """What an eye can see of tiles with these stored bands: the wanted part, or what is there of it.

    An eye that takes no parts wants all of its bands, whether they are there or not.
    """
    want = part_of(eye, part)
    if not takes_parts(eye):
        return want
    each = [tuple(want[place] for place in places) for places in parts_of(want)]
    here = [bands for bands in each if _can_be_had(stored, bands)]
    return tuple(band for bands in here for band in bands) or want


def look(
    tileset: TileSet, eye: Embedder, *, date: str, scopes: Sequence[str] | None = None,
    tile_ids: Sequence[str] | None = None, part: Part = "both", progress: Progress = silent,
) -> Descriptors:
    """Descriptors of the valid tiles of a date; surveys without photo or without vectors are seen by what they have.

    Raises
    ------
    InputError
        When nothing is left to look at, or the tiles lack a band that the eye cannot do without.
    MismatchError
        When the eye cannot look at the part alone.
    """
    groups: dict[Bands, list[str]] = {}
    for survey in tileset.surveys:
        if survey["date"] == date and (scopes is None or survey["scope"] in scopes):
            bands = bands_for(eye, tileset.bands_of(survey["scope"], date), part)
            groups.setdefault(bands, []).append(survey["scope"])
    if len(groups) < 2:
        bands = next(iter(groups), part_of(eye, part))
        samples = TileSamples(tileset, date=date, bands=bands, scopes=scopes, tile_ids=tile_ids)
        return embed(samples, eye, progress=progress)
    rows = tileset.catalogue
    rows = rows[(rows["date"] == date) & rows["valid"]]
    rows = rows if tile_ids is None else rows[rows["tile_id"].isin(list(tile_ids))]
    parts = []
    for bands, members in groups.items():
        ids = rows[rows["scope"].isin(members)]["tile_id"].tolist()
        if ids:
            samples = TileSamples(tileset, date=date, bands=bands, scopes=members, tile_ids=ids)
            parts.append(embed(samples, eye, progress=progress))
    if not parts:
        raise InputError(f"No tile of {date} is left to look at: all are blank or none is among the tiles asked for.")
    return Descriptors.concatenate(parts)


def _can_be_had(stored: Sequence[str], bands: Bands) -> bool:
    try:
        check_bands(stored, bands, palette=True)
    except InputError:
        return False
    return True
