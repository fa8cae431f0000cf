"""Pictures kept with an index: chosen and looked at when it is built, looked at again by the eye that is to ask it.

Six are real, so that they are what the net was made for, and two are made up, with all colours and class codes, since
tiles may be grey. They take the way of all others: bands are derived from bytes, pictures decoded and resized.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image

from georetrieval import files
from georetrieval.embedding import embed
from georetrieval.errors import MismatchError
from georetrieval.geo.tileset import TileSet
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.reading_pictures import drawn, side_of
from georetrieval.recipe.sight import bands_for
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.bands import PHOTO, SEMANTIC
from georetrieval.samples.listed import ListedSamples
from georetrieval.samples.listing import Listing
from georetrieval.search.canaries import MOST, Canaries, Canary, bounded, difference
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.manifest import CANARY_CAP, CanaryRef, Manifest, sha256
from georetrieval.search.row_source import Store
from georetrieval.search.segments import VanishedError
from georetrieval.search.store import IndexStore

MADE_UP = 2
LOOKED_AT = 64
"""Pictures among which the real ones are looked for."""
LEAST_SIDE = 256
"""A picture that is larger than this, and than twice what the eye is shown, is kept in that size."""
OLD_MADE_UP = 4
"""Made-up pictures of an index that keeps none."""
SQUARES, CLASSES = 8, 12
Floats = npt.NDArray[np.float32]


def of_tiles(tileset: TileSet, eye: Embedder, rows: pd.DataFrame) -> dict[str, Any]:
    """What `About` says of the canaries of an index of these catalogue rows."""
    return _of_real(_tiles(tileset, eye, rows), eye, tileset.legend.palette(), tileset.px)


def of_pixels(
    pixels: npt.NDArray[np.uint8] | None, stored: tuple[str, ...], names: Sequence[str], eye: Embedder,
    palette: npt.NDArray[np.uint8], px: int,
) -> dict[str, Any]:
    """What `About` says of the canaries of an index of tiles, some of which, (n, C, px, px) uint8, are at hand."""
    order = sorted(range(len(names)), key=lambda row: _drawn_by(str(names[row])))
    real = (_canary(names[row], pixels[row], stored, eye) for row in order) if pixels is not None else iter(())
    return _of_real(real, eye, palette, px)


def _of_real(real: Iterator[Canary], eye: Embedder, palette: npt.NDArray[np.uint8], px: int) -> dict[str, Any]:
    some = bounded(list(islice(real, LOOKED_AT)), MOST - MADE_UP)
    stored = ("r", "g", "b", *(("classes",) if set(eye.bands) & set(SEMANTIC) else ()))
    made_up = _made_up(stored, tuple(eye.bands), px)
    return _kept(Canaries((*some, *made_up), palette), eye, pictures=False)


def of_pictures(
    listing: Listing, eye: Embedder, *, crop: bool, size: tuple[int, int] | None = None
) -> dict[str, Any]:
    """What `About` says of the canaries of an index of these pictures."""
    side, bands = max(LEAST_SIDE, 2 * side_of(eye)), tuple(eye.bands)
    told = [f"{Path(str(file)).name}\n{key}\n{scope}\n{box.tolist()}\n{file}" for file, key, scope, box in
            zip(listing.files, listing.keys, listing.scopes, listing.boxes, strict=True)]
    order = sorted(range(len(listing)), key=lambda row: _drawn_by(told[row]))[:LOOKED_AT]
    with drawn(listing, size) as pictures:
        samples = pictures.samples(side_of(eye), bands, crop=crop)
        real = [Canary(Path(str(listing.files[row])).name, samples.original(row, side), PHOTO[:3], bands,
                       mask=samples.masks[row]) for row in order]
    canaries = Canaries((*bounded(real, MOST - MADE_UP), *_made_up(PHOTO[:3], bands, side)))
    return _kept(canaries, eye, pictures=True)


def require_eye(store: Store, eye: Embedder) -> None:
    """Refuse an eye that is not the one that built the index.

    Raises
    ------
    MismatchError
        Naming the fields of the fingerprint that differ, or that the canaries look different.
    StoreError
        When the file of the canaries is damaged.
    """
    store.require(eye.fingerprint())
    try:
        canaries = store.canaries()
    except VanishedError:
        newer = IndexStore.open(store.path)  # swept, when the index was built again in the meantime
        if newer.manifest.canary_file == store.manifest.canary_file:
            raise
        require_eye(newer, eye)
        return
    require_sight(store.manifest, canaries, eye)


def require_sight(manifest: Manifest, canaries: Canaries | None, eye: Embedder) -> None:
    """Refuse an eye that sees the canaries of an index differently than the one that built it.

    Parameters
    ----------
    canaries : None for an index that keeps none: pictures that are made up again are looked at, if those were

    Raises
    ------
    MismatchError
        Saying how differently.
    """
    if not manifest.canaries:
        return
    ref = manifest.canary_file
    if canaries is None or ref is None:
        seen, half = _old(eye, manifest.px), True
    else:
        seen, half = looked_at(canaries, eye, pictures=manifest.pictures is not None).vectors, ref.half or _half(eye)
    told = difference(manifest.canaries, seen, manifest.metric_space, half=half)
    if told:
        raise MismatchError(f"The model has the index's fingerprint but sees the pictures that are kept with the index "
                            f"differently ({told}): another library version or other preprocessing, perhaps; search "
                            "where it was built, or build the index again.")


def looked_at(canaries: Canaries, eye: Embedder, *, pictures: bool) -> Descriptors:
    """Descriptors of canaries, made on the way of all tiles, or of all pictures."""
    each = canaries.pictures
    parts, rows = [], []
    for kind in dict.fromkeys((c.stored, c.shown, c.pixels.shape) for c in each) if not pictures else [None]:
        mine = [row for row, c in enumerate(each) if kind in (None, (c.stored, c.shown, c.pixels.shape))]
        some = [each[row] for row in mine]
        parts.append(_as_pictures(some, eye) if pictures else _as_tiles(some, eye, canaries.palette))
        rows += mine
    return Descriptors.concatenate(parts).take(np.argsort(rows))


def canary_pixels(bands: Sequence[str], px: int, count: int = OLD_MADE_UP) -> npt.NDArray[np.uint8]:
    """(count, C, px, px) uint8: squares of grey levels or class codes, by multiplicative hashing.

    *Source*: Knuth, The Art of Computer Programming, vol. 3, section 6.4 (the multiplier 2654435761).
    """
    total = count * len(bands) * SQUARES**2
    hashed = ((np.arange(1, total + 1, dtype=np.uint64) * np.uint64(2654435761)) % np.uint64(2**32)) >> np.uint64(24)
    squares = hashed.reshape(count, len(bands), SQUARES, SQUARES).astype(np.uint8)
    for place, band in enumerate(bands):
        if band == "classes":
            squares[:, place] %= CLASSES + 1
    where = np.arange(px) * SQUARES // px
    return np.ascontiguousarray(squares[:, :, where][:, :, :, where])


def _kept(canaries: Canaries, eye: Embedder, *, pictures: bool) -> dict[str, Any]:
    """Those of which the descriptors mean something; none at all where they would be too large."""
    seen = looked_at(canaries, eye, pictures=pictures)
    fine = np.flatnonzero(seen.valid)
    canaries = Canaries(tuple(canaries.pictures[row] for row in fine), canaries.palette)
    data = canaries.encode() if len(fine) else b""
    if not data or len(data) > CANARY_CAP or sum(c.pixels.nbytes for c in canaries.pictures) > CANARY_CAP:
        return {}
    ref = CanaryRef(sha256=sha256(data), bytes=len(data), rows=len(fine), half=_half(eye))
    return {"canaries": tuple(tuple(map(float, vector)) for vector in seen.vectors[fine]), "canary_file": ref,
            "canary_bytes": data}


def _tiles(tileset: TileSet, eye: Embedder, rows: pd.DataFrame) -> Iterator[Canary]:
    """Tiles in an order that depends on their names alone."""
    valid = rows[rows["valid"]]
    packed = tileset.catalogue.groupby(["scope", "date"]).cumcount()
    each = zip(valid["tile_id"], valid["scope"], valid["date"], packed.loc[valid.index], strict=True)
    for name, scope, date, row in sorted(each, key=lambda tile: _drawn_by(str(tile[0]))):
        yield _canary(name, np.asarray(tileset.pixels(scope, date)[int(row)]), tileset.bands_of(scope, date), eye)


def _canary(name: str, pixels: npt.NDArray[np.uint8], stored: tuple[str, ...], eye: Embedder) -> Canary:
    """A tile with those of its bands that the eye makes use of."""
    shown = bands_for(eye, stored)
    needed = [band for band in stored if band in (SEMANTIC if band in SEMANTIC else PHOTO) and _uses(shown, band)]
    return Canary(str(name), pixels[[stored.index(band) for band in needed]], tuple(needed), shown)


def _uses(shown: Sequence[str], band: str) -> bool:
    return bool(set(shown) & set(SEMANTIC if band in SEMANTIC else PHOTO))


def _made_up(stored: tuple[str, ...], shown: tuple[str, ...], px: int) -> list[Canary]:
    return [Canary(f"made-up-{number}", pixels, stored, shown)
            for number, pixels in enumerate(canary_pixels(stored, px, MADE_UP), 1)]


def _as_tiles(canaries: Sequence[Canary], eye: Embedder, palette: npt.NDArray[np.uint8] | None) -> Descriptors:
    first, names = canaries[0], [canary.name for canary in canaries]
    pixels = np.stack([canary.pixels for canary in canaries])
    return embed(ArraySamples(pixels, first.stored, keys=names, bands=first.shown, palette=palette), eye)


def _as_pictures(canaries: Sequence[Canary], eye: Embedder) -> Descriptors:
    names = [canary.name for canary in canaries]
    with files.scratch_folder() as folder:
        paths = [folder / f"{number}.png" for number in range(len(canaries))]
        for path, canary in zip(paths, canaries, strict=True):
            data = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(canary.pixels.transpose(1, 2, 0))).save(data, "PNG", compress_level=1)
            files.put(path, data.getvalue())
        samples = ListedSamples(paths, [None] * len(paths), [canary.mask for canary in canaries], px=side_of(eye),
                                bands=tuple(eye.bands), keys=names, names=names, scopes=[""] * len(names))
        return embed(samples, eye)


def _old(eye: Embedder, px: int) -> Floats:
    """(4, d) descriptors of the made-up pictures of an index that keeps none."""
    pixels = torch.from_numpy(canary_pixels(eye.bands, px).astype(np.float32) / np.float32(255))
    return np.asarray(eye(pixels, tuple(eye.bands)).detach().float().cpu().numpy(), np.float32)


def _half(eye: Embedder) -> bool:
    """Whether an eye computes in 16 bits."""
    return getattr(eye, "dtype", torch.float32) in (torch.bfloat16, torch.float16)


def _drawn_by(text: str) -> tuple[str, str]:
    return hashlib.sha256(text.encode()).hexdigest(), text
