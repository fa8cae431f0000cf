"""The figure of failures has a bar of the right height for each descriptor and group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import UsageError
from georetrieval.report.failures import COLOURS, failure_bars


def rows(*scores: float, part: str = "test") -> list[dict[str, object]]:
    return [{"descriptor": name, "part": part, "query": "2019", "gallery": "2004", "by": "landscape", "value": "wood",
             "queries": 10, "map_at_5": score, "figure": None}
            for name, score in zip(("hog", "trained"), scores, strict=True)]


def heights(path: Path) -> list[int]:
    """Pixels of the tallest column of the last two colours, above the legend."""
    pixels = np.asarray(Image.open(path).convert("RGB"))[:-40]
    wanted = [tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in COLOURS[-2:]]
    return [int((pixels == colour).all(axis=2).sum(axis=0).max()) for colour in wanted]


def test_bars_are_as_high_as_their_figures(tmp_path: Path) -> None:
    failure_bars(rows(0.4, 0.8), tmp_path / "f.png", k=5)
    baseline, trained = heights(tmp_path / "f.png")
    assert trained == pytest.approx(2 * baseline, rel=0.05)


def test_several_questions_show_what_they_are_together(tmp_path: Path) -> None:
    failure_bars(rows(0.8, 0.1) + rows(0.4, 0.8, part="together"), tmp_path / "f.png", k=5)
    baseline, trained = heights(tmp_path / "f.png")
    assert trained == pytest.approx(2 * baseline, rel=0.05)


def test_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no question"):
        failure_bars([row | {"queries": 0, "map_at_5": None} for row in rows(0.1, 0.1)], tmp_path / "f.png", k=5)
