"""What tiles were made of, and the licences that asks for: for all who show tiles to people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from georetrieval.geo.names import parse_name
from georetrieval.geo.tileset import TileSet
from georetrieval.synthetic.departement import NOTE

Row = dict[str, Any]
_ORTHO = re.compile(r"BD_?ORTHO(?:-HR)?[_0-9A-Z.-]*", re.IGNORECASE)
UP = 8
"""Folders above a delivery in which the note of a made-up world is looked for."""


def editions(tileset: TileSet, surveys: Iterable[tuple[str, str]]) -> list[Row]:
    """What each survey was made of: scope, date, photos, vectors (names, never paths), edition, version, made_up."""
    wanted, rows = set(surveys), []
    for survey in tileset.surveys:
        if (survey["scope"], survey["date"]) not in wanted:
            continue
        photos, vectors = str(survey.get("photos") or ""), str(survey.get("vectors") or "")
        name = parse_name(vectors)
        rows.append({
            "scope": str(survey["scope"]), "date": str(survey["date"]), "tiles": int(survey["tiles"]),
            "photos": _ortho(photos),
            "vectors": f"BD TOPO {name.version}, {name.edition}" if name else last_part(vectors),
            "version": name.version if name else "", "official": bool(name or _ORTHO.search(photos)),
            "made_up": any(map(_is_made_up, (photos, vectors)))})
    return rows


def licences(rows: Iterable[Row], said: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """Keys of the licence lines that these editions ask for, or what a manifest says of its sources, word for word."""
    own = [str(source["licence"]) for source in said if isinstance(source.get("licence"), str)]
    lines = [] if own else ["licence_ign" for row in rows if row["official"] and not row["made_up"]]
    return list(dict.fromkeys([*own, *lines, *("licence_made_up" for row in rows if row["made_up"])]))


def _ortho(path: str) -> str:
    found = _ORTHO.findall(path)
    return max(found, key=len) if found else last_part(path)


def last_part(path: str) -> str:
    """The last part of a path: what is said of this machine is kept out of a file that travels."""
    return Path(path).name


def _is_made_up(path: str) -> bool:
    return bool(path) and any((folder / NOTE).is_file() for folder in list(Path(path).parents)[:UP])
