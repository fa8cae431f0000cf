"""Rows of tiles that need no tile: names, places and random vectors; and a life of an index made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from georetrieval.search.building import About, Part
from georetrieval.search.canaries import Canaries, Canary
from georetrieval.search.changing import Choice, add_rows, remove_rows
from georetrieval.search.compacting import compact
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.exchange import export_parquet, import_rows
from georetrieval.search.manifest import CanaryRef, sha256
from georetrieval.search.repairing import repair
from georetrieval.search.store import IndexStore

EYE = {"architecture": "hog", "px": 1}
PROOF = Canaries((Canary("a", np.arange(12, dtype=np.uint8).reshape(3, 2, 2), ("r", "g", "b"), ("grey",)),)).encode()
ABOUT = About(model="hog", fingerprint=EYE, crs="EPSG:2154", cell_m=100, canaries=((1.0, 2.0, 3.0, 4.0),),
              canary_file=CanaryRef(sha256=sha256(PROOF), bytes=len(PROOF), rows=1, half=False), canary_bytes=PROOF)
Contents = frozenset[tuple[str, bytes]]


def about(dim: int) -> About:
    """`ABOUT` with a canary that fits rows of this length."""
    return replace(ABOUT, canaries=((1.0,) * dim,))


def part(scope: str, seed: int, rows: int = 6, dim: int = 4) -> Part:
    """Rows of one scope on a line of cells."""
    random = np.random.default_rng(seed)
    names = [f"{scope}-{i:03d}" for i in range(rows)]
    west = np.arange(rows) * 100.0
    table = pa.table({"date": [scope] * rows, "xmin": west, "ymin": 0 * west, "xmax": west + 100,
                      "ymax": 0 * west + 100})
    return Descriptors(random.normal(size=(rows, dim)), names, names, [scope] * rows, "cosine"), table


def contents(index: Path) -> Contents:
    """Tile ids and vectors of the current version, every checksum verified."""
    rows, _ = IndexStore.open(index).load_current()[1]
    return frozenset((name, vector.tobytes()) for name, vector in zip(rows.names.tolist(), rows.vectors, strict=True))


def life(index: Path, parts: int = 2) -> Iterator[Callable[[], object]]:
    """Build, add, remove, compact: what happens to an index, one step after the other."""
    first = [part(f"a{n}", n) for n in range(parts)]
    more = [part(f"b{n}", 50 + n) for n in range(parts)]
    gone = tuple(f"a{n}-002" for n in range(parts))
    yield lambda: IndexStore.build(index, first, ABOUT)
    yield lambda: add_rows(index, lambda known: [p for p in more if p[0].names[0] not in known], fingerprint=EYE,
                           sources=[{"scope": "b", "date": "b", "blank": 0}])
    yield lambda: remove_rows(index, Choice(tile_ids=gone))
    yield lambda: compact(index)


@dataclass(frozen=True)
class Step:
    """Something that happens to the index `place` of a folder, and what happens before it without being watched."""

    what: str
    run: Callable[[Path], object]
    before: Callable[[Path], object] = lambda _: None
    place: str = "town"


def long_life(parts: int, rows: int, seed: int) -> list[Step]:
    """All that writes to an index: build, add, remove, add again, repair, build again, compact, gc, import."""
    first, more, other = ([part(f"{letter}{n}", 100 * seed + 10 * place + n, rows) for n in range(parts)]
                          for place, letter in enumerate("abc"))
    some = tuple(f"{letter}{n}-{(seed + n) % rows:03d}" for letter in "ab" for n in range(parts))
    return [
        Step("build", lambda at: IndexStore.build(at / "town", first, ABOUT)),
        Step("add", lambda at: add(at / "town", more)),
        Step("remove", lambda at: remove_rows(at / "town", Choice(tile_ids=some))),
        Step("add again", lambda at: add(at / "town", [*first, *more])),
        Step("repair", lambda at: repair(at / "town", salvage=True), before=lambda at: break_segment(at / "town")),
        Step("replace", lambda at: IndexStore.build(at / "town", [*other, *first], ABOUT, replace=True)),
        Step("compact", lambda at: compact(at / "town")),
        Step("gc", lambda at: compact(at / "town"), before=lambda at: litter(at / "town")),
        Step("import", lambda at: import_rows(at / "again", at / "rows.parquet", lambda table, _: table),
             before=lambda at: export_parquet(IndexStore.open(at / "town"), at / "rows.parquet"), place="again"),
    ]


def add(index: Path, parts: list[Part]) -> object:
    """Add the rows of some parts that are not there."""
    return add_rows(index, lambda known: [kept for one in parts if len((kept := _without(one, known))[0])],
                    fingerprint=EYE, sources=[{"scope": "b", "date": "b", "blank": 0}])


def break_segment(index: Path) -> None:
    """One bit of the current version's last segment."""
    file = index / IndexStore.open(index).manifest.segments[-1].file
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 4
    file.write_bytes(data)


def litter(index: Path) -> None:
    """What killed writers leave."""
    for name in ("manifests/.georetrieval-x.json", "segments/.georetrieval-y.parquet", ".georetrieval-z",
                 f"segments/{'0' * 64}.parquet"):
        (index / name).write_bytes(b"half")


def _without(one: Part, known: frozenset[str]) -> Part:
    rows, table = one
    left = np.flatnonzero([name not in known for name in rows.names.tolist()])
    return rows.take(left), table.take(pa.array(left))
