"""Samples that are in memory already: a query cut out of a photo, a test's made-up pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.sample import Pixels, Rows, Sample


class ArraySamples:
    """Samples over one array.

    Parameters
    ----------
    pixels
        `(n, C, H, W)` uint8.
    stored
        Names of the `C` bands, as in a tile: `("r", "g", "b", "classes")`, `("grey",)`.
    bands
        The bands to give; by default the stored ones.
    palette
        `(256, 3)` uint8, colours of the class codes.
    """

    def __init__(
        self,
        pixels: npt.NDArray[np.uint8],
        stored: tuple[str, ...],
        *,
        keys: Sequence[str],
        bands: tuple[str, ...] | None = None,
        names: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
        palette: npt.NDArray[np.uint8] | None = None,
    ) -> None:
        if pixels.ndim != 4 or pixels.dtype != np.uint8 or pixels.shape[:2] != (len(keys), len(stored)):
            raise UsageError(
                f"{len(keys)} keys and {len(stored)} bands need uint8 pixels of shape "
                f"({len(keys)}, {len(stored)}, H, W), found {pixels.dtype} of shape {pixels.shape}."
            )
        self.bands = stored if bands is None else bands
        check_bands(stored, self.bands, palette=palette is not None)
        self.keys = list(keys)
        self.names = list(keys if names is None else names)
        self.scopes = [""] * len(keys) if scopes is None else list(scopes)
        self._pixels, self._stored, self._palette = pixels, stored, palette

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, row: int) -> Sample:
        pixels = self.batch([row])[0]
        return Sample(pixels, self.bands, self.keys[row], self.names[row], self.scopes[row])

    def batch(self, rows: Rows) -> Pixels:
        return derive(self._pixels[np.asarray(rows, dtype=np.int64)], self._stored, self.bands, self._palette)
