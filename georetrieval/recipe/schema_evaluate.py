"""What a recipe says of its index and its evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from georetrieval.recipe.schema_combinations import Combinations
from georetrieval.recipe.schema_off_grid import OffGrid
from georetrieval.recipe.schema_strict import Strict


class Index(Strict):
    """The index stage."""

    folder: Path | None = Field(None, description="where the index NAME is put; indexes/ by default, and OUT/indexes "
                                "for a run in a folder of its own (-o OUT)")
    overlap: float = Field(0.0, ge=0, le=0.9375, description="share of the side that neighbouring rows have in common; "
                           "0.5 puts windows every half tile between the tiles")


class Evaluate(Strict):
    """The evaluation stage: map@k, recall@k, baselines beside the trained descriptor."""

    k: int = Field(5, ge=1)
    baselines: tuple[Literal["hog", "class-shares", "untrained", "untrained-resnet50"], ...] = ("hog", "untrained")
    combinations: Combinations | None = Field(None, description="also compare untrained descriptors under every "
                                              "fusion, normalisation, distance and pooling; {} is all of them")
    modalities: bool = Field(False, description="also ask with photo, map and both for photo, map and both; needs "
                             "eye.any_modality")
    failures: bool = Field(False, description="also say where each descriptor fails: by landscape, by change, and by "
                           "hubs in the gallery")
    off_grid: OffGrid | None = Field(None, description="also ask with windows anywhere, turned and scaled")
    rerank: tuple[Literal["k-reciprocal", "query-expansion"], ...] = Field((), description="also re-rank the answers "
                                                                           "of the last descriptor of the table")
    late_fusion: tuple[Literal["hog", "class-shares"], ...] = Field(
        (), description="also put the neighbours that these baselines find together with the trained descriptor's")
    reliability: bool = Field(False, description="also hold the confidence of the index against the test part, half of "
                              "its places taken away; needs split.validation")
