"""What changed between the dates: how much of the ground each class takes, then and now."""

from __future__ import annotations

from typing import Any

import numpy as np

from georetrieval.report.page.evaluation import Evaluation

Row = dict[str, Any]


def class_changes(evaluation: Evaluation) -> list[Row]:
    """Mean share of each class over the places that are asked about and found at both dates: old, new, difference.

    Returns
    -------
    list of rows
        key, name_fr, name_en, colour, old, new, change (0..1), the class with the largest share first, "nothing" last;
        empty where one of the dates has no maps.
    """
    pairs = [(query, answer) for query, answer in evaluation.truth.items() if answer]
    legend = evaluation.tileset.legend
    columns = [f"share_{key}" for key in legend.by_key]
    if not pairs:
        return []
    now, then = (evaluation.catalogue.loc[list(side), columns].to_numpy(np.float64)
                 for side in zip(*pairs, strict=True))
    if np.isnan(now).any() or np.isnan(then).any():
        return []
    old, new = then.mean(axis=0), now.mean(axis=0)
    rows: list[Row] = [
        {"key": item.key, "name_fr": item.name_fr, "name_en": item.name_en,
         "colour": "#{:02x}{:02x}{:02x}".format(*item.colour), "old": float(a), "new": float(b),
         "change": float(b - a)} for item, a, b in zip(legend.classes, old, new, strict=True) if a or b]
    rows.sort(key=lambda row: -max(row["old"], row["new"]))
    a, b = 1 - float(old.sum()), 1 - float(new.sum())
    return [*rows, {"key": "", "name_fr": "", "name_en": "", "colour": "#000000", "old": a, "new": b, "change": b - a}]


def dates_of(evaluation: Evaluation) -> list[str]:
    """Dates of the true places in the gallery, sorted."""
    answers = [answer for answer in evaluation.truth.values() if answer]
    return sorted(set(evaluation.catalogue.loc[answers, "date"].astype(str))) if answers else []
