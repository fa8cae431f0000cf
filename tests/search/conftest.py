from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from georetrieval.search.building import About
from georetrieval.search.descriptors import Descriptors


def make_part(n: int = 40, *, scope: str = "57", date: str = "2004", seed: int = 1, dim: int = 8):
    """n rows on a line of 100 m cells: descriptors and attributes."""
    rng = np.random.default_rng(seed)
    names = [f"{scope}-{date}-E{i:07d}N0000000-100" for i in range(n)]
    keys = [f"{scope}-E{i:07d}N0000000" for i in range(n)]
    west = np.arange(n) * 100.0
    attributes = pa.table({
        "date": [date] * n, "xmin": west, "ymin": np.zeros(n), "xmax": west + 100, "ymax": np.full(n, 100.0),
    })
    return Descriptors(rng.normal(size=(n, dim)), keys, names, [scope] * n, "cosine"), attributes


@pytest.fixture
def part():
    return make_part


@pytest.fixture
def about():
    return About(model="hog", fingerprint={"architecture": "hog", "bands": ("r", "g", "b"), "px": 128},
                 legend_digest="ab", crs="EPSG:2154", cell_m=100, blank=3,
                 sources=({"scope": "57", "date": "2004"},), canaries=((1.0,) * 8,))
