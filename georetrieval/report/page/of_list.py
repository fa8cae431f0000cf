"""The report of an index of pictures: a list of pictures whose keys are known is asked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from georetrieval import __version__
from georetrieval.errors import InputError
from georetrieval.progress import Progress, silent
from georetrieval.recipe.reading_index import eye_of
from georetrieval.recipe.reading_pictures import listed, looked, rows_names
from georetrieval.report.page import charts
from georetrieval.report.page.album import inline
from georetrieval.report.page.render import WORST, Row, rendered
from georetrieval.report.page.sources import about_index
from georetrieval.report.page.words import Words
from georetrieval.samples.listing import Listing
from georetrieval.search.confusion import Confusion, first_answers
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.gallery import Filter, Gallery
from georetrieval.search.matches import Matches
from georetrieval.search.metrics import summary
from georetrieval.search.row_source import Store
from georetrieval.search.verdicts import known_scope

MATRIX = 24
"""Keys above which the matrix gives way to the table of keys alone."""
ANSWERS = 3
SIDE = 160
DEPTH = 100


@dataclass(frozen=True, eq=False)
class Asked:
    """Pictures that asked an index.

    Attributes
    ----------
    matches
        `query_rows` are rows of `listing`.
    damaged
        A sentence for each picture that could not be read.
    """

    matches: Matches
    listing: Listing
    descriptors: Descriptors
    gallery: Gallery
    crop: bool
    damaged: tuple[str, ...] = ()


def asked(
    store: Store, pictures: Path, *, parts: Sequence[str] = (), scopes: Sequence[str] = (), model: str | None = None,
    k: int = 5, progress: Progress = silent,
) -> Asked:
    """Ask an index of pictures with the images of a list whose keys are known.

    Raises
    ------
    InputError
        When no such picture is left, a scope is not in the index, or it is an index of tiles.
    """
    listing = listed([pictures])
    chosen = (listing.roles == "image") & (listing.keys != "")
    for values, wanted in ((listing.parts, parts), (listing.scopes, scopes)):
        chosen &= np.isin(values, list(wanted)) if wanted else True
    if not chosen.any():
        what = " and ".join([*(f"the part {' or '.join(parts)}" for _ in parts[:1]), *(
            f"the scope {' or '.join(scopes)}" for _ in scopes[:1])])
        raise InputError(f"{pictures} has no image with a key{f' in {what}' if what else ''}; a report needs pictures "
                         "whose key is known.")
    listing, eye, gallery, made = listing.take(chosen), eye_of(store, model), store.gallery(), store.manifest.pictures
    assert made is not None
    found = list[Descriptors]()
    rows, damaged = list[int](), list[str]()
    for part in looked(listing, eye, crop=made.crop):
        damaged += part.damaged
        rows += part.rows
        found += [part.descriptors] if part.descriptors is not None else []
        progress(len(rows) + len(damaged), len(listing), "pictures")
    if not found:
        raise InputError(f"None of the pictures of {pictures} can be read: {damaged[0]}")
    listing, seen = listing.take(rows), Descriptors.concatenate(found)
    each = {scope: known_scope(gallery, scope) for scope in sorted(set(seen.scopes.tolist()))}
    seen = replace(seen, scopes=np.asarray([each[scope] for scope in seen.scopes.tolist()]))
    own = made.rows == "each" and made.role == "image"
    seen = replace(seen, names=rows_names(listing, gallery.descriptors)) if own else seen
    depth = max(k, min(DEPTH, len(gallery.descriptors)))
    return Asked(gallery.search(seen, depth, where=Filter(own_scope=True, exclude_self=own)), listing, seen, gallery,
                 made.crop, tuple(damaged))


def pictures_report(
    answers: Asked, store: Store, words: Words, *, name: str, model: str | None = None, k: int = 5,
    title: str | None = None, worst: int = WORST,
) -> bytes:
    """The report of some pictures as HTML."""
    made = store.manifest.pictures
    assert made is not None
    about = about_index(store.manifest, name, model or store.manifest.model)
    facts = [("index", words("fact_index_rows", name=name, version=about["index_version"],
                             rows=about["tiles_indexed"])),
             ("rows", words(f"fact_rows_{made.rows}")), ("model", about["model"]),
             ("fingerprint", about["fingerprint"]), ("recipe", about.get("recipe")), ("seed", about.get("seed")),
             ("software", words("fact_software_value", report=__version__, index=about["package"]))]
    section = pictures_context(answers, words, k=k, worst=worst)
    return rendered("pictures.html", words, **section, title=title or words("title_pictures", index=name), k=k,
                    facts=[(words(f"fact_{key}"), value) for key, value in facts if value is not None], plots=[],
                    contents=[(id_, words(f"section_{id_}")) for id_ in ("summary", "keys", "scores", "worst",
                                                                         "sources")],
                    licences=[words("licence_unknown")])


def pictures_context(answers: Asked, words: Words, *, k: int, worst: int) -> Row:
    """Figures, confusion, scores and worst pictures, all of the same matches."""
    matches = answers.matches
    value, whole = summary(matches.first(k), k), len(answers.listing)
    said = first_answers(matches, whole)
    confusion = Confusion.of(answers.descriptors.keys, said)
    right = said == answers.descriptors.keys
    sheets = _worst(answers, worst)
    scores = matches.scores[:, 0].astype(np.float64)
    there, hit = matches.found[:, 0], matches.hits[:, 0]
    share = float(right.mean()) if whole else float("nan")
    keys = len(set(matches.gallery_keys.tolist()))
    return {
        "lead": words("lead_pictures", right=int(right.sum()), queries=whole, share=words.per_cent(share),
                      gallery=len(matches.gallery_names), keys=keys),
        "figures": [{"name": words("accuracy"), "value": share}, {"name": f"map@{k}", "value": value.map_at_k},
                    {"name": words("recall", k=k), "value": value.recall_at_k}, {"name": words("queries"),
                                                                               "value": whole},
                    {"name": words("unanswered"), "value": value.invalid_left_out}],
        "tables": _by_scope(answers, right, words), "damaged": answers.damaged, "keys": confusion.rows(),
        "matrix": confusion if len(confusion.answered) <= MATRIX else None,
        "key_name": lambda key: str(key) or words("key_none"), "missed": int((~right).sum()), "sheets": sheets,
        "chart": charts.spread(scores[there & hit], scores[there & ~hit], words, title=words("chart_first"),
                               along=words("chart_first_along")),
        "chart_counts": [int((there & hit).sum()), int((there & ~hit).sum())]}


def _by_scope(answers: Asked, right: Any, words: Words) -> list[Row]:
    scopes = answers.listing.scopes
    names = sorted(set(scopes.tolist()))
    if len(names) < 2:
        return []
    rows = [{"scope": name, "accuracy": float(right[scopes == name].mean()), "queries": int((scopes == name).sum())}
            for name in names]
    return [{"title": words("by_scope"), "columns": ["scope", "accuracy", "queries"], "rows": rows,
             "numbers": {"accuracy", "queries"}}]


def _worst(answers: Asked, worst: int) -> list[Row]:
    """Cards of the pictures whose first answer is wrong, those first whose wrong answer beats the right one by most."""
    matches = answers.matches
    true = np.where(matches.hits, matches.scores, -np.inf).max(axis=1)
    lead = matches.scores[:, 0] - true
    lines = np.flatnonzero(matches.found[:, 0] & ~matches.hits[:, 0])
    chosen = sorted(lines.tolist(), key=lambda line: (-lead[line], line))[:worst]
    samples = answers.listing.samples(SIDE, crop=answers.crop)
    cards = []
    for line in chosen:
        row = int(matches.query_rows[line])
        try:
            picture = inline(samples.original(row, SIDE).transpose(1, 2, 0), SIDE)
        except InputError:
            picture = ""
        nearest = [{"key": str(matches.gallery_keys[matches.rows[line, n]]), "score": float(matches.scores[line, n]),
                    "true": bool(matches.hits[line, n])} for n in range(min(ANSWERS, matches.k))
                   if matches.found[line, n]]
        cards.append({"name": answers.listing.paths[row].name, "true": str(matches.query_keys[line]),
                      "picture": picture, "scope": str(answers.listing.scopes[row]), "answers": nearest})
    return cards
