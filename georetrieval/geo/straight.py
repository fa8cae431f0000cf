"""A survey read block by block, straight from its deliveries: what a tile set would hold, without one on the disk.

Vectors are read for a square of the ground at a time, so that memory does not grow with the département.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from georetrieval.errors import InputError, UsageError
from georetrieval.files import digest
from georetrieval.geo.block_digests import Digests, block_digests
from georetrieval.geo.blocks import Block
from georetrieval.geo.deliveries import Delivery, open_delivery
from georetrieval.geo.grid import Bounds, union
from georetrieval.geo.layers import read_classes
from georetrieval.geo.making import BlockPixels, Settings, catalogue_rows, cell_rows
from georetrieval.geo.ortho import Mosaic
from georetrieval.geo.paint import Painter
from georetrieval.geo.source_files import checked
from georetrieval.geo.survey_inputs import Inputs, explain_nothing, open_inputs, open_photos, vector_files
from georetrieval.geo.tile import Survey

SQUARE_M = 20_000
"""Side of the squares of ground whose vectors are read at once: a hundred thousand objects or two in the country."""
KEPT_SQUARES = 2
CACHE_BYTES = 128 << 20
"""Decoded sheets that are kept: every process has as much."""


@dataclass(frozen=True)
class BlockTiles:
    """The tiles of one block.

    Attributes
    ----------
    pixels
        (n, C, px, px) uint8, in the order of the rows.
    rows
        As in a catalogue, blank ones too.
    """

    pixels: NDArray[np.uint8]
    rows: pd.DataFrame


class OpenSurvey:
    """A survey whose headers are read: blocks, their digests, and their tiles one block at a time.

    Raises
    ------
    InputError, UsageError
        As `build_tiles` would.
    """

    def __init__(self, survey: Survey, settings: Settings) -> None:
        survey = checked(survey)
        self.survey, self.settings = survey, settings
        self._painters: OrderedDict[tuple[int, int], Painter] = OrderedDict()
        self._lock = threading.Lock()
        self.mosaic: Mosaic | None = open_photos(survey, settings.grid)
        if self.mosaic is not None:
            self.mosaic.cache_bytes = CACHE_BYTES
        self._delivery: Delivery | None = None
        self._whole: Inputs | None = None
        if self.mosaic is None:  # nothing but the vectors says where the tiles lie
            self._whole = open_inputs(survey, settings.grid, settings.legend)
        elif survey.vectors is not None:
            if not settings.grid.crs:
                raise UsageError("Vectors need a grid on the ground; give --crs, or leave the vectors out.")
            self._delivery = open_delivery(survey.vectors, mapping=survey.mapping, crs=survey.crs,
                                           encoding=survey.encoding, legend=settings.legend)

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands of its tiles."""
        photo = self.mosaic.bands if self.mosaic else ()
        return (*photo, *(("classes",) if self.survey.vectors else ()))

    @cached_property
    def blocks(self) -> list[Block]:
        """As `build_tiles` makes them."""
        inputs = self._whole or Inputs(self.survey, self.mosaic, None)
        return inputs.blocks(self.settings.grid, self.settings.px)

    @property
    def broken(self) -> list[str]:
        """What is wrong with each file that could not be read so far."""
        return sorted(self.mosaic.broken.values()) if self.mosaic else []

    @property
    def vector_files(self) -> tuple[Path, ...]:
        """Every file that the vectors are read from."""
        if self._delivery is not None:
            return vector_files(self.survey, self._delivery)
        return self._whole.vector_files if self._whole else ()

    def digests(self, blocks: Sequence[Block]) -> Digests:
        """What these blocks are made from, as `tiles build` notes it; reads the bytes of those files."""
        inputs = Inputs(self.survey, self.mosaic, None, vector_files=self.vector_files)
        return block_digests(blocks, inputs, self.bands, self.settings)

    def name(self, block: Block) -> str:
        """As `tiles build` names its sheets."""
        return self.settings.grid.name(block.cells[0])

    def order(self, block: Block) -> tuple[int, int]:
        """Blocks that sort alike are painted from the same reading of the vectors."""
        west, south, east, north = block.bounds(self.settings.grid)
        return int((west + east) / 2 // SQUARE_M), int((south + north) / 2 // SQUARE_M)

    def require_objects(self) -> None:
        """Refuse vectors that do not lie under the photos; mostly one square is read for that."""
        if self._delivery is None or any(len(self._painter(block)) for block in self.blocks):
            return
        explain_nothing(self.survey, self.mosaic, self._delivery, self.settings.legend, self.settings.grid)

    def pixels(self, block: Block) -> BlockPixels:
        """Read and paint one block.

        Raises
        ------
        InputError
            When its sheet is damaged.
        """
        bounds, shape = block.bounds(self.settings.grid), block.shape(self.settings.px)
        photo = pixels = codes = None
        if self.mosaic is not None:
            if block.sheet is not None:
                self.mosaic.check(block.sheet, self.settings.grid.cell_m / self.settings.px)
            pixels, photo = self.mosaic.read(bounds, shape, skip_broken=True)
        if self.survey.vectors is not None:
            codes = self._painter(block).paint(bounds, shape)
        return BlockPixels(pixels, photo, codes)

    def tiles(self, block: Block) -> BlockTiles:
        """Read, paint and cut one block; InputError when its sheet is damaged."""
        read, name = self.pixels(block), self.name(block)
        stored = [bands for bands in (read.pixels, None if read.codes is None else read.codes[None])
                  if bands is not None]
        windows = [block.window(cell, self.settings.px) for cell in block.cells]
        pixels = np.stack([np.concatenate([bands[:, *window] for bands in stored]) for window in windows])
        rows = [(row, name) for row in cell_rows(block, read, self.settings)]
        return BlockTiles(pixels, catalogue_rows(self.survey, self.settings, rows))

    def _painter(self, block: Block) -> Painter:
        if self._whole is not None:
            assert self._whole.painter is not None
            return self._whole.painter
        assert self._delivery is not None
        square = self.order(block)
        with self._lock:
            if (found := self._painters.get(square)) is None:
                while len(self._painters) >= KEPT_SQUARES:
                    self._painters.popitem(last=False)
                objects = read_classes(self._delivery, self.settings.legend, bounds=self._extents[square],
                                       crs=self.settings.grid.crs)
                found = self._painters[square] = Painter(objects)
            self._painters.move_to_end(square)
            return found

    @cached_property
    def _extents(self) -> dict[tuple[int, int], Bounds]:
        """The rectangle around the blocks of each square."""
        found: dict[tuple[int, int], list[Bounds]] = {}
        for block in self.blocks:
            found.setdefault(self.order(block), []).append(block.bounds(self.settings.grid))
        return {square: union(bounds) for square, bounds in found.items()}


def absolute(survey: Survey) -> Survey:
    """The same survey by paths that are good in every process of the machine."""
    named = {name: getattr(survey, name) for name in ("photos", "vectors", "mapping", "sums")}
    return replace(survey, **{name: path.absolute() for name, path in named.items() if path is not None})


def survey_digest(bands: Sequence[str], blocks: Sequence[str]) -> str:
    """What a tile set's manifest calls the digest of a survey."""
    return digest([list(bands), sorted(blocks)])


def no_tiles(survey: Survey, broken: Sequence[str]) -> InputError:
    """The error of a survey of which nothing can be made."""
    return InputError(broken[0] if broken else f"{survey.name} holds no cell of the grid.")
