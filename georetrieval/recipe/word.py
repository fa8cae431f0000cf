"""One query as people give it: the same value on the command line and in the explorer. Nothing is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["tile", "file", "point", "box"]


@dataclass(frozen=True)
class Word:
    """One query as typed.

    Attributes
    ----------
    numbers : (x, y) of a point, (xmin, ymin, xmax, ymax) of a box, else empty
    """

    text: str
    kind: Kind
    numbers: tuple[float, ...] = ()
