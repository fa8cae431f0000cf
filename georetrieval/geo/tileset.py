"""A built tile set: its manifest, its catalogue, and the packs of pixels that training reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from georetrieval.errors import InputError, StoreError
from georetrieval.files import digest, sha256_file
from georetrieval.geo.catalogue import read_catalogue
from georetrieval.geo.grid import Cell, TileGrid
from georetrieval.geo.legend import Legend
from georetrieval.geo.tile import BAND_ORDER, Tile

MANIFEST = "tiles.json"
CATALOGUE = "catalogue.parquet"
PACK = "pack.npy"
FORMAT = "georetrieval-tiles"
VERSION = 1
_LARGEST_MANIFEST = 64 << 20


@dataclass(frozen=True)
class TileSet:
    """Tiles of one grid, size and legend: several scopes, several dates.

    Attributes
    ----------
    px
        Side of a tile in pixels.
    manifest
        The content of `tiles.json`; `surveys` lists each (scope, date) with its bands, counts and gaps.
    """

    path: Path
    grid: TileGrid
    px: int
    legend: Legend
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, path: Path) -> TileSet:
        """Open a tile set by its folder.

        Raises
        ------
        InputError
            When there is no such folder or no tiles in it.
        StoreError
            When its manifest is damaged.
        """
        path = Path(path)
        file = path / MANIFEST
        if not file.is_file():
            state = "does not exist" if not path.exists() else f"holds no {MANIFEST}"
            raise InputError(f"{path} {state}; `georetrieval tiles build -o {path}` makes tiles.")
        try:
            if file.stat().st_size > _LARGEST_MANIFEST:
                raise StoreError(f"{file} is too large to be a manifest of tiles.")
            value = json.loads(file.read_text("utf-8"))
            if value["format"] != FORMAT or value["version"] != VERSION:
                found = f"{value['format']} version {value['version']}"
                raise StoreError(f"{file} is {found}, not {FORMAT} version {VERSION}.")
            grid = TileGrid(value["grid"]["crs"], value["grid"]["cell_m"], tuple(value["grid"]["origin"]))
            return cls(path, grid, int(value["px"]), Legend.of(value["legend"], place=str(file)), value)
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise StoreError(f"{file} is damaged ({error}); run `tiles build` again.") from error

    @property
    def surveys(self) -> tuple[Mapping[str, Any], ...]:
        """Each (scope, date): scope, date, bands, tiles, valid, gaps, digest, and the `files` that it was made from."""
        return tuple(self.manifest["surveys"])

    @cached_property
    def bands(self) -> tuple[str, ...]:
        """Bands that at least one survey holds; `bands_of` has those of one survey."""
        held = {band for survey in self.surveys for band in survey["bands"]}
        return tuple(band for band in BAND_ORDER if band in held)

    def bands_of(self, scope: str, date: str) -> tuple[str, ...]:
        """Bands of the pixels of one survey, in their order."""
        return tuple(self._survey(scope, date)["bands"])

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of all that the pixels depend on (contents, not paths)."""
        surveys = sorted([s["scope"], s["date"], s["digest"], s["min_photo_share"]] for s in self.surveys)
        return digest([self.grid.crs, self.grid.cell_m, list(self.grid.origin), self.px, self.legend.digest, surveys])

    @cached_property
    def catalogue(self) -> pd.DataFrame:
        """One row per tile, columns of `catalogue.FIXED` and `share_<class key>`; per survey in the pack's order."""
        path = self.path / CATALOGUE
        if path.is_file() and sha256_file(path) != self.manifest["catalogue_sha256"]:
            raise StoreError(f"{path} is not what was written; run `tiles build` again.")
        frame = read_catalogue(path)
        counts = Counter(zip(frame["scope"], frame["date"], strict=True))
        if dict(counts) != {(s["scope"], s["date"]): s["tiles"] for s in self.surveys if s["tiles"]}:
            raise StoreError(f"The catalogue and the manifest of {self.path} are out of step; run `tiles build` again.")
        return frame

    def pixels(self, scope: str, date: str) -> NDArray[np.uint8]:
        """Memory-mapped (n, C, px, px) uint8 of one survey, in the order of its rows in the catalogue.

        Raises
        ------
        InputError
            When there is no such survey.
        StoreError
            When its pack is missing or has another size than the manifest says.
        """
        survey = self._survey(scope, date)
        path = self.path / f"{scope}-{date}" / PACK
        asked = (survey["tiles"], len(survey["bands"]), self.px, self.px)
        try:
            pack: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StoreError(f"{path} cannot be read ({error}); run `tiles build` again.") from error
        if pack.shape != asked or pack.dtype != np.uint8:
            found = f"{pack.shape} {pack.dtype}"
            raise StoreError(f"{path} holds {found}, the manifest says {asked} uint8; run `tiles build` again.")
        return pack

    def find(self, tile_id: str) -> pd.Series[Any]:
        """The row of one tile in the catalogue; its `name` is the row's number.

        Raises
        ------
        InputError
            When there is no such tile.
        """
        rows = self.catalogue[self.catalogue["tile_id"] == tile_id]
        if rows.empty:
            example = f", such as {self.catalogue['tile_id'].iloc[0]}" if len(self.catalogue) else ""
            raise InputError(f"{self.path} holds no tile {tile_id}; its catalogue lists what there is{example}.")
        return rows.iloc[0]

    def tile(self, tile_id: str) -> Tile:
        """One tile, its pixels copied out of the pack.

        Raises
        ------
        InputError
            When there is no such tile.
        """
        row = self.find(tile_id)
        scope, date = str(row["scope"]), str(row["date"])
        same = (self.catalogue["scope"] == scope) & (self.catalogue["date"] == date)
        place = int(np.flatnonzero(self.catalogue["tile_id"][same] == tile_id)[0])
        cell = Cell(int(row["col"]), int(row["row"]))
        return Tile(cell, self.bands_of(scope, date), self.pixels(scope, date)[place].copy(), float(row["photo_share"]))

    def verify(self) -> None:
        """Compare every file with the checksums of the manifest.

        Raises
        ------
        StoreError
            Naming the first file that is missing or not what was written.
        """
        files = {CATALOGUE: self.manifest["catalogue_sha256"]}
        for survey in self.surveys:
            files[f"{survey['scope']}-{survey['date']}/{PACK}"] = survey["pack_sha256"]
        for name, sha256 in files.items():
            file = self.path / name
            if not file.is_file() or sha256_file(file) != sha256:
                state = "is missing" if not file.is_file() else "is not what was written"
                raise StoreError(f"{file} {state}; run `tiles build` again.")

    def _survey(self, scope: str, date: str) -> Mapping[str, Any]:
        for survey in self.surveys:
            if (survey["scope"], survey["date"]) == (scope, date):
                return survey
        known = ", ".join(f"{s['scope']} {s['date']}" for s in self.surveys)
        raise InputError(f"{self.path} holds no tiles of {scope} {date}; it holds {known or 'none'}.")
