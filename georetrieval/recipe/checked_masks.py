"""Masks that can tell keys apart: neither empty nor full, of one size per scope, no two of them the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from georetrieval.errors import InputError
from georetrieval.samples.images import picture
from georetrieval.samples.listed import HALF
from georetrieval.samples.listing import Listing


def check_masks(pictures: Listing, names: Sequence[str]) -> None:
    """Look at the masks of a list before any of them is a row: a scope with one bad mask always answers the other one.

    Parameters
    ----------
    pictures : of which those that are masks are looked at
    names : what each is called to people

    Raises
    ------
    InputError
        When a mask is damaged, empty or full, or does not fit another one of its scope.
    """
    first: dict[str, tuple[int, ...]] = {}
    seen: dict[tuple[str, bytes], int] = {}
    for row in np.flatnonzero(pictures.roles == "mask").tolist():
        mask, scope = _read(pictures, row, names[row]), str(pictures.scopes[row])
        if mask.all() or not mask.any():
            raise InputError(f"The mask {names[row]} is {'full' if mask.all() else 'empty'}: it has no pixel "
                             f"{'darker' if mask.all() else 'brighter'} than half; give white shapes on black.")
        other = seen.setdefault((scope, mask.tobytes()), row)
        size = first.setdefault(scope, (*mask.shape, row))
        if size[:2] != mask.shape:
            raise InputError(f"The mask {names[row]} has {mask.shape[1]} x {mask.shape[0]} pixels and "
                             f"{names[size[2]]} of the same scope {size[1]} x {size[0]}; draw both on pictures of one "
                             "size.")
        if pictures.keys[other] != pictures.keys[row]:
            raise InputError(f"The masks {names[other]} of {pictures.keys[other]} and {names[row]} of "
                             f"{pictures.keys[row]} are the same; nothing can tell these keys apart.")


def _read(pictures: Listing, row: int, name: str) -> npt.NDArray[np.bool_]:
    try:
        return np.asarray(picture(pictures.paths[row], "L")) >= HALF
    except InputError as error:
        raise InputError(f"{name} cannot be read as a picture: damaged, too large, or of another kind.") from error
