"""The pictures of a list as samples: whole or cut out, photographs and masks, of one size."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.images import picture, read_picture
from georetrieval.samples.sample import Pixels, Rows, Sample

Box = tuple[float, ...]
Bytes = npt.NDArray[np.uint8]
STORED = ("r", "g", "b")
HALF = 128
"""Grey value from which a pixel of a mask is 1."""


class ListedSamples:
    """One sample per row of a list.

    Parameters
    ----------
    paths
        Of the files.
    boxes
        Rectangle to be cut out, x0, y0, x1, y1 in pixels, or None for the whole picture.
    masks
        Rows that are masks: nearest resize, `HALF` and more is 1, three equal bands.
    px
        Side of the samples; photographs are resized (bilinear, antialiased).
    bands
        Any of `r g b grey`.
    keep
        Hold what was read in memory.

    Raises
    ------
    InputError
        For an unknown band, or (on reading) a file that is damaged or a box outside it.
    """

    def __init__(
        self, paths: Sequence[Path], boxes: Sequence[Box | None], masks: Sequence[bool], *, px: int,
        bands: tuple[str, ...], keys: list[str], names: list[str], scopes: list[str], keep: bool = False,
    ) -> None:
        check_bands(STORED, bands, palette=False)
        self.paths, self.boxes, self.masks = list(paths), list(boxes), list(masks)
        self.px, self.bands = px, bands
        self.keys, self.names, self.scopes = keys, names, scopes
        self._kept: dict[int, Bytes] | None = {} if keep else None

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Sample:
        return Sample(self.batch([row])[0], self.bands, self.keys[row], self.names[row], self.scopes[row])

    def batch(self, rows: Rows) -> Pixels:
        if len(rows) == 0:
            return np.empty((0, len(self.bands), self.px, self.px), np.float32)
        return derive(np.stack([self._stored(int(row)) for row in rows]), STORED, self.bands, None)

    def _stored(self, row: int) -> Bytes:
        if self._kept is None:
            return self._read(row)
        if row not in self._kept:
            self._kept[row] = self._read(row)
        return self._kept[row]

    def original(self, row: int, most: int) -> Bytes:
        """`(3, h, w)` uint8: what is resized to make this row, in at most `most` pixels a side."""
        part = self._cut_out(row).convert("RGB")
        part.thumbnail((most, most), Image.Resampling.NEAREST if self.masks[row] else Image.Resampling.BILINEAR)
        return np.ascontiguousarray(np.asarray(part, dtype=np.uint8).transpose(2, 0, 1))

    def _read(self, row: int) -> Bytes:
        if self.boxes[row] is None and not self.masks[row]:
            return read_picture(self.paths[row], self.px)
        part = self._cut_out(row)
        if not self.masks[row]:
            small = np.asarray(part.resize((self.px, self.px), Image.Resampling.BILINEAR), dtype=np.uint8)
            return np.ascontiguousarray(small.transpose(2, 0, 1))
        small = np.asarray(part.resize((self.px, self.px), Image.Resampling.NEAREST), dtype=np.uint8)
        return np.repeat(np.where(small >= HALF, 255, 0).astype(np.uint8)[None], 3, axis=0)

    def _cut_out(self, row: int) -> Image.Image:
        path, box = self.paths[row], self.boxes[row]
        part = picture(path, "L" if self.masks[row] else "RGB")
        return part if box is None else _cut(part, box, path)


def _cut(image: Image.Image, box: Box, path: Path) -> Image.Image:
    """The whole pixels that a box touches, as far as they are in the picture."""
    left, top = max(0, int(np.floor(box[0]))), max(0, int(np.floor(box[1])))
    right, bottom = min(image.width, int(np.ceil(box[2]))), min(image.height, int(np.ceil(box[3])))
    if left >= right or top >= bottom:
        raise InputError(f"The box {', '.join(f'{x:g}' for x in box)} lies outside {path} ({image.width} x "
                         f"{image.height} pixels).")
    return image.crop((left, top, right, bottom))
