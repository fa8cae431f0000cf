"""Stored bytes to the bands that an eye asks for. Colours of classes are derived here and stored nowhere.

| band | what |
|---|---|
| `r`, `g`, `b` | the photo; a grey photo is repeated |
| `grey` | the photo in grey |
| `sr`, `sg`, `sb` | the legend's colours |
| `sgrey` | the grey of the legend's colours |
| `classes` | the class code / 255 |
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.samples.sample import Pixels

PHOTO = ("r", "g", "b", "grey")
SEMANTIC = ("sr", "sg", "sb", "sgrey", "classes")

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green, blue in grey. *Source*: ITU-R BT.601."""

_BYTES = (np.arange(256) / 255).astype(np.float32)


def derive(
    stored: npt.NDArray[np.uint8], have: Sequence[str], want: Sequence[str], palette: npt.NDArray[np.uint8] | None
) -> Pixels:
    """Turn stored bands into wanted ones.

    Parameters
    ----------
    stored
        `(n, C, H, W)` uint8, bands named by `have`.
    palette
        `(256, 3)` uint8, colour of each class code; needed for `sr`, `sg`, `sb`, `sgrey`.

    Returns
    -------
    `(n, len(want), H, W)` float32, 0..1.

    Raises
    ------
    InputError
        When a wanted band is unknown or cannot be derived from the stored ones.
    """
    out = np.empty((stored.shape[0], len(want), *stored.shape[2:]), dtype=np.float32)
    for place, band in enumerate(want):
        _fill(out[:, place], stored, tuple(have), band, palette)
    return out


def check_bands(have: Sequence[str], want: Sequence[str], *, palette: bool) -> None:
    """Raise the error of `derive` without pixels."""
    colours = np.zeros((256, 3), dtype=np.uint8) if palette else None
    derive(np.zeros((0, len(have), 1, 1), dtype=np.uint8), have, want, colours)


def _fill(
    out: Pixels, stored: npt.NDArray[np.uint8], have: tuple[str, ...], band: str, palette: npt.NDArray[np.uint8] | None
) -> None:
    if band in have:
        np.take(_BYTES, stored[:, have.index(band)], out=out)
    elif band in ("r", "g", "b") and "grey" in have:
        np.take(_BYTES, stored[:, have.index("grey")], out=out)
    elif band == "grey" and {"r", "g", "b"} <= set(have):
        out[:] = 0
        for name, weight in zip("rgb", LUMA, strict=True):
            out += np.take(_BYTES * np.float32(weight), stored[:, have.index(name)])
    elif band in SEMANTIC and "classes" in have and palette is not None:
        np.take(_class_values(palette, band), stored[:, have.index("classes")], out=out)
    else:
        raise InputError(
            f"The band {band!r} was asked for, but the tiles hold {', '.join(have)}; "
            f"bands are {', '.join(PHOTO + SEMANTIC)}, and the semantic ones need tiles built with vectors."
        )


def _class_values(palette: npt.NDArray[np.uint8], band: str) -> Pixels:
    colours = palette.astype(np.float64) / 255
    values = colours @ np.asarray(LUMA) if band == "sgrey" else colours[:, ("sr", "sg", "sb").index(band)]
    return np.asarray(values, dtype=np.float32)
