"""From an evaluation to one HTML file that needs nothing else."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from georetrieval import __version__
from georetrieval.recipe.failures import failure_lines
from georetrieval.recipe.provenance import editions, licences
from georetrieval.report.page import charts, ground, hubs, places
from georetrieval.report.page.album import SIDES, Album
from georetrieval.report.page.changes import class_changes, dates_of
from georetrieval.report.page.evaluation import Evaluation
from georetrieval.report.page.sheets import worst_sheets
from georetrieval.report.page.words import Words
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import recall_at_k, summary

SECTIONS = ("summary", "map", "worst", "groups", "confusion", "hubs", "scores", "change", "sources")
BUDGET = 9_000_000
"""Bytes of a report, at most: what most mail servers let through. Pictures become smaller until it fits."""
WORST = 20
Row = dict[str, Any]


def rendered(template: str, words: Words, **context: Any) -> bytes:
    """A page of the package's templates; the style stands inside it."""
    loader = PackageLoader("georetrieval.report.page", "templates")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                        lstrip_blocks=True)
    style = Markup(pages.loader.get_source(pages, "report.css")[0]) if pages.loader else Markup("")
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    return pages.get_template(template).render(
        w=words, style=style, package=__version__, day=day, **context).encode()


def report_of(evaluation: Evaluation, words: Words, *, worst: int = WORST) -> bytes:
    """The report of an evaluation of tiles as HTML.

    Parameters
    ----------
    worst
        Queries that are shown as contact sheets, at most. Pictures are as large as the `BUDGET` allows; where even the
        smallest do not, there are fewer sheets.
    """
    fixed, lines = _context(evaluation, words), evaluation.worst[:worst]
    sides = [side for side in SIDES if side <= evaluation.tileset.px] or [evaluation.tileset.px]
    while True:
        for side in sides:
            page = _page(evaluation, words, fixed, lines, side)
            if len(page) <= BUDGET or (side == sides[-1] and not lines):
                return page
        lines = lines[: len(lines) // 2]


def _page(evaluation: Evaluation, words: Words, fixed: Row, lines: list[int], side: int) -> bytes:
    album = Album(evaluation.tileset, side)
    numbered = {line: number for number, line in enumerate(lines, 1)}
    maps = ground.ground_maps(evaluation, words, numbered)
    busy = fixed["hubs"]["rows"]
    small = Album(evaluation.tileset, min(side, SIDES[-2]))
    shown = fixed["hubs"] | {"rows": [row | {"picture": small.photo(row["tile"]) or small.semantic(row["tile"])}
                                      for row in busy]}
    return rendered("tiles.html", words, **fixed | {"hubs": shown}, maps=maps,
                    maps_left=max(0, len(evaluation.scopes) - len(maps)),
                    sheets=worst_sheets(evaluation, lines, words, album))


def _context(e: Evaluation, words: Words) -> Row:
    """All that does not depend on how large pictures are."""
    old = ", ".join(dates_of(e)) or words("other_dates")
    made_of = editions(e.tileset, _surveys(e))
    said = licences(made_of, e.about.get("sources", ()))
    return {
        "title": e.title, "k": e.k, "date": e.date, "old_dates": old, "depth": e.matches.k,
        "lead": _lead(e, words, old),
        "contents": [(id_, words(f"section_{id_}")) for id_ in SECTIONS],
        "scope_name": lambda scope: ground.words_scope(words, str(scope)),
        "landscape_name": lambda name: words.known("landscape", str(name)),
        "legend": ground.legend_of(words, e.k), **_summary(e, words), "groups": _groups(e, words),
        "classes": [{"colour": "#{:02x}{:02x}{:02x}".format(*item.colour),
                     "name": item.name_fr if words.language == "fr" else item.name_en}
                    for item in e.tileset.legend.classes] + [{"colour": "#000000", "name": words("class_nothing")}]
        if e.has_classes else [],
        **_confusion(e, words), "hubs": hubs.hub_section(e), **_scores(e, words), **_changes(e, words, made_of),
        "facts": _facts(e, words), "editions": made_of,
        "licences": [words.known("licence", line.removeprefix("licence_")) for line in said] or
        [words("licence_unknown")],
    }


def _surveys(e: Evaluation) -> list[tuple[str, str]]:
    """(scope, date) of the queries and of the gallery rows."""
    gallery = e.rows[["scope", "date"]].drop_duplicates().itertuples(index=False)
    return [*((scope, e.date) for scope in e.scopes), *((str(scope), str(date)) for scope, date in gallery)]


def _lead(e: Evaluation, words: Words, old: str) -> str:
    count, first = int(e.counted.sum()), int((e.counted & (e.ranks == 1)).sum())
    within = int((e.counted & (e.ranks > 0) & (e.ranks <= e.k)).sum())
    return words("lead", first=first, queries=count, date=e.date, share=words.per_cent(first / count if count else
                 float("nan")), gallery=len(e.rows), old=old, within=within, k=e.k)


def _summary(e: Evaluation, words: Words) -> Row:
    value = summary(e.first, e.k)
    recalls = [(k, recall_at_k(e.matches, k)) for k in sorted({1, e.k, 10}) if k <= e.matches.k]
    figures = [{"name": f"map@{e.k}", "value": value.map_at_k},
               *({"name": words("recall", k=k), "value": recall} for k, recall in recalls),
               {"name": words("queries"), "value": value.queries},
               {"name": words("unanswered"), "value": value.invalid_left_out}]
    own = {"descriptor": words("this_index", index=e.about.get("index", e.title)), "own": True,
           "map_at_k": value.map_at_k, "recall_at_1": value.recall_at_1, "recall_at_k": value.recall_at_k,
           "queries": value.queries}
    counts = {"counted": value.queries, "absent": value.without_truth, "invalid": value.invalid_left_out,
              "blank": e.blank}
    better = [row["descriptor"] for row in e.beside if row["map_at_k"] > value.map_at_k]
    return {"better": ", ".join(dict.fromkeys(better)), "figures": figures,
            "beside": [own, *e.beside] if e.beside else [],
            "by_scope": [_scope_line(e.first.in_scope(scope), e.k, ground.words_scope(words, scope))
                         for scope in e.scopes],
            "asked": [{"name": words(f"asked_{name}"), "value": count} for name, count in counts.items()]}


def _scope_line(matches: Matches, k: int, name: str) -> Row:
    value = summary(matches, k)
    return {"name": name, "map_at_k": value.map_at_k, "recall_at_1": value.recall_at_1,
            "recall_at_k": value.recall_at_k, "queries": value.queries}


def _groups(e: Evaluation, words: Words) -> list[Row]:
    lines, tables = failure_lines(e.first, e.groups, e.k), []
    for group in e.groups:
        what = "landscape" if group.by == "landscape" else f"change_{group.values[0].split()[0]}"
        rows = [{"name": _group_name(words, what, str(line["value"])), "score": line[f"map_at_{e.k}"],
                 "queries": line["queries"]} for line in lines if line["by"] == group.by]
        tables.append({"name": words(f"group_{what}"), "column": words(what), "rows": rows,
                       "note": words(f"note_{what}")})
    return tables


def _group_name(words: Words, what: str, value: str) -> str:
    """A landscape, or a bin of change ("map 0.05-0.1", "map 0.2 and more") in per cent or as it is."""
    if what == "landscape":
        return words.known("landscape", value)
    low, _, high = value.split()[1].partition("-")

    def told(text: str) -> str:
        return words.per_cent(float(text), 0) if what == "change_map" else words.decimal(float(text), 1)

    return words("bin_between", low=told(low), high=told(high)) if high else words("bin_more", low=told(low))


def _confusion(e: Evaluation, words: Words) -> Row:
    count, pairs = places.swapped(e)
    cell = float(e.tileset.grid.cell_m)

    def length(value: float) -> str:
        return words.length(value) if e.tileset.grid.crs else f"{words.decimal(value, 0)} px"

    far = [row | {"name": words(f"far_{row['kind']}", **({"limit": length(row["limit_m"])} if row["limit_m"] else {}))}
           for row in places.how_far(e)]
    told = [pair | {"apart": length(pair["steps"] * cell) if np.isfinite(pair["steps"]) else words("apart_elsewhere")}
            for pair in pairs]
    return {"missed": len(e.missed), "far": far, "scopes_matrix": places.between_scopes(e),
            "landscape_matrix": places.between_landscapes(e), "swapped_count": count, "swapped": told}


def _scores(e: Evaluation, words: Words) -> Row:
    said = e.counted & e.matches.found[:, 0]
    right = said & e.matches.hits[:, 0]
    first = e.matches.scores[:, 0].astype(np.float64)
    lead = (e.true_scores - e.wrong_scores)[e.counted]
    known = lead[np.isfinite(lead)]
    ahead, behind = known[known > 0], known[known <= 0]
    beyond = int((e.counted & (e.ranks == 0)).sum())
    return {
        "chart_first": charts.spread(first[right], first[said & ~right], words, title=words("chart_first"),
                                     along=words("chart_first_along")),
        "chart_lead": charts.spread(ahead, behind, words, title=words("chart_lead"), along=words("chart_lead_along")),
        "chart_counts": [int(right.sum()), int((said & ~right).sum()), len(ahead), len(behind), beyond]}


def _changes(e: Evaluation, words: Words, made_of: Sequence[Mapping[str, Any]]) -> Row:
    rows = class_changes(e)
    largest = max((max(row["old"], row["new"]) for row in rows), default=0.0) or 1.0
    told = [row | {"name": row[f"name_{words.language}"] or words("class_nothing"),
                   "told": f"{'+' if row['change'] > 0 else ''}{words.decimal(100 * row['change'], 2)}",
                   "old_bar": round(100 * row["old"] / largest, 1), "new_bar": round(100 * row["new"] / largest, 1)}
            for row in rows]
    return {"changes": told, "places": sum(bool(answer) for answer in e.truth.values()),
            "specification": _specification(e, words, made_of)}


def _specification(e: Evaluation, words: Words, made_of: Sequence[Mapping[str, Any]]) -> str:
    """The note that part of the change is the specification; "" where both dates have one version."""
    old_dates = dates_of(e)
    new = sorted({row["version"] for row in made_of if row["date"] == e.date})
    old = sorted({row["version"] for row in made_of if row["date"] in old_dates})
    if not all([*old, *new]) or not old or not new:
        return words("change_specification_unknown")
    if old == new:
        return ""
    return words("change_specification", old=", ".join(old_dates), new=e.date, old_version=", ".join(old),
                 new_version=", ".join(new))


def _facts(e: Evaluation, words: Words) -> list[tuple[str, Any]]:
    a, grid = e.about, e.tileset.grid
    code = Markup("<code>{}</code>")
    scopes = ", ".join(ground.words_scope(words, scope) for scope in e.scopes)
    cell = words.length(float(grid.cell_m)) if grid.crs else f"{grid.cell_m:g} px"
    seed = a.get("seed")
    facts = [
        ("index", "index_version" in a and words("fact_index_value", name=a["index"], version=a["index_version"],
                                                 tiles=a["tiles_indexed"])),
        ("model", a.get("model")), ("fingerprint", a.get("fingerprint") and code.format(a["fingerprint"])),
        ("recipe", a.get("recipe") and (f"{a['recipe']} – {a['recipe_title']}" if a.get("recipe_title") else
                                        a["recipe"])),
        ("seed", "" if seed is None else str(seed)),
        ("question", words("fact_question_value", date=e.date, scopes=scopes, k=e.k, depth=e.matches.k)),
        ("options", a.get("options")),
        ("grid", words("fact_grid_value", crs=grid.crs or words("fact_plain_frame"), cell=cell, px=e.tileset.px)),
        ("legend", Markup("{} <code>{}</code>").format(e.tileset.legend.name, e.tileset.legend.digest[:12])),
        ("software", words("fact_software_value", report=__version__, index=a.get("package", __version__))),
    ]
    return [(words(f"fact_{name}"), value) for name, value in facts if value]
