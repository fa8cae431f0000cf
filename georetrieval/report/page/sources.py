"""Where a report's figures come from: editions, model, recipe, fingerprint, seeds, versions, licences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from georetrieval import __version__
from georetrieval.errors import InputError
from georetrieval.foreign import read_bytes, read_json
from georetrieval.geo.names import parse_name
from georetrieval.geo.plain_yaml import plain_values
from georetrieval.geo.tileset import TileSet
from georetrieval.search.manifest import Manifest
from georetrieval.synthetic.departement import NOTE

Row = dict[str, Any]
_ORTHO = re.compile(r"BD_?ORTHO(?:-HR)?[_0-9A-Z.-]*", re.IGNORECASE)
MOST_BYTES = 16 << 20
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
            "photos": _ortho(photos), "vectors": f"BD TOPO {name.version}, {name.edition}" if name else _last(vectors),
            "version": name.version if name else "", "official": bool(name or _ORTHO.search(photos)),
            "made_up": any(map(_is_made_up, (photos, vectors)))})
    return rows


def licences(rows: Iterable[Row], said: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """Keys of the licence lines that these editions ask for, or what a manifest says of its sources, word for word."""
    own = [str(source["licence"]) for source in said if isinstance(source.get("licence"), str)]
    lines = [] if own else ["licence_ign" for row in rows if row["official"] and not row["made_up"]]
    return list(dict.fromkeys([*own, *lines, *("licence_made_up" for row in rows if row["made_up"])]))


def about_index(manifest: Manifest, name: str, model: str) -> Row:
    """What a manifest says, and what lies beside the model: recipe, seed, epochs."""
    return {
        "index": name, "index_version": manifest.version, "fingerprint": manifest.fingerprint_digest,
        "model": _last(model), "tiles_indexed": manifest.counts.tiles, "crs": manifest.crs, "px": manifest.px,
        "cell_m": manifest.cell_m, "package": manifest.package, "report_package": __version__,
        "legend": manifest.legend_digest, **about_model(Path(model)),
    }


def about_model(model: Path) -> Row:
    """Recipe, title and seed of the run that a model lies in; {} for a baseline, or where nothing is left of it."""
    for folder in (model, model.parent):
        if (folder / "recipe.yaml").is_file():
            try:
                recipe = plain_values(read_bytes(folder / "recipe.yaml", MOST_BYTES, "a recipe").decode("utf-8"))
                return {"recipe": str(recipe["name"]), "recipe_title": str(recipe.get("title", "")),
                        "seed": recipe.get("seed"), "run": folder}
            except (InputError, OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
                return {}
    return {}


def baselines_of(run: Path, *, query: str, gallery: str, queries: int, own: float, k: int) -> list[Row]:
    """The other descriptors that a run measured on just these queries: told by the trained one's own figure.

    Parameters
    ----------
    query, gallery
        Dates.
    queries, own
        How many counted here, and map@k here: where the run's own line says the same, its other lines are of the same
        evaluation.
    """
    try:
        rows = read_json(run / "results.json", MOST_BYTES, "the results of a run")["rows"]
        here = [row for row in rows if (row["query"], row["gallery"], row["queries"]) == (query, gallery, queries)]
        same = {row["part"] for row in here if row["descriptor"] == "trained"
                and abs(row[f"map_at_{k}"] - own) < 2e-4}
        return [{"descriptor": row["descriptor"], "queries": row["queries"], "map_at_k": row[f"map_at_{k}"],
                 "recall_at_1": row["recall_at_1"], "recall_at_k": row[f"recall_at_{k}"]}
                for row in here if row["part"] in same and row["descriptor"] != "trained"]
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return []


def _ortho(path: str) -> str:
    found = _ORTHO.findall(path)
    return max(found, key=len) if found else _last(path)


def _last(path: str) -> str:
    """The last part of a path: what is said of this machine is kept out of a file that travels."""
    return Path(path).name


def _is_made_up(path: str) -> bool:
    return bool(path) and any((folder / NOTE).is_file() for folder in list(Path(path).parents)[:UP])
