"""Samples from picture files: lists and folders of JPEG, PNG, TIFF, WebP."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.foreign import regular
from georetrieval.samples.bands import check_bands, derive
from georetrieval.samples.sample import Pixels, Rows, Sample

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")
FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "BMP")
"""By Pillow's names."""


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
    small = picture(path, "RGB", draft=px).resize((px, px), Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(small, dtype=np.uint8).transpose(2, 0, 1))


def picture(path: Path, mode: str, *, draft: int | None = None) -> Image.Image:
    """A whole picture file in memory, as `mode` ("RGB", "L").

    Parameters
    ----------
    draft
        Side in pixels that is wanted at least: a JPEG is then decoded at the smallest size that is large enough.

    Raises
    ------
    InputError
        When it is no regular file, damaged, of a format that is not read, or declares more pixels than Pillow takes.
    """
    with _opened(path) as image:
        if draft is not None:
            image.draft(mode, (draft, draft))
        return image.convert(mode)


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height that a picture file declares; `InputError` as `picture`."""
    with _opened(path) as image:
        return image.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Only the formats that are asked for: Pillow would run Ghostscript on an EPS of any name."""
    regular(path, "a picture")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes below the limit, and of odd EXIF
            with Image.open(path, formats=FORMATS) as image:
                yield image
    except InputError:
        raise
    except (
        OSError, SyntaxError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError, EOFError,
        MemoryError, RuntimeError, struct.error, zlib.error, Image.DecompressionBombError,
    ) as error:
        raise InputError(f"{path} cannot be read as a picture: damaged, too large, or of another kind.") from error


def _names(paths: Sequence[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    return stems if len(set(stems)) == len(stems) else [str(path) for path in paths]
