"""Samples from picture files: lists and folders of JPEG, PNG, TIFF, WebP."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from georetrieval.errors import InputError
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.sample import Pixels, Rows, Sample

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")


class ImageSamples:
    """One sample per picture file, resized to one size.

    Parameters
    ----------
    paths
        Files, or folders that are searched whole (sorted).
    px
        Side of the samples in pixels; pictures are resized (bilinear, antialiased), not cropped.
    bands
        Any of `r g b grey`.
    keys, scopes
        One per file; by default the key is the name, and the scope is "".

    Raises
    ------
    InputError
        When a path does not exist, a folder holds no picture, or (on reading) a file is damaged.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        *,
        px: int,
        bands: tuple[str, ...] = ("r", "g", "b"),
        keys: Sequence[str] | None = None,
        scopes: Sequence[str] | None = None,
    ) -> None:
        check_bands(("r", "g", "b"), bands, palette=False)
        self.paths = [file for path in paths for file in picture_files(Path(path))]
        self.bands, self.px = bands, px
        self.names = _names(self.paths)
        self.keys = self.names if keys is None else list(keys)
        self.scopes = [""] * len(self.paths) if scopes is None else list(scopes)
        if not len(self.keys) == len(self.scopes) == len(self.paths):
            raise InputError(f"{len(self.paths)} pictures were found for {len(self.keys)} keys; give one for each.")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Sample:
        return Sample(self.batch([row])[0], self.bands, self.keys[row], self.names[row], self.scopes[row])

    def batch(self, rows: Rows) -> Pixels:
        stored = np.stack([read_picture(self.paths[int(row)], self.px) for row in rows])
        return derive(stored, ("r", "g", "b"), self.bands, None)


def picture_files(path: Path) -> list[Path]:
    """`path` itself, or the pictures anywhere under it, sorted."""
    if path.is_file():
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES) if path.is_dir() else []
    if not found:
        what = "holds no picture" if path.is_dir() else "does not exist"
        raise InputError(f"{path} {what}; give picture files ({', '.join(SUFFIXES)}) or a folder of them.")
    return found


def read_picture(path: Path, px: int) -> npt.NDArray[np.uint8]:
    """`(3, px, px)` uint8; a JPEG is decoded at the smallest size that is still large enough."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (px, px))
            small = image.convert("RGB").resize((px, px), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture: damaged, too large, or of another kind.") from error
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))


def _names(paths: Sequence[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
