"""Where a report's figures come from: model, recipe, fingerprint, seeds, versions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from georetrieval import __version__
from georetrieval.errors import InputError
from georetrieval.foreign import read_bytes, read_json
from georetrieval.geo.plain_yaml import plain_values
from georetrieval.recipe.provenance import last_part
from georetrieval.search.manifest import Manifest

Row = dict[str, Any]
MOST_BYTES = 16 << 20
SAME = 2e-4
"""Between a figure of a run, rounded to four decimals, and the same one worked out here: two of the last decimal."""


def about_index(manifest: Manifest, name: str, model: str) -> Row:
    """What a manifest says, and what lies beside the model: recipe, seed, epochs."""
    return {
        "index": name, "index_version": manifest.version, "fingerprint": manifest.fingerprint_digest,
        "model": last_part(model), "tiles_indexed": manifest.counts.tiles, "crs": manifest.crs, "px": manifest.px,
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
                and abs(row[f"map_at_{k}"] - own) < SAME}
        return [{"descriptor": row["descriptor"], "queries": row["queries"], "map_at_k": row[f"map_at_{k}"],
                 "recall_at_1": row["recall_at_1"], "recall_at_k": row[f"recall_at_{k}"]}
                for row in here if row["part"] in same and row["descriptor"] != "trained"]
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return []
