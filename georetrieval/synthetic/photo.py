"""A made-up aerial photograph: surfaces seen under a sky, window by window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import gaussian_filter

from georetrieval.synthetic.chance import SmoothField, stream
from georetrieval.synthetic.sky import Sky, towards_sun
from georetrieval.synthetic.surfaces import CANOPY, ROOF, WATER, Surfaces

PATCH = 1021
"""Side of the repeating noise patches in pixels (a prime, so that they never fall in step with tiles)."""
TALLEST_M = 22.0
COARSE = 32
F4 = NDArray[np.float32]


@dataclass(frozen=True)
class Camera:
    """Renders windows of the ground at `gsd_m` metres per pixel; equal windows give equal bytes.

    Pixel (row, col) of the frame whose north-west corner is `corner_m` covers one square of the map; `crowns`,
    `speckle` and `film` are noise patches that repeat over the map.
    """

    surfaces: Surfaces
    sky: Sky
    gsd_m: float
    corner_m: tuple[float, float]
    tree: shapely.STRtree
    crowns: F4
    speckle: F4
    film: F4
    patches: SmoothField
    air: SmoothField
    frames: SmoothField

    @classmethod
    def of(
        cls, surfaces: Surfaces, sky: Sky, seed: int, date: str, gsd_m: float, corner_m: tuple[float, float]
    ) -> Camera:
        """Prepare the noise of a date."""
        rng = stream(seed, "camera", date)
        white = rng.normal(size=(3, PATCH, PATCH)).astype("f4")
        crowns = _unit(_smooth(white[0], 2.2 / gsd_m) - _smooth(white[0], 5 / gsd_m))
        speckle = _unit(_unit(_smooth(white[1], 1.5 / gsd_m)) + _unit(_smooth(white[1], 9 / gsd_m)))
        film = _unit(_smooth(white[2], 0.55))
        fields = [SmoothField.of(rng, wavelength) for wavelength in (260.0, 4000.0, 1500.0)]
        return cls(surfaces, sky, gsd_m, corner_m, shapely.STRtree(surfaces.shapes), crowns, speckle, film, *fields)

    def window(self, row: int, col: int, height: int, width: int) -> NDArray[np.uint8]:
        """The photograph's pixels [row:row+height, col:col+width] as (3, height, width)."""
        rim = self._reach() + 6
        row, col, height, width = row - rim, col - rim, height + 2 * rim, width + 2 * rim
        codes = self._codes(row, col, height, width)
        colour = self._lit(codes, row, col)
        soft = np.stack([gaussian_filter(band, self.sky.blur_px) for band in colour])
        return self._exposed(soft, row, col)[:, rim:-rim, rim:-rim]

    def _reach(self) -> int:
        """Length of the longest shadow in pixels."""
        return int(TALLEST_M / np.tan(np.deg2rad(self.sky.elevation)) / self.gsd_m) + 1

    def _codes(self, row: int, col: int, height: int, width: int) -> NDArray[np.int32]:
        x, y = self.corner_m[0] + col * self.gsd_m, self.corner_m[1] - row * self.gsd_m
        frame = shapely.box(x, y - height * self.gsd_m, x + width * self.gsd_m, y)
        rows = np.sort(self.tree.query(frame))
        shapes = ((self.surfaces.shapes[i], i + 1) for i in rows)
        transform = Affine(self.gsd_m, 0, x, 0, -self.gsd_m, y)
        codes = rasterize(shapes, out_shape=(height, width), transform=transform, dtype="int32") if len(rows) else 0
        return np.asarray(np.maximum(np.broadcast_to(codes, (height, width)), 1) - 1, "i4")

    def _lit(self, codes: NDArray[np.int32], row: int, col: int) -> F4:
        """Colour of the ground with rows, crowns, roofs and shadows, (3, h, w), 0-255."""
        table, sun = self.surfaces, towards_sun(self.sky).astype("f4")
        h, w = codes.shape
        east = (np.arange(w, dtype="f4") + col) * self.gsd_m
        north = -(np.arange(h, dtype="f4")[:, None] + row) * self.gsd_m
        matter = table.matter[codes]
        light = 1 + table.rough[codes] * _tiled(self.speckle, row, col, h, w)
        across = north * np.cos(table.angle)[codes] - east * np.sin(table.angle)[codes]
        rows = np.sin(across * (2 * np.pi / table.spacing_m)[codes])
        light += np.where(matter == ROOF, 0, table.contrast[codes]) * rows
        crowns = _tiled(self.crowns, row, col, h, w)
        step = np.round(sun * 3.0 / self.gsd_m).astype(int)
        towards = _tiled(self.crowns, row - step[1], col + step[0], h, w)
        canopy = matter == CANOPY
        light += np.where(canopy, 0.13 * (crowns - towards) + 0.10 * crowns, 0)
        light += 0.05 * self._coarse(self.patches, row, col, h, w) * (matter != ROOF)
        light = np.where(matter == ROOF, self._roofs(codes, east, north, sun), light)
        height = table.height_m[codes] * np.where(canopy, 1 + 0.18 * crowns, 1)
        shade = np.where(self._shadows(height.astype("f4")) & (matter != WATER), self.sky.shade, 1).astype("f4")
        shade = gaussian_filter(shade, 0.5)
        tint = np.array([1.0, 1.0, 1.08], "f4")
        return np.stack([
            table.colour[:, band][codes] * light * np.where(shade < 0.9, shade * tint[band], shade) for band in range(3)
        ]).astype("f4")

    def _roofs(self, codes: NDArray[np.int32], east: Any, north: Any, sun: F4) -> F4:
        """Brightness of a two-sided roof: the side that faces the sun is bright."""
        table = self.surfaces
        nx, ny = -np.sin(table.angle), np.cos(table.angle)
        facing = table.contrast * (nx * sun[0] + ny * sun[1])
        ridge = nx * (table.centre[:, 0] - self.corner_m[0]) + ny * (table.centre[:, 1] - self.corner_m[1])
        side = np.sign(nx[codes] * east + ny[codes] * north - ridge[codes])
        return np.asarray(1 + 0.26 * side * facing[codes], "f4")

    def _shadows(self, height: F4) -> NDArray[np.bool_]:
        """Where something between here and the sun stands above the ray."""
        sun, rise = towards_sun(self.sky), np.tan(np.deg2rad(self.sky.elevation))
        dark = np.zeros(height.shape, bool)
        for k in range(1, self._reach() + 1):
            down, right = round(-k * sun[1]), round(k * sun[0])
            higher = np.roll(height, (-down, -right), (0, 1)) - k * self.gsd_m * rise
            dark |= higher > height + 0.5
        return dark

    def _exposed(self, colour: F4, row: int, col: int) -> NDArray[np.uint8]:
        """What film or sensor makes of it: frames, haze, gamma, grain."""
        sky = self.sky
        h, w = colour.shape[1:]
        frames = 1 + sky.frames * self._coarse(self.frames, row, col, h, w)
        air = np.clip(sky.haze * (1 + 0.5 * self._coarse(self.air, row, col, h, w)), 0, 0.5)
        noise = _tiled(self.film, row, col, h, w) * sky.grain
        out = np.empty(colour.shape, np.uint8)
        for band in range(3):
            value = np.clip(colour[band] * frames * sky.gain[band] / 255, 0, 1) ** sky.gamma
            value = 255 * (value * (1 - air) + air * (0.80, 0.83, 0.88)[band])
            other = _tiled(self.film, row + 17 * band, col + 29 * band, h, w) * sky.grain
            out[band] = np.clip(value + 0.8 * noise + 0.4 * other + 0.5, 0, 255)
        return out

    def _coarse(self, field: SmoothField, row: int, col: int, h: int, w: int) -> F4:
        down, right = row % COARSE, col % COARSE
        rows = np.arange((h + down) // COARSE + 2) * COARSE + row - down
        cols = np.arange((w + right) // COARSE + 2) * COARSE + col - right
        values = field((cols * self.gsd_m)[None], (-rows * self.gsd_m)[:, None]).astype("f4")
        return _between(_between(values, h + down).T, w + right).T[down:, right:]


def _between(values: F4, count: int) -> F4:
    """Rows of `values` lie COARSE pixels apart: the first `count` pixel rows, linearly between them."""
    at = np.arange(count)
    share = (at % COARSE / COARSE).astype("f4")[:, None]
    return np.asarray(values[at // COARSE] * (1 - share) + values[at // COARSE + 1] * share)


def _smooth(noise: F4, sigma_px: float) -> F4:
    return np.asarray(gaussian_filter(noise, sigma_px, mode="wrap"))


def _unit(noise: F4) -> F4:
    return np.asarray((noise - noise.mean()) / noise.std(), "f4")


def _tiled(patch: F4, row: int, col: int, h: int, w: int) -> F4:
    return patch[(row + np.arange(h)) % PATCH][:, (col + np.arange(w)) % PATCH]
