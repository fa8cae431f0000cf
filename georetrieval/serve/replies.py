"""Answers of the server: JSON, files that lie in memory, and errors of one sentence."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

from starlette.responses import Response

from georetrieval.errors import BusyError, GeoretrievalError, MismatchError, StoreError

LEAST_ZIPPED = 1 << 10
STATUS: dict[type[GeoretrievalError], int] = {BusyError: 503, MismatchError: 409, StoreError: 500}
"""Of what went wrong here; all else is a bad question."""
_FOLDERS = re.compile(r"(?<![\w./])/(?:[^\s/:;,'\"]+/)+")


class RefusedError(GeoretrievalError):
    """A request that is not answered, and the status that says why."""

    def __init__(self, status: int, sentence: str, *, reload: bool = False) -> None:
        super().__init__(sentence)
        self.status, self.reload = status, reload


def as_json(value: Any, status: int = 200) -> Response:
    """JSON that no cache keeps."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    return Response(data, status, media_type="application/json", headers={"Cache-Control": "no-store"})


def error_json(error: GeoretrievalError) -> Response:
    """What went wrong, as one sentence that does not say where on the disk."""
    value: dict[str, Any] = {"error": discreet(" ".join(str(error).split()))}
    if isinstance(error, RefusedError):
        return as_json(value | ({"reload": True} if error.reload else {}), error.status)
    return as_json(value, next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400))


def discreet(text: str) -> str:
    """A sentence in which files are called by their names alone."""
    return _FOLDERS.sub("", text)


class Held:
    """A file in memory, also zipped where that is worth it."""

    def __init__(self, data: bytes, kind: str, tag: str, *, cache: str = "no-cache") -> None:
        self.data, self.kind, self.tag, self.cache = data, kind, f'"{tag}"', cache
        plain = len(data) < LEAST_ZIPPED or kind.startswith("image/")
        squeezed = b"" if plain else gzip.compress(data, 6, mtime=0)
        self.zipped = squeezed if len(squeezed) < 0.9 * len(data) else b""

    def reply(self, asked_tag: str, encodings: str) -> Response:
        """The file, or 304 when the reader has it; a part of it is never served, whatever Range asks."""
        headers = {"ETag": self.tag, "Cache-Control": self.cache, "Vary": "Accept-Encoding"}
        if self.tag in [tag.strip().removeprefix("W/") for tag in asked_tag.split(",")]:
            return Response(status_code=304, headers=headers)
        if self.zipped and "gzip" in encodings.lower():
            return Response(self.zipped, media_type=self.kind, headers=headers | {"Content-Encoding": "gzip"})
        return Response(self.data, media_type=self.kind, headers=headers)
