"""Distorted digits: a small handwritten digit somewhere on a larger picture of noise and pieces of other digits.

*Source*: "GetNet: Get Target Area for Image Pairing", section IV-A1. The sizes are lost in the text: 28 px on 84 px.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from PIL import Image

from georetrieval.errors import InputError, MissingExtraError, UsageError
from georetrieval.files import publish_json, publishing_folder, put
from georetrieval.progress import Progress, silent
from georetrieval.synthetic.chance import stream
from georetrieval.synthetic.pictures import Bytes, Picture, as_png, put_list

DIGIT_PX, PICTURE_PX, PIECE_PX = 28, 84, 9
PARTS = {"train": 0.75, "validation": 0.10, "test": 0.15}
"""Share of the digits, hence of the pictures, that each part holds; a digit is in one part only."""


@dataclass(frozen=True)
class DigitsWish:
    """What a world of digits is made of.

    Attributes
    ----------
    seed : decides everything that is drawn by chance, the parts included
    count : pictures of all parts together; None is one for each digit of the source
    scale : smallest and largest side of the digit's frame in units of 28 px, 0.25 to 3
    rotation_deg : a digit is turned by at most this angle, either way, 0 to 180
    clutter : pieces of other digits on a picture
    noise : standard deviation of the noise, in units of the brightest ink
    """

    seed: int = 1
    count: int | None = None
    scale: tuple[float, float] = (1.0, 1.0)
    rotation_deg: float = 0.0
    clutter: int = 4
    noise: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn (UsageError)."""
        low, high = self.scale
        if not 0.25 <= low <= high <= PICTURE_PX / DIGIT_PX:
            raise UsageError(f"--scale is {low:g} {high:g}; give the smaller one first, both from 0.25 to 3.")
        if not 0 <= self.rotation_deg <= 180:
            raise UsageError(f"--rotation is {self.rotation_deg:g}; it must be from 0 to 180 degrees.")
        if self.count is not None and self.count < 10 * len(PARTS):
            raise UsageError(f"--count is {self.count}; ask for at least {10 * len(PARTS)} pictures.")
        if not 0 <= self.clutter <= 100 or not 0 <= self.noise <= 1:
            raise UsageError(f"--clutter {self.clutter} --noise {self.noise:g}: they go from 0 to 100 and from 0 to 1.")


@dataclass(frozen=True)
class Digits:
    """Handwritten digits: bright ink on black.

    Attributes
    ----------
    images : (n, 28, 28) uint8
    labels : (n,) int64, 0 to 9
    """

    images: Bytes
    labels: Any

    @classmethod
    def of(cls, source: Path | None) -> Digits:
        """Read the arrays `images` and `labels` of an .npz file; without one, scikit-learn's 1,797 digits, enlarged.

        Raises
        ------
        InputError
            When the file is not there or does not hold such arrays.
        MissingExtraError
            When no file is given and scikit-learn is not installed.
        """
        return cls.read(source) if source is not None else cls._of_scikit_learn()

    @classmethod
    def read(cls, source: Path) -> Digits:
        """Read an .npz file; see `of`."""
        try:
            with np.load(source, allow_pickle=False) as file:
                images, labels = file["images"], file["labels"]
        except FileNotFoundError:
            raise InputError(f"{source} does not exist; give an .npz file with the arrays images and labels.") from None
        except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, BadZipFile, zlib.error) as error:
            raise InputError(f"{source} is not a whole .npz file with the arrays images and labels of plain numbers "
                             f"({type(error).__name__}); write one with numpy.savez.") from error
        if images.shape[1:] != (DIGIT_PX, DIGIT_PX) or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
            raise InputError(f"{source} holds images {images.shape} {images.dtype} and labels {labels.shape}; "
                             f"(n, {DIGIT_PX}, {DIGIT_PX}) uint8 and (n,) are wanted.")
        return cls(images, labels.astype(np.int64))

    @classmethod
    def _of_scikit_learn(cls) -> Digits:
        try:
            held = import_module("sklearn.datasets").load_digits()
        except ImportError as error:
            raise MissingExtraError("scikit-learn is not installed; install it or give --source FILE.npz.") from error
        small = np.clip(held.images * (255 / 16), 0, 255).astype(np.uint8)
        images = np.zeros((len(small), DIGIT_PX, DIGIT_PX), np.uint8)
        for row, digit in enumerate(small):
            images[row, 4:24, 4:24] = np.asarray(Image.fromarray(digit).resize((20, 20), Image.Resampling.BICUBIC))
        return cls(images, held.target.astype(np.int64))


def write_digits(
    out: Path, *, seed: int = 1, source: Path | None = None, count: int | None = None,
    scale: tuple[float, float] = (1.0, 1.0), rotation_deg: float = 0.0, clutter: int = 4, noise: float = 0.1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Write the folder `out`, which must not exist, and return what its world.json says.

    A picture's box is the digit's frame, a square of 28 px times its scale: the ink fills about 20 of the 28 px, so
    that the frame holds it at any angle, and a square is what a transformer of translation and scale can find.
    The other values are those of `DigitsWish`; without `source` the digits are scikit-learn's.

    Raises
    ------
    UsageError
        When a value is out of range.
    InputError
        When `out` exists or `source` cannot be read.
    """
    wish = DigitsWish(seed, count, scale, rotation_deg, clutter, noise)
    digits = Digits.of(source)
    rows, wanted = _parts(wish, len(digits.labels))
    total, pictures = sum(wanted.values()), []
    with publishing_folder(out) as folder:
        for part, number in wanted.items():
            for n in range(number):
                row = int(rows[part][n % len(rows[part])])
                pixels, box = distorted(digits, row, rows[part], wish, part, n)
                file = f"{part}/{n:06d}.png"
                put(folder / file, as_png(pixels))
                pictures.append(Picture(file, str(digits.labels[row]), part=part, group=f"digit {row}", box=box))
                progress(len(pictures), total, "pictures")
        put_list(folder, pictures, boxes=True)
        note = {"world": "digits", **asdict(wish), "scale": list(scale), "px": PICTURE_PX, "digits": len(digits.labels),
                "pictures": wanted}
        publish_json(folder / "world.json", note)
    return note


def distorted(
    digits: Digits, row: int, others: Any, wish: DigitsWish, *names: object
) -> tuple[Bytes, tuple[float, float, float, float]]:
    """One picture, (84, 84) uint8, of digit `row` among pieces of `others`, and the box of the digit's frame.

    `names` say which picture it is: the same names give the same picture.
    """
    rng = stream(wish.seed, "distorted", *names)
    ground = rng.uniform(0, 0.2) + wish.noise * rng.normal(size=(PICTURE_PX, PICTURE_PX))
    for other in rng.choice(others, wish.clutter):
        y, x = rng.integers(4, DIGIT_PX - 4 - PIECE_PX + 1, 2)
        piece = digits.images[other, y : y + PIECE_PX, x : x + PIECE_PX] / 255
        top, left = rng.integers(0, PICTURE_PX - PIECE_PX + 1, 2)
        view = ground[top : top + PIECE_PX, left : left + PIECE_PX]
        np.maximum(view, piece * rng.uniform(0.3, 0.7), out=view)
    side = round(DIGIT_PX * rng.uniform(*wish.scale))
    angle = rng.uniform(-wish.rotation_deg, wish.rotation_deg)
    image = Image.fromarray(digits.images[row]).resize((side, side), Image.Resampling.BICUBIC)
    ink = np.asarray(image.rotate(angle, Image.Resampling.BICUBIC)) / 255
    top, left = (int(corner) for corner in rng.integers(0, PICTURE_PX - side + 1, 2))
    view = ground[top : top + side, left : left + side]
    view += (rng.uniform(0.7, 1.0) - view) * ink
    return (np.clip(ground, 0, 1) * 255).astype(np.uint8), (left, top, left + side, top + side)


def _parts(wish: DigitsWish, number: int) -> tuple[dict[str, Any], dict[str, int]]:
    """Rows of the digits of each part, and how many pictures it gets."""
    order = stream(wish.seed, "parts").permutation(number)
    ends = np.round(np.cumsum([0.0, *PARTS.values()]) * number).astype(int)
    rows = {part: order[a:b] for part, a, b in zip(PARTS, ends, ends[1:], strict=False)}
    if min(map(len, rows.values())) == 0:
        raise InputError(f"The source holds {number} digits; at least 20 are needed for train, validation and test.")
    wanted = {part: round((wish.count or number) * share) for part, share in PARTS.items()}
    return rows, wanted
