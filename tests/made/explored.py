"""A made-up place of two dates with an index, its evaluation, and an index of many rows: what the explorer shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from georetrieval.search.building import Part
from georetrieval.search.descriptors import Descriptors
from georetrieval.search.store import IndexStore
from tests.made.rows import ABOUT, about
from tests.made.serving import command

SYNTH = ("--km", "3", "--gsd-m", "5", "--sheet-km", "3", "--old-format", "tif")
DIM = 32


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def explored_place(folder: Path) -> Path:
    """Write tiles/ (144 places of 250 m, 2004 and 2019), indexes/both, and matches.gpkg: 2019 asked in 2004."""
    with _inside(folder):
        command("synth", "departement", "-o", "world", *SYNTH)
        command("tiles", "build", "-o", "tiles", "--world", "world/world.json", "--cell-m", 250, "--px", 64)
        for name, dates in (("both", ("2004", "2019")), ("old", ("2004",))):
            chosen = [word for date in dates for word in ("--date", date)]
            command("index", "build", name, "--model", "hog", "--tiles", "tiles", *chosen)
        command("evaluate", "old", "--tiles", "tiles", "--date", "2019", "-o", "matches.gpkg")
    return folder


def many_rows(index: Path, side: int) -> Path:
    """An index of 2 x side x side rows that need no picture: two dates of a square, one date a little off the other."""
    random = np.random.default_rng(0)
    col, row = (axis.ravel() for axis in np.meshgrid(np.arange(side), np.arange(side)))
    west, south = 900_000.0 + 250 * col, 6_400_000.0 + 250 * row
    ground = random.normal(size=(side * side, DIM))
    parts: list[Part] = []
    for date in ("2004", "2019"):
        keys = [f"04-{c:03d}-{r:03d}" for c, r in zip(col, row, strict=True)]
        seen = ground + 0.4 * random.normal(size=ground.shape)
        place = {"xmin": west, "ymin": south, "xmax": west + 250, "ymax": south + 250}
        table = pa.table({"date": [date] * len(keys), **place})
        parts.append((Descriptors(seen, keys, [f"{key}-{date}" for key in keys], ["04"] * len(keys), "cosine"), table))
    IndexStore.build(index, parts, replace(about(DIM), cell_m=250, crs=ABOUT.crs))
    return index
