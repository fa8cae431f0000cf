"""The evaluation table against one worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from georetrieval.geo.tileset import TileSet
from georetrieval.recipe.evaluation import Evaluator, questions, side_by_side
from georetrieval.recipe.schema import Part
from tests.made.greys import greys_of

OLD = [10, 20, 30, 40, 50, 60, 70, 80]
NEW = [11, 33, 71, 52, 54, 66, 0, 57]
"""Grey of each cell; 0 is blank, so 70 is neither asked for nor there to be found.

=====  ==================================  ====
query  nearest of 10 20 30 40 50 60 80     rank of the cell's own
=====  ==================================  ====
11     10                                  1
33     30 40 20                            3
71     80 60 50 40 30                      5
52     50 60 40                            3
54     50                                  1
66     60                                  1
57     60 50 40 80                         4
=====  ==================================  ====
"""
MAP_5 = (1 + 1 / 3 + 1 / 5 + 1 / 3 + 1 + 1 + 1 / 4) / 7
MAP_3 = (1 + 1 / 3 + 0 + 1 / 3 + 1 + 1 + 0) / 7


class GreyEye:
    """A stand-in eye: the grey is the descriptor."""

    bands = ("grey",)
    space = "euclidean"

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:  # noqa: ARG002
        self.seen += len(pixels)
        return pixels.mean(dim=(1, 2, 3))[:, None] * 255

    def fingerprint(self) -> dict[str, Any]:
        return {"kind": "grey"}


@pytest.fixture
def town(frame: Callable[..., TileSet]) -> TileSet:
    return frame({"1961": OLD, "1976": NEW})


def test_the_table_worked_by_hand(town: TileSet) -> None:
    (question,) = questions(town, "test", Part(), [("1976", "1961")])
    assert (question.blank, len(question.tile_ids)) == (1, 14)
    row = Evaluator(town, [question], 5).row("grey", GreyEye(), question)
    assert row == {
        "descriptor": "grey", "part": "test", "query": "1976", "gallery": "1961", "map_at_5": round(MAP_5, 4),
        "recall_at_1": round(3 / 7, 4), "recall_at_5": 1.0, "queries": 7, "blank_left_out": 1,
    }
    assert Evaluator(town, [question], 3).row("grey", GreyEye(), question)["map_at_3"] == round(MAP_3, 4)


def test_a_part_asks_only_its_own_cells(town: TileSet) -> None:
    """Upper row only: 11 -> 10; 33 -> 30 40 20; 71 -> 40 30; 52 -> 40. Ranks 1, 3, 2, 1."""
    (question,) = questions(town, "test", Part(area=(0, 0, 1, 0.5)), [("1976", "1961")])
    assert sorted(greys_of(town, sorted(question.tile_ids))) == sorted([10, 20, 30, 40, 11, 33, 71, 52])
    row = Evaluator(town, [question], 5).row("grey", GreyEye(), question)
    assert row["map_at_5"] == round((1 + 1 / 3 + 1 / 2 + 1) / 4, 4)
    assert (row["queries"], row["blank_left_out"]) == (4, 0)


def test_a_tile_is_embedded_once_however_many_questions(town: TileSet) -> None:
    pairs = [("1976", "1961")]
    asked = questions(town, "all", Part(), pairs) + questions(town, "test", Part(area=(0, 0, 0.5, 1)), pairs)
    eye = GreyEye()
    evaluator = Evaluator(town, asked, 5)
    rows = [evaluator.row("grey", eye, question) for question in asked]
    assert eye.seen == 14
    assert [row["part"] for row in rows] == ["all", "test"]


class SideEye(GreyEye):
    """A stand-in eye that tells dark from light only."""

    def __call__(self, pixels: torch.Tensor, bands: tuple[str, ...]) -> torch.Tensor:
        return torch.where(super().__call__(pixels, bands) > 45, 200.0, 100.0)


def test_two_eyes_fused_worked_by_hand(town: TileSet) -> None:
    """Rows on the query's side of 45 come before the others: 52 finds 40 behind 80 (4), 57 finds 80 before 40 (3)."""
    (question,) = questions(town, "test", Part(), [("1976", "1961")])
    evaluator = Evaluator(town, [question], 5)
    row = evaluator.fused({"grey": GreyEye(), "side": SideEye()}, question)
    assert (row["descriptor"], row["queries"], row["blank_left_out"]) == ("grey + side", 7, 1)
    assert row["map_at_5"] == round((1 + 1 / 3 + 1 / 5 + 1 / 4 + 1 + 1 + 1 / 3) / 7, 4)
    assert evaluator.fused({"grey": GreyEye(), "again": GreyEye()}, question)["map_at_5"] == round(MAP_5, 4)


def test_dates_without_a_common_cell_are_no_question(frame: Callable[..., TileSet]) -> None:
    town = frame({"1961": [10, 20, 30, 40, 0, 0, 0, 0], "1976": [0, 0, 0, 0, 50, 60, 70, 80], "1981": OLD})
    asked = questions(town, "test", Part(), [("1976", "1961"), ("1981", "1961")])
    assert [(question.pair, question.blank) for question in asked] == [(("1981", "1961"), 4)]


def test_side_by_side_has_one_line_per_question() -> None:
    rows = [
        {"descriptor": eye, "part": "test", "query": query, "gallery": "1961", "map_at_5": value, "recall_at_1": 0.0,
         "recall_at_5": 0.0, "queries": 7, "blank_left_out": 1}
        for eye, query, value in (("hog", "1976", 0.5), ("hog", "1981", 0.25), ("trained", "1976", 0.75))
    ]
    assert side_by_side(rows, 5) == [
        {"part": "test", "query": "1976", "gallery": "1961", "queries": 7, "blank_left_out": 1, "hog": 0.5,
         "trained": 0.75},
        {"part": "test", "query": "1981", "gallery": "1961", "queries": 7, "blank_left_out": 1, "hog": 0.25,
         "trained": None},
    ]
