"""The contact sheet shows what the matches say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from georetrieval.errors import UsageError
from georetrieval.report.pictures import FALSE, TRUE, Picture, chosen_queries, contact_sheet, training_curve
from georetrieval.search.descriptors import Descriptors, Space
from georetrieval.search.gallery import Gallery
from georetrieval.search.matches import Matches

NAMES = ["a", "b", "c"]


def matches(k: int = 2) -> Matches:
    """Query a is answered right, b second, c not at all."""
    gallery = Descriptors(np.eye(3, dtype=np.float32), NAMES, NAMES, [""] * 3, Space.COSINE)
    asked = np.float32([[1, 0, 0], [1, 0.5, 0], [1, 0.5, 0]])
    return Gallery.of(gallery).search(Descriptors(asked, NAMES, NAMES, [""] * 3, Space.COSINE), k)


def picture(name: str) -> Picture:
    return np.full((16, 16, 3), 40 * (1 + NAMES.index(name)), dtype=np.uint8)


def colours(path: Path) -> set[str]:
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    return {"#{:02x}{:02x}{:02x}".format(*p) for p in np.unique(pixels, axis=0)}


def sheet(found: Matches, path: Path, rows: int) -> set[str]:
    contact_sheet(found, path, query_pictures=[picture], match_picture=picture, rows=rows)
    return colours(path)


def test_right_and_wrong_have_their_colours(tmp_path: Path) -> None:
    assert {TRUE, FALSE} <= sheet(matches(), tmp_path / "all.png", 3)


def test_only_right_answers_draw_no_red(tmp_path: Path) -> None:
    first = matches(1).in_scope("")
    right = Gallery.of(Descriptors(np.eye(3, dtype=np.float32), NAMES, NAMES, [""] * 3, Space.COSINE)).search(
        Descriptors(np.eye(3, dtype=np.float32), NAMES, NAMES, [""] * 3, Space.COSINE), 1
    )
    assert FALSE not in sheet(right, tmp_path / "right.png", 3)
    assert FALSE in sheet(first, tmp_path / "first.png", 3)


def test_queries_are_ordered_by_rank_and_repeatable() -> None:
    assert chosen_queries(matches(), 3) == [0, 1, 2]
    assert chosen_queries(matches(), 2, seed=5) == chosen_queries(matches(), 2, seed=5)


def test_nothing_to_draw(tmp_path: Path) -> None:
    nothing = matches().in_scope("elsewhere")
    with pytest.raises(UsageError, match="no answered query"):
        sheet(nothing, tmp_path / "none.png", 3)


def test_training_curve_is_a_picture(tmp_path: Path) -> None:
    training_curve([{"epoch": 1, "loss": 2.0, "map_at_5": 0.3}, {"epoch": 2, "loss": 1.0}], tmp_path / "c.png",
                   lines={"HOG": 0.5})
    assert Image.open(tmp_path / "c.png").width > 500
