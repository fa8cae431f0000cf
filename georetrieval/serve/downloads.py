"""Answers as files to take away: a GeoPackage with its style, or CSV, as `georetrieval search` writes them."""

from __future__ import annotations

import csv
import io
from typing import Any, Literal

import numpy as np

from georetrieval.errors import InputError
from georetrieval.files import scratch_folder
from georetrieval.maps import BOUNDS, Ground, on_ground, write_gpkg
from georetrieval.search.matches import NO_ROW
from georetrieval.serve.searching import Found
from georetrieval.serve.shown import Shown

Format = Literal["gpkg", "csv"]
KINDS: dict[Format, str] = {"gpkg": "application/geopackage+sqlite3", "csv": "text/csv; charset=utf-8"}
COLUMNS = ("query", "rank", "tile_id", "score", "hit", "scope", "date", *BOUNDS)
_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_file(shown: Shown, found: Found, format_: Format) -> bytes:
    """The bytes of a file of the question and its answers.

    Raises
    ------
    InputError
        When there is no answer.
    """
    matches = found.matches
    if not (matches.rows != NO_ROW).any():
        raise InputError("There is no answer to put into a file.")
    sure = None if found.confidence is None else np.asarray([found.confidence])
    crs = shown.version.manifest.crs
    ground = on_ground(matches, shown.version.rows[1], found.asked.bounds, crs, confidence=sure)
    if format_ == "csv":
        return _csv(ground)
    with scratch_folder() as folder:
        path = folder / "answers.gpkg"
        write_gpkg(path, ground)
        return path.read_bytes()


def _csv(ground: Ground) -> bytes:
    told = {"yes": "true", "no": "false", "unknown": ""}
    boxes = ground.matches.geometry.bounds.to_numpy()
    more = ["confidence"] if "confidence" in ground.matches else []
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *more])
    for row, box in zip(ground.matches.drop(columns="geometry").to_dict("records"), boxes, strict=True):
        plain = [row["query"], row["rank"], row["tile_id"], round(row["score"], 6), told[row["hit"]], row["scope"],
                 row["date"], *map(float, box), *(row[name] for name in more)]
        writer.writerow([_harmless(value) for value in plain])
    return text.getvalue().encode()


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet does not take for a formula. *Source*: OWASP, CSV Injection."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_STARTS) else value
