"""An evaluation as a layer: which tiles were looked for, at what rank they were found, and what came instead."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from georetrieval.errors import InputError, MismatchError
from georetrieval.foreign import read_json, regular
from georetrieval.geo.geopackage import SIGNATURE, check_geopackage
from georetrieval.serve.tile_rows import TileRows

K = 5
IN_RUN = "matches.gpkg"
MOST_BYTES = 1 << 30
MOST_ROWS = 2_000_000
Answers = Mapping[str, Sequence[tuple[int, str, bool]]]
"""Of each query's tile its answers in order: rank, tile, whether it is true."""


class Layer:
    """An evaluation that is read when it is first asked for, once, and laid on one version of an index at a time.

    Raises
    ------
    InputError
        When there is no such file.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.resolve().name
        _require_file(path)
        self._lock = threading.Lock()
        self._answers: Answers | None = None
        self._laid: tuple[str, dict[str, Any]] | None = None

    def on(self, tiles: TileRows, version: str) -> dict[str, Any]:
        """What the page is told of it; errors as of `read_answers` and `evaluation`."""
        with self._lock:
            if self._answers is None:
                self._answers = read_answers(self.path)
            if self._laid is None or self._laid[0] != version:
                self._laid = (version, evaluation(self._answers, tiles, self.name))
            return self._laid[1]


def read_answers(path: Path) -> Answers:
    """The answers in a file of `evaluate -o` (.gpkg, .geojson), or in the folder of a run.

    Raises
    ------
    InputError
        When it is no such file, or damaged.
    """
    path = _require_file(path)
    with path.open("rb") as file:
        packed = file.read(len(SIGNATURE)) == SIGNATURE
    queries, rows = _of_geopackage(path) if packed else _of_geojson(path)
    absent = {str(query) for query, outcome in queries if outcome == "absent"}
    found: dict[str, list[tuple[int, str, bool]]] = {str(query): [] for query, _ in queries}
    try:
        for query, rank, tile, hit in rows:
            found[str(query)].append((int(rank), str(tile), str(hit) == "yes"))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not what georetrieval evaluate -o writes: an answer does not fit ({error}).") \
            from error
    return {query: sorted(answers) for query, answers in found.items() if query not in absent}


def evaluation(answers: Answers, tiles: TileRows, name: str) -> dict[str, Any]:
    """What the page is told: a line per query that is a tile here, and a summary.

    A query counts when another row of the index shows its place and, as the file says, could answer. `ap` is its
    average precision among the first k answers, `K` or as many as were asked for; where one row is true, as between two
    dates, that is 1 / rank. Where filters let only some of several true rows answer, it is smaller than `evaluate`'s.

    Raises
    ------
    MismatchError
        When none of the queries is a tile here.
    """
    lines, unknown = [], 0
    k = min(K, max((rank for given in answers.values() for rank, *_ in given), default=K))
    for query, given in answers.items():
        n = tiles.place_of.get(query)
        if n is None:
            unknown += 1
            continue
        truths = sum(row < tiles.indexed and row != n for row in tiles.of_key[str(tiles.keys[n])])
        if truths:
            lines.append(_line(n, given, truths, tiles, k))
    if not lines:
        raise MismatchError(f"None of the {len(answers)} queries of the evaluation {name} is a tile of this index or "
                            "of its --tiles whose place the index holds; give the tiles that were evaluated.")
    count = len(lines)
    summary = {
        "name": name, "queries": count, "unknown": unknown, f"map@{k}": round(sum(x["ap"] for x in lines) / count, 4),
        "recall@1": round(sum(x["rank"] == 1 for x in lines) / count, 4),
        f"recall@{k}": round(sum(x["hit"] for x in lines) / count, 4),
    }
    return {"queries": lines, "summary": summary}


def _require_file(path: Path) -> Path:
    path = path / IN_RUN if path.is_dir() else path
    size = regular(path, f"the answers of an evaluation (.gpkg, .geojson), or a run folder with {IN_RUN},")
    if size > MOST_BYTES:
        raise InputError(f"{path} is larger than {MOST_BYTES >> 20} MiB; evaluate fewer tiles at once.")
    return path


def _line(n: int, given: Sequence[tuple[int, str, bool]], truths: int, tiles: TileRows, k: int) -> dict[str, Any]:
    ranks = [rank for rank, _, hit in given if hit]
    near = [rank for rank in ranks if rank <= k]
    precision = sum(place / rank for place, rank in enumerate(near, 1)) / min(k, truths)
    found = [place for _, tile, _ in given if (place := tiles.place_of.get(tile)) is not None]
    return {"n": n, "rank": ranks[0] if ranks else None, "hit": bool(near), "ap": round(precision, 4), "found": found}


def _of_geopackage(path: Path) -> tuple[list[tuple[Any, Any]], list[tuple[Any, ...]]]:
    check_geopackage(path)
    try:
        base = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
        try:
            told = any(column[1] == "outcome" for column in base.execute("PRAGMA table_info(queries)"))
            outcome = "outcome" if told else "''"
            most = MOST_ROWS + 1
            queries = base.execute(f"SELECT query, {outcome} FROM queries LIMIT ?", (most,)).fetchall()
            rows = base.execute("SELECT query, rank, tile_id, hit FROM matches LIMIT ?", (most,)).fetchall()
        finally:
            base.close()
    except sqlite3.Error as error:
        raise InputError(f"{path} is not what georetrieval evaluate -o writes, or is damaged: {error}.") from error
    if max(len(queries), len(rows)) > MOST_ROWS:
        raise InputError(f"{path} holds more than {MOST_ROWS:,} answers; evaluate fewer tiles at once.")
    return queries, rows


def _of_geojson(path: Path) -> tuple[list[tuple[Any, Any]], list[tuple[Any, ...]]]:
    value = read_json(path, MOST_BYTES, "the answers of an evaluation")
    try:
        each = [feature["properties"] for feature in value["features"]]
        queries = [(one["query"], one.get("outcome", "")) for one in each if one["layer"] == "queries"]
        rows = [(one["query"], one["rank"], one["tile_id"], one["hit"]) for one in each if one["layer"] == "matches"]
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} is not what georetrieval evaluate -o writes ({error}).") from error
    return queries, rows
