"""Pictures that were dropped on the page: checked, kept in memory, a few; the oldest leave."""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import numpy as np
from PIL import Image

from georetrieval.errors import InputError
from georetrieval.files import put, scratch_folder
from georetrieval.geo.ortho import open_mosaic
from georetrieval.geo.sniff import opened, sniff
from georetrieval.recipe.asking import Queries
from georetrieval.serve.replies import RefusedError
from georetrieval.serve.settings import Settings
from georetrieval.serve.tile_pictures import encoded

MOST = 8
"""Pictures that are kept."""
PREVIEW_PX = 512
NAME_LETTERS = 80
UNNAMED = "picture"
_ODD = re.compile(r"[^\w .()+-]")


@dataclass(frozen=True, eq=False)
class Upload:
    """One picture: its bytes, and what was seen on it by version of the index."""

    id: str
    name: str
    data: bytes
    width: int
    height: int
    preview: bytes
    seen: dict[str, tuple[Queries, list[str]]] = field(default_factory=dict)

    @contextmanager
    def on_disk(self) -> Iterator[Path]:
        """Lend it as a file for those who can only read files; its name there is ours."""
        with _lent(self.data, self.name) as path:
            yield path


class Uploads:
    """The pictures that are held, by unguessable names."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._held: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, data: bytes, name: str) -> Upload:
        """Keep a picture.

        Raises
        ------
        RefusedError
            415 when it is no JPEG 2000, TIFF, JPEG or PNG, 413 when it has too many pixels.
        InputError
            When it is damaged.
        """
        upload = read_upload(data, display_name(name), self.settings.upload_pixels)
        with self._lock:
            self._held[upload.id] = upload
            while len(self._held) > MOST or self._bytes() > 2 * self.settings.upload_bytes:
                self._held.popitem(last=False)
        return upload

    def get(self, name: str) -> Upload:
        """The picture of that name; RefusedError 404 when it is not held any more."""
        with self._lock:
            found = self._held.get(name)
        if found is None:
            raise RefusedError(404, "That picture is not held any more; drop it again.")
        return found

    def _bytes(self) -> int:
        return sum(len(one.data) + len(one.preview) for one in self._held.values())


def read_upload(data: bytes, name: str, most_pixels: int) -> Upload:
    """A checked picture and a smaller one to be shown; errors as of `Uploads.add`."""
    with _lent(data, name) as path:
        try:
            sniff(path)
        except InputError as error:
            raise RefusedError(415, str(error).replace(str(path), name)) from error
        with opened(path) as file:
            width, height = file.width, file.height
        if width * height > most_pixels:
            raise RefusedError(413, f"{name} has {width} x {height} pixels, more than {most_pixels / 1e6:.0f} million; "
                                    "cut it, or make it smaller.")
        mosaic = open_mosaic(path)
        scale = min(1.0, PREVIEW_PX / max(width, height))
        shape = (max(1, round(height * scale)), max(1, round(width * scale)))
        pixels = mosaic.read(mosaic.bounds, shape)[0]
    shown = np.repeat(pixels, 3, axis=0) if len(pixels) == 1 else pixels
    preview = encoded(shown.transpose(1, 2, 0), max(shape), Image.Resampling.BILINEAR)
    return Upload(secrets.token_urlsafe(16), name, data, width, height, preview)


def display_name(text: str) -> str:
    """What a client calls a picture, percent-encoded, as a short name without anything that means something."""
    plain = _ODD.sub("_", unquote(text, errors="replace").replace("\\", "/").rpartition("/")[2]).strip(" .")
    return plain[:NAME_LETTERS] or UNNAMED


@contextmanager
def _lent(data: bytes, name: str) -> Iterator[Path]:
    """A file of our own naming; what goes wrong with it is told of the picture's name."""
    with scratch_folder() as folder:
        path = folder / UNNAMED
        put(path, data)
        try:
            yield path
        except RefusedError:
            raise
        except InputError as error:
            raise InputError(str(error).replace(str(path), name)) from error
