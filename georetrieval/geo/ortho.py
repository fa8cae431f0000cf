"""Orthophotos: a picture or a folder of sheets, read as one mosaic at any resolution."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from georetrieval.errors import InputError, UsageError
from georetrieval.foreign import kept_inside
from georetrieval.geo.beside import placed_by_hand
from georetrieval.geo.crs import crs_name, same_crs
from georetrieval.geo.grid import Bounds, union
from georetrieval.geo.resampling import place, resample
from georetrieval.geo.sheets import GREY, RGB, Decoded, Sheet, decode, level, parts, read_header
from georetrieval.geo.sniff import SUFFIXES
from georetrieval.geo.source_files import pictures

CACHE_BYTES = 512 << 20
"""Decoded sheets that are kept, so that a tile on the edge of two sheets does not decode one of them again."""


class Mosaic:
    """Sheets of one CRS, read as one picture; where sheets overlap the first one is seen.

    Attributes
    ----------
    sheets
        In the order of their file names.
    bands
        ("r", "g", "b") when one sheet at least is in colour (grey ones are repeated), else ("grey",).
    crs
        As text; "" when no file says it and none was given.
    bounds
        Rectangle around all sheets.
    broken
        What is wrong with each file that could not be read, by path; grows while reading.
    cache_bytes
        Decoded sheets that are kept.
    """

    def __init__(self, sheets: Sequence[Sheet], crs: str, broken: dict[Path, str]) -> None:
        self.sheets = tuple(sheets)
        self.bands = RGB if any(sheet.bands == RGB for sheet in sheets) else GREY
        self.crs = crs
        self.bounds: Bounds = union([sheet.bounds for sheet in sheets])
        self.broken = broken
        self.cache_bytes = CACHE_BYTES
        self._decoded: OrderedDict[tuple[int, int], Decoded] = OrderedDict()
        self._locks = [threading.Lock() for _ in sheets]
        self._lock = threading.Lock()

    def read(
        self, bounds: Bounds, shape: tuple[int, int], *, skip_broken: bool = False
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Pixels of a rectangle.

        Parameters
        ----------
        bounds
            xmin, ymin, xmax, ymax in the CRS of the mosaic.
        shape
            Rows, columns of the answer.
        skip_broken
            Go on without damaged sheets (they are listed in `broken`).

        Returns
        -------
        pixels
            (bands, h, w) uint8, 0 where there is no photo.
        photo
            (h, w) bool, True where there is photo.

        Raises
        ------
        InputError
            When a sheet is damaged, naming it.
        """
        pixels = np.zeros((len(self.bands), *shape), np.uint8)
        photo = np.zeros(shape, bool)
        target = min((bounds[2] - bounds[0]) / shape[1], (bounds[3] - bounds[1]) / shape[0])
        for number, sheet in enumerate(self.sheets):
            where = place(sheet.bounds, bounds, shape)
            if where is None or photo[where].all():
                continue
            try:
                decoded = self._sheet(number, level(sheet, target))
            except InputError:
                if skip_broken:
                    continue
                raise
            part, seen = resample(decoded, sheet.bounds, bounds, shape, where)
            fresh = seen & ~photo[where]
            np.copyto(pixels[:, *where], part, where=fresh)
            photo[where] |= fresh
        return pixels, photo

    def check(self, number: int, target: float) -> None:
        """Decode one sheet now for pixels of size `target`.

        Raises
        ------
        InputError
            When it is damaged.
        """
        self._sheet(number, level(self.sheets[number], target))

    def _sheet(self, number: int, factor: int) -> Decoded:
        sheet = self.sheets[number]
        with self._locks[number]:
            if sheet.path in self.broken:
                raise InputError(self.broken[sheet.path])
            with self._lock:
                if (found := self._decoded.get((number, factor))) is not None:
                    self._decoded.move_to_end((number, factor))
                    return found
            try:
                decoded = decode(sheet, factor)
            except InputError as error:
                self.broken[sheet.path] = str(error)
                raise
            with self._lock:
                self._decoded[number, factor] = decoded
                while len(self._decoded) > 1 and sum(d.nbytes for d in self._decoded.values()) > self.cache_bytes:
                    self._decoded.popitem(last=False)
            return decoded


def open_mosaic(
    path: Path, *, bounds: Bounds | None = None, crs: str | None = None, refused: Mapping[Path, str] | None = None
) -> Mosaic:
    """Open a picture, or all pictures below a folder, as one mosaic; no pixel is read yet.

    Parameters
    ----------
    path
        JPEG 2000, GeoTIFF, COG, JPEG or PNG (with a world file beside it), or a folder of such sheets.
    bounds
        Where one picture without georeference lies; without it, it lies at (0, -height, width, 0).
    crs
        CRS of files that do not say theirs.
    refused
        Why a file is not to be read, by its absolute path: it is treated as a damaged one.

    Raises
    ------
    InputError
        When there is nothing to read, when files disagree about the CRS, or a single file is damaged. Damaged files
        of a folder are listed in `Mosaic.broken` as long as one can be read.
    """
    path = Path(path)
    refused = refused or {}
    if not path.is_dir():
        if refused:
            raise InputError(next(iter(refused.values())))
        sheet = read_header(path)
        if bounds:
            if not (bounds[0] < bounds[2] and bounds[1] < bounds[3]):
                raise UsageError(f"Bounds are xmin ymin xmax ymax, each minimum below its maximum; found {bounds}.")
            sheet = sheet.at(bounds, crs)
        return Mosaic(parts(sheet), sheet.crs or crs or "", {})
    if bounds:
        raise UsageError(f"Bounds place a single picture, but {path} is a folder.")
    return _folder(path, crs, refused)


def _folder(path: Path, crs: str | None, refused: Mapping[Path, str]) -> Mosaic:
    files = pictures(path)
    if not files:
        raise InputError(f"{path} holds no pictures; sheets are files that end in {', '.join(SUFFIXES)}.")
    found, broken = _headers(path, files, refused)
    if not found:
        first = next(iter(broken.values()))
        raise InputError(f"None of the {len(files)} pictures below {path} can be read; the first: {first}")
    placed = [sheet for sheet in found if sheet.placed]
    lost = [s for s in found if not s.placed and (not placed or s.driver in ("GTiff", "JP2OpenJPEG"))]
    if lost:
        raise InputError(
            f"{lost[0].path} does not say where it lies (no georeference, no world file), and {len(files)} pictures of "
            f"one folder cannot share one place; add a world file, or give one picture with its bounds."
        )
    for sheet in found:
        if not sheet.placed and (said := placed_by_hand(sheet.path)):
            broken[sheet.path] = f"{sheet.path} does not lie where {said[0].name} says: it cannot be read; mend it."
    named = sorted({sheet.crs for sheet in placed if sheet.crs})
    for other in named[1:]:
        if not same_crs(named[0], other):
            both = f"{crs_name(named[0])} and {crs_name(other)}"
            raise InputError(f"The sheets below {path} are in two CRS, {both}; put them into two folders.")
    return Mosaic([part for sheet in placed for part in parts(sheet)], named[0] if named else crs or "", broken)


def _headers(
    folder: Path, files: Sequence[Path], refused: Mapping[Path, str]
) -> tuple[list[Sheet], dict[Path, str]]:
    """The sheets whose headers can be read, and what is wrong with the others."""
    found: list[Sheet] = []
    broken = {file: why for file, why in refused.items() if not file.exists()}
    for file in files:
        try:
            if why := refused.get(file.absolute()):
                raise InputError(why)
            if not kept_inside(file, folder):
                raise InputError(f"{file} is a link out of its folder; put the file itself there, or give its folder.")
            found.append(read_header(file))
        except InputError as error:
            broken[file] = str(error)
    return found, broken
