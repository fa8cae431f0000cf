"""What a recipe says of questions that lie anywhere, turned and scaled."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from georetrieval.recipe.schema_strict import Strict

Condition = Literal["shift", "turn", "scale"]
LookScale = Annotated[float, Field(ge=0.25, le=4)]


class OffGrid(Strict):
    """Windows of the query date, drawn anywhere over the test part, look for the gallery date; `{}` asks for all."""

    queries: int = Field(1000, ge=1, description="windows per condition")
    overlap: float = Field(0.5, ge=0, le=0.9375, description="of the gallery's windows; 0.5 is one every half tile")
    conditions: tuple[Condition, ...] = Field(
        ("shift", "turn", "scale"), min_length=1,
        description="shift: any place; turn: and any angle; scale: and a side of 0.7 to 1.4 tiles, log-uniform",
    )
    grey: bool = Field(True, description="ask again with the query's photo in grey, the gallery keeps its colours")
    bands: tuple[Literal["both", "photo"], ...] = Field(
        ("both", "photo"), min_length=1, description="photo: ask without a map, where the eye can do without it"
    )
    turns: int = Field(1, ge=1, le=64, description="look at each query of an unknown angle at so many turns, the "
                       "best counts")
    scales: tuple[LookScale, ...] = Field((1.0,), min_length=1, description="and at those of an unknown scale at "
                                                              "each of these")
    zooms: tuple[LookScale, ...] = Field((1.0,), min_length=1, description="for queries of an unknown scale, cut the "
                                         "gallery at these scales too")
    rerank: tuple[Literal["k-reciprocal", "query-expansion", "closer"], ...] = Field(
        (), description="rows after re-ranking too; closer: look again around the poses of the first answers")
    baselines: bool = Field(False, description="the recipe's baselines too, besides the trained descriptor")
