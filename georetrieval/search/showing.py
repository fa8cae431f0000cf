"""How descriptors, galleries, answers and their figures draw themselves in a notebook: small HTML, at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from georetrieval.files import digest
from georetrieval.markup import (
    MOST_IN_TABLE,
    MOST_ROWS,
    RIGHT,
    WRONG,
    Html,
    card,
    coloured,
    counted,
    facts,
    joined,
    listed,
    number,
    shortened,
    table,
    unbroken,
)
from georetrieval.search.descriptors import Descriptors, Texts
from georetrieval.search.fingerprint import plain

if TYPE_CHECKING:
    from georetrieval.search.comparing import Comparison
    from georetrieval.search.confusion import Confusion
    from georetrieval.search.gallery import Gallery
    from georetrieval.search.hubness import Hubness
    from georetrieval.search.matches import Matches
    from georetrieval.search.metrics import Summary
    from georetrieval.search.store import IndexStore

MOST_ANSWERS = 5


def matches_html(matches: Matches) -> str:
    """The first queries with their answers: the true ones marked, with scores; and how many queries found theirs."""
    from georetrieval.search.metrics import recall_at_k

    judged = int((matches.truths > 0).sum())
    told: dict[str, Any] = {"gallery": counted(len(matches.gallery_names), "row"),
                            "no descriptor": _names(matches.unanswered_names)}
    if judged and matches.k:
        shares = {k: recall_at_k(matches, k) for k in (1, matches.k)}
        told["found"] = ", ".join(f"{100 * share:.1f} % {'first' if k == 1 else f'among the first {k}'}"
                                  for k, share in shares.items()) + f" (of {counted(judged, 'query', 'queries')})"
        told["no true row"] = counted(len(matches) - judged, "query", "queries") if judged < len(matches) else None
    ranks = range(min(matches.k, MOST_ANSWERS))
    alike = _alike(matches)
    if any(alike):
        told["names of answers"] = "…".join(alike)
    rows = ([unbroken(str(matches.query_names[query])), *(_answer(matches, query, rank, alike) for rank in ranks)]
            for query in range(len(matches)))
    head = ("query", *(str(rank + 1) for rank in ranks))
    shown = table(head, rows, of=len(matches), wrapped="normal") if len(matches) else Html()
    about = f"{counted(len(matches), 'query', 'queries')}, {counted(matches.k, 'answer')} each, nearest first"
    return card("Matches", about, facts(told), shown)


def _alike(matches: Matches) -> tuple[str, str]:
    """How the names of all answers that are shown begin and end, up to a hyphen: what need not be said each time."""
    shown = matches.first(MOST_ANSWERS).take(np.arange(min(len(matches), MOST_ROWS)))
    names = [str(name) for name in np.unique(shown.gallery_names[shown.rows[shown.found]])]
    if len(names) < 2:
        return "", ""
    head, tail = _start(names), _start([name[::-1] for name in names])[::-1]
    return head[: head.rfind("-") + 1], tail[tail.find("-") :] if "-" in tail else ""


def _start(names: Sequence[str]) -> str:
    """The characters that all names begin with."""
    low, high = min(names), max(names)
    apart = (place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    return low[: next(apart, min(len(low), len(high)))]


def _answer(matches: Matches, query: int, rank: int, alike: tuple[str, str]) -> Html:
    if not matches.found[query, rank]:
        return Html("–")
    name = str(matches.gallery_names[int(matches.rows[query, rank])]).removeprefix(alike[0]).removesuffix(alike[1])
    score = f" {number(float(matches.scores[query, rank]))}"
    if not matches.truths[query]:
        return joined(unbroken(name), score)
    hit = bool(matches.hits[query, rank])
    return joined(unbroken(coloured("✓ " if hit else "✗ ", RIGHT if hit else WRONG), name), score)


def descriptors_html(descriptors: Descriptors) -> str:
    """Shape, space, keys and scopes, and the first rows with the length of their vectors."""
    first = descriptors.take(range(min(len(descriptors), MOST_ROWS)))
    lengths = np.sqrt(np.square(first.vectors, dtype=np.float64).sum(axis=1))
    rows = zip(first.names.tolist(), first.keys.tolist(), first.scopes.tolist(), lengths.tolist(), strict=True)
    told = {"space": str(descriptors.space), "keys": _different(descriptors.keys),
            "scopes": _counts(descriptors.scopes), "mean nothing": _left_out(descriptors)}
    about = f"{counted(len(descriptors), 'row')} of {counted(descriptors.dim, 'value')}, float32"
    shown = table(("name", "key", "scope", "length"), rows, of=len(descriptors)) if len(descriptors) else Html()
    return card("Descriptors", about, facts(told), shown)


def gallery_html(gallery: Gallery) -> str:
    """Size, dates, scopes, kind of index, and who made it."""
    held, columns = gallery.descriptors, gallery.attributes
    told = {
        "index": gallery.kind, "space": str(held.space), "keys": _different(held.keys), "scopes": _counts(held.scopes),
        "dates": _counts(columns["date"]) if columns is not None and "date" in columns.column_names else None,
        "filtered by": listed(columns.column_names, 12) if columns is not None else None,
        "left out": counted(gallery.left_out, "row") + " that mean nothing" if gallery.left_out else None,
        **_maker(gallery.fingerprint),
    }
    return card("Gallery", f"{counted(len(held), 'row')} of {counted(held.dim, 'value')}", facts(told))


def store_html(store: IndexStore) -> str:
    """What the manifest says: rows, sources, model, fingerprint; no row is read."""
    made = store.manifest
    ground = f"{made.cell_m:g} m a side, {made.crs}" if made.crs else None
    told = {
        "path": store.path, "version": made.version, "tiles": ground if made.pictures is None else None,
        "rows": f"{made.pictures.rows}, {made.pictures.role}s" if made.pictures else None,
        "left out": f"{counted(made.counts.blank, 'blank one')}, {made.counts.failed:,} that mean nothing",
        "space": f"{made.space}, {counted(made.dim, 'value')}", "model": made.model,
        "calibrated": "yes" if made.calibration else None, **_maker(made.fingerprint),
    }
    sources = [(source.get("scope", ""), source.get("date", "")) for source in made.sources]
    shown = table(("scope", "date"), sources, of=len(sources)) if sources else Html()
    return card("Index", counted(made.counts.tiles, "row"), facts(told), shown)


def summary_html(summary: Summary) -> str:
    """The figures, by their names."""
    told = {name.replace("_at_", "@").replace("_", " "): "–" if value is None else value
            for name, value in summary.as_dict().items() if name != "k"}
    return card("Summary", f"of the first {counted(summary.k, 'answer')}", facts(told))


def hubness_html(hubness: Hubness) -> str:
    """How unevenly the answers are spread."""
    never = hubness.never_answered
    return card("Hubness", f"of the first {counted(hubness.k, 'answer')}", facts({
        "skewness": hubness.skewness, "largest count": hubness.largest,
        "rows that never answer": f"{100 * never:.1f} %" if never == never else "–",
    }))


def confusion_html(confusion: Confusion) -> str:
    """The worst recognised keys: whom they are taken for."""
    rows = sorted(confusion.rows(), key=lambda row: (row["recall"], row["key"])) if len(confusion.asked) else []
    right, asked = int(np.trace(confusion.counts)), int(confusion.counts.sum())
    shown = table(("key", "queries", "recall", "precision", "F1", "most often taken for"),
                  ((row["key"], row["queries"], row["recall"], row["precision"], row["f1"],
                    f"{row['taken_for']} ({row['times']})" if row["times"] else "–") for row in rows), of=len(rows))
    return card("Confusion", f"{right:,} of {counted(asked, 'query', 'queries')} answered rightly, "
                             f"{counted(len(rows), 'key')}, the worst first", shown)


def comparison_html(compared: Comparison) -> str:
    """Who finds what, the means, and how likely that is by chance."""
    counts = compared.counts
    rows = [(coloured("second finds", "gray"), counts["both"], counts["second"]),
            (coloured("second does not", "gray"), counts["first"], counts["neither"])]
    told = {f"mean of 1/rank among the first {compared.k}":
            f"{number(float(compared.first.mean()))} and {number(float(compared.second.mean()))}",
            "as uneven by chance": f"p = {compared.chance:.2g}"}
    return card("Comparison", counted(len(compared), "query", "queries"),
                table(("", "first finds", "first does not"), rows), facts(told))


def _names(names: Texts) -> str | None:
    return f"{len(names):,}: {listed(names.tolist(), 3)}" if len(names) else None


def _counts(texts: Texts | pa.ChunkedArray) -> str:
    """The different words and how many rows have each, the most frequent first."""
    column = _column(texts)
    counts = [(str(item["values"]), int(item["counts"])) for item in pc.value_counts(column).to_pylist()]
    told = [f"{shortened(word) or '(none)'} ({times:,})" for word, times in sorted(counts, key=lambda c: (-c[1], c[0]))]
    return listed(told) + _part(len(texts))


def _different(texts: Texts) -> str:
    return f"{pc.count_distinct(_column(texts)).as_py():,} different" + _part(len(texts))


def _left_out(descriptors: Descriptors) -> str | None:
    most = min(len(descriptors), MOST_IN_TABLE // max(1, descriptors.dim // 8))
    left = int((~descriptors.take(range(most)).valid).sum())
    more = f" of the first {most:,}" if most < len(descriptors) else ""
    return counted(left, "row") + more if left else None


def _column(texts: Texts | pa.ChunkedArray) -> Any:
    some = texts[:MOST_IN_TABLE]
    if isinstance(some, pa.ChunkedArray):
        return some
    return pa.array([_clean(word) for word in some.tolist()], pa.string())


def _clean(word: str) -> str:
    """A word that UTF-8 can hold."""
    return word.encode("utf-8", "replace").decode()


def _part(rows: int) -> str:
    return f" in the first {MOST_IN_TABLE:,} rows" if rows > MOST_IN_TABLE else ""


def _maker(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """The eye that made the rows: its kind, what it sees, and the digest that two eyes are told apart by."""
    if not fingerprint:
        return {"fingerprint": "not known"}
    try:
        mark = digest(plain(fingerprint))[:12]
    except (TypeError, ValueError):
        mark = "no plain values"
    bands, px = fingerprint.get("bands"), fingerprint.get("px")
    seen = ", ".join(map(str, bands)) if isinstance(bands, (list, tuple)) else None
    return {"eye": str(fingerprint.get("kind", "")) or None, "sees": f"{seen} at {px} px" if seen and px else seen,
            "fingerprint": mark}
