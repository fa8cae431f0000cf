"""Other looks at the same pictures: in grey, turned, nearer or farther; a picture itself is all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from georetrieval.samples.bands import LUMA, SEMANTIC
from georetrieval.samples.poses import Values
from georetrieval.samples.sample import Pixels, Rows, Sample, SampleSet

COLOURS = ("r", "g", "b")


class Greyed:
    """Samples whose photo has lost its colours: r, g and b all hold its grey; the other bands stay."""

    def __init__(self, samples: SampleSet) -> None:
        self._samples = samples
        self.bands, self.keys, self.names, self.scopes = samples.bands, samples.keys, samples.names, samples.scopes
        self._colours = [self.bands.index(band) for band in COLOURS if band in self.bands]

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, row: int) -> Sample:
        return replace(self._samples[row], pixels=self.batch([row])[0])

    def batch(self, rows: Rows) -> Pixels:
        pixels = self._samples.batch(rows)
        if len(self._colours) == len(COLOURS):
            grey = np.tensordot(np.asarray(LUMA, np.float32), pixels[:, self._colours], axes=(0, 1))
            pixels[:, self._colours] = grey[:, None]
        return pixels


class Turned:
    """Samples whose pictures are turned and scaled around their middle.

    Parameters
    ----------
    angle_deg
        Counter-clockwise.
    scale
        Side of what is seen / side of the picture: below 1 it comes nearer, above 1 the picture is smaller.

    Notes
    -----
    What lies beyond the picture's border is its mirror image. The photo is bilinear, the map is that of the nearest
    pixel.
    """

    def __init__(self, samples: SampleSet, angle_deg: float, scale: float = 1.0) -> None:
        self._samples, self.angle_deg, self.scale = samples, angle_deg, scale
        self.bands, self.keys, self.names, self.scopes = samples.bands, samples.keys, samples.names, samples.scopes

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, row: int) -> Sample:
        return replace(self._samples[row], pixels=self.batch([row])[0])

    def batch(self, rows: Rows) -> Pixels:
        pixels = torch.from_numpy(self._samples.batch(rows))
        every = np.ones(len(pixels))
        seen: Pixels = turned(pixels, self.bands, self.angle_deg * every, self.scale * every).numpy()
        return seen


class Looks:
    """One picture looked at from several poses.

    Parameters
    ----------
    poses
        `(n, 4)` float64: angle in degrees, scale, and how far the look is moved right and down: see `turned`.
    """

    def __init__(self, picture: Sample, poses: Values) -> None:
        self._picture, self._poses, self.bands = picture, poses, picture.bands
        self.keys, self.names, self.scopes = (
            [text] * len(poses) for text in (picture.key, picture.name, picture.scope))

    def __len__(self) -> int:
        return len(self._poses)

    def __getitem__(self, row: int) -> Sample:
        return replace(self._picture, pixels=self.batch([row])[0])

    def batch(self, rows: Rows) -> Pixels:
        poses = self._poses[np.asarray(rows)]
        pixels = torch.from_numpy(self._picture.pixels).expand(len(poses), -1, -1, -1)
        seen: Pixels = turned(pixels, self.bands, poses[:, 0], poses[:, 1], poses[:, 2:]).numpy()
        return seen


def turned(
    pixels: Tensor, bands: Sequence[str], angle_deg: Values, scale: Values, shift: Values | None = None
) -> Tensor:
    """`(n, C, H, W)` float32 -> the same, each picture turned and scaled around its middle by its own two numbers.

    See `Turned`.

    Parameters
    ----------
    shift
        `(n, 2)` how far what is seen is then moved, as shares of its own side, to its right and down; None: not at all.
    """
    turn = np.radians(angle_deg)
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    right, down = np.zeros((2, len(pixels))) if shift is None else 2 * np.asarray(shift).T
    moves = np.stack([cos, -sin, cos * right - sin * down, sin, cos, sin * right + cos * down], axis=1)
    moves = moves.reshape(-1, 2, 3)
    grid = functional.affine_grid(torch.from_numpy(moves).float(), list(pixels.shape), align_corners=False)
    out = torch.empty_like(pixels)
    semantic = [band in SEMANTIC for band in bands]
    for mode, wanted in (("bilinear", False), ("nearest", True)):
        which = [place for place, is_map in enumerate(semantic) if is_map is wanted]
        if which:
            out[:, which] = functional.grid_sample(
                pixels[:, which], grid, mode=mode, padding_mode="reflection", align_corners=False)
    return out


def views_of(samples: SampleSet, poses: Sequence[tuple[float, float]]) -> list[SampleSet]:
    """The samples in all poses; the plain look is the samples themselves."""
    return [samples if pose == (0, 1) else Turned(samples, *pose) for pose in poses]
