"""Objects of one kind: shapes with columns, and the few shapes that a made-up world is built of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from georetrieval.synthetic.chance import Floats

Shapes = NDArray[np.object_]
Move = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Layer:
    """Shapes (n,) in metres, with one array of n values per column; `old` and `new` say at which date they stand."""

    geometry: Shapes
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.geometry)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.columns[column]

    def where(self, chosen: NDArray[Any]) -> Layer:
        """The objects of a mask or of row numbers."""
        return Layer(self.geometry[chosen], {k: v[chosen] for k, v in self.columns.items()})

    def with_geometry(self, geometry: Shapes) -> Layer:
        """The same objects in other shapes."""
        return Layer(geometry, self.columns)

    def with_columns(self, **columns: NDArray[Any]) -> Layer:
        """The same objects with some columns set."""
        return Layer(self.geometry, {**self.columns, **columns})

    def moved(self, move: Move) -> Layer:
        """The same objects with every vertex moved."""
        return self.with_geometry(shapely.transform(self.geometry, move))


def layer_of(geometry: Sequence[Any] | Shapes, **columns: Any) -> Layer:
    """A layer; a single value stands for a whole column."""
    shapes = np.empty(len(geometry), object)
    shapes[:] = geometry
    return Layer(shapes, {k: _column(v, len(shapes)) for k, v in columns.items()})


def stacked(layers: Sequence[Layer]) -> Layer:
    """One layer of all objects; the layers have the same columns."""
    names = layers[0].columns
    return Layer(
        np.concatenate([layer.geometry for layer in layers]),
        {name: np.concatenate([layer[name] for layer in layers]) for name in names},
    )


def rectangles(x: Floats, y: Floats, along: Floats, across: Floats, angle: Floats) -> Shapes:
    """Rectangles about centres, `along` metres in the direction of `angle` (radians), `across` metres beside it."""
    x, y, along, across, angle = np.broadcast_arrays(x, y, along, across, angle)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) / 2
    u, v = signs[:, 0] * along[:, None], signs[:, 1] * across[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    return np.asarray(shapely.polygons(np.stack([x[:, None] + u * cos - v * sin, y[:, None] + u * sin + v * cos], 2)))


def blob(rng: np.random.Generator, x: float, y: float, radius_m: float, wild: float = 0.25) -> Any:
    """A round shape with a wavy outline."""
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    radius = radius_m * np.ones_like(turn)
    for k in (2, 3, 4):
        radius *= 1 + wild / k * 2 * rng.uniform(-1, 1) * np.cos(k * turn + rng.uniform(0, 6.3))
    return shapely.polygons(np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], 1))


def meander(
    rng: np.random.Generator, start: Floats, end: Floats, swing_m: float, wavelength_m: float, step_m: float = 20.0,
    *, pinned: bool = True,
) -> Any:
    """A winding line from start to end; pinned lines keep their ends in place."""
    length = float(np.hypot(*(end - start)))
    t = np.linspace(0, 1, max(3, int(length / step_m) + 1))
    side = np.zeros_like(t)
    for k in (1.0, 1.9, 3.3):
        side += rng.normal() / k * np.sin(2 * np.pi * k * t * length / wavelength_m + rng.uniform(0, 6.3))
    side *= swing_m * (np.sin(np.pi * t) ** 0.5 if pinned else 1.0)
    normal = np.array([start[1] - end[1], end[0] - start[0]]) / max(length, 1e-9)
    return shapely.linestrings(start + t[:, None] * (end - start) + side[:, None] * normal)


def _column(value: Any, count: int) -> NDArray[Any]:
    array = np.asarray(value)
    return np.full(count, value, array.dtype) if array.ndim == 0 else array
