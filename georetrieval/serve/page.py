"""The page's files: listed and read once at the start, so that no path of a client is ever looked up on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from georetrieval.serve.replies import Held

FOLDER = Path(__file__).parent / "web"
INDEX = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json", ".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2",
    ".pbf": "application/x-protobuf", ".ico": "image/x-icon", ".txt": "text/plain; charset=utf-8",
}


def page_files(folder: Path = FOLDER) -> Mapping[str, Held]:
    """The files of the page by their names below /web/; files of other kinds, and links, are left out."""
    found = {}
    for path in sorted(folder.rglob("*")):
        kind = KINDS.get(path.suffix.lower())
        if kind is not None and path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            tag = hashlib.sha256(data).hexdigest()[:32]
            found[path.relative_to(folder).as_posix()] = Held(data, kind, tag)
    return found
