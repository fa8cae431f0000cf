"""How a flight saw the ground: sun, air, film or sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from georetrieval.synthetic.chance import stream


@dataclass(frozen=True)
class Sky:
    """Light and camera of one date; angles in degrees, azimuth clockwise from north, colours as gains of r, g, b.

    `haze` is the share of white air light, `shade` what is left of the light in a shadow, `grain` the standard
    deviation of the film's noise in grey values, `blur_px` of its softness, `frames` the strength of the seams and
    of the fall-off between the flight's single photographs.
    """

    azimuth: float
    elevation: float
    gain: tuple[float, float, float]
    gamma: float
    haze: float
    shade: float
    grain: float
    blur_px: float
    frames: float


def sky_of(seed: int, date: str) -> Sky:
    """Film on a morning at the old date, a digital sensor in the early afternoon at the new one."""
    rng = stream(seed, "sky", date)
    wobble = rng.uniform(-1, 1, 6)
    if date == "old":
        return Sky(118 + 14 * wobble[0], 43 + 4 * wobble[1], (1.05, 1.0, 0.92), 1.12, 0.14 + 0.03 * wobble[2], 0.52,
                   5.5, 0.75, 0.09)
    return Sky(205 + 16 * wobble[0], 52 + 4 * wobble[1], (0.96, 1.02, 1.04), 0.92, 0.05 + 0.02 * wobble[2], 0.42,
               1.8, 0.5, 0.05)


def towards_sun(sky: Sky) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Unit vector on the ground (x, y) that points to the sun."""
    angle = np.deg2rad(sky.azimuth)
    return np.array([np.sin(angle), np.cos(angle)])
