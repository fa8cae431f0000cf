"""How a window lies on the ground: moved, turned, scaled; and how poses are drawn for a batch of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Literal

import numpy as np
import numpy.typing as npt

from georetrieval.errors import UsageError

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Poses:
    """One pose per sample, relative to the sample's own tile.

    Attributes
    ----------
    east, north
        `(n,)` float64, shift of the centre as a share of the tile's side.
    angle_deg
        `(n,)` float64, counter-clockwise turn of the picture.
    scale
        `(n,)` float64, side of the ground that is seen / side of a tile; > 0.

    Raises
    ------
    UsageError
        When the lengths differ or a scale is not above 0.
    """

    east: Values
    north: Values
    angle_deg: Values
    scale: Values

    def __post_init__(self) -> None:
        for name in ("east", "north", "angle_deg", "scale"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        shapes = {self.east.shape, self.north.shape, self.angle_deg.shape, self.scale.shape}
        if len(shapes) != 1 or self.east.ndim != 1 or not (self.scale > 0).all():
            raise UsageError("Poses need four lists of one length, and scales above 0.")

    def __len__(self) -> int:
        return len(self.east)

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Poses:
        """The poses of some rows (positions or a mask)."""
        return Poses(self.east[rows], self.north[rows], self.angle_deg[rows], self.scale[rows])

    @classmethod
    def none(cls, count: int) -> Poses:
        """Poses that change nothing."""
        zeros = np.zeros(count)
        return cls(zeros, zeros, zeros, np.ones(count))


@dataclass(frozen=True)
class GroundSettings:
    """How far the windows of a training batch move over the ground around their tiles.

    Attributes
    ----------
    place
        Largest shift, as a share of the side, that all pairs of a batch share: the batch is a shifted grid, so that no
        two of its places overlap more than before. 0..0.5.
    shift
        Largest further shift of each member on its own, 0..0.5.
    angle_deg
        Largest turn to either side of each member on its own, 0..180.
    scale
        Smallest and largest scale of each member on its own, drawn log-uniformly.
    sides
        Which members are turned and scaled: "both", or "query", the first member of each pair only.
    zoom
        Smallest and largest scale, drawn log-uniformly, that both members of all pairs of a batch share: a net that
        is to be asked at several scales of the gallery.
    looks
        Smallest and largest scale at which every other query is taken, at any angle, to be turned and scaled back as
        the looks at a query of unknown pose are (`views.turned`): what lay beyond its border is lost. None: no query.
    """

    place: float = 0.0
    shift: float = 0.0
    angle_deg: float = 0.0
    scale: tuple[float, float] = (1.0, 1.0)
    sides: Literal["both", "query"] = "both"
    zoom: tuple[float, float] = (1.0, 1.0)
    looks: tuple[float, float] | None = None

    def draw(self, count: int, random: np.random.Generator) -> tuple[Poses, Poses]:
        """Poses of the first and of the second members of `count` pairs; the same generator state, the same poses."""
        place = random.uniform(-self.place, self.place, 2)
        ours = self._member(count, place, random, True)
        theirs = self._member(count, place, random, self.sides == "both")
        zoom = exp(random.uniform(log(self.zoom[0]), log(self.zoom[1])))
        return replace(ours, scale=ours.scale * zoom), replace(theirs, scale=theirs.scale * zoom)

    def look(self, poses: Poses, random: np.random.Generator) -> tuple[Poses, Values, Values]:
        """The poses in which queries are taken, and the angles and scales that bring each back to its own pose."""
        if self.looks is None:
            return poses, np.zeros(len(poses)), np.ones(len(poses))
        chosen = random.random(len(poses)) < 1 / 2
        angle = random.uniform(-180, 180, len(poses)) * chosen
        scale = np.exp(random.uniform(log(self.looks[0]), log(self.looks[1]), len(poses)) * chosen)
        taken = Poses(poses.east, poses.north, poses.angle_deg + angle, poses.scale * scale)
        return taken, -angle, 1 / scale

    def _member(self, count: int, place: Values, random: np.random.Generator, turned: bool) -> Poses:
        east, north = place[:, None] + random.uniform(-self.shift, self.shift, (2, count))
        angle = random.uniform(-self.angle_deg, self.angle_deg, count)
        scale = np.exp(random.uniform(log(self.scale[0]), log(self.scale[1]), count))
        return Poses(east, north, angle, scale) if turned else Poses(east, north, 0 * angle, np.ones(count))


def poses_of(turns: int = 1, scales: Sequence[float] = (1.0,)) -> list[tuple[float, float]]:
    """Angles in degrees and scales: `turns` equally spaced turns, each at all scales."""
    return [(360 * turn / turns, scale) for turn in range(turns) for scale in scales]
