"""What a recipe may say: one experiment, frozen, validated whole.

The pydantic models hold plain values; `recipe.build` turns them into the objects of the lower floors. Every field is
described where it is declared (`schema_tiles`, `schema_learn`, `schema_evaluate`), and `pipelines/*.yaml` comment the
ones they use.
"""

from __future__ import annotations

from itertools import combinations
from typing import ClassVar, Self

from pydantic import Field, model_validator

from georetrieval.recipe.schema_evaluate import Evaluate, Index
from georetrieval.recipe.schema_learn import Augment, Eye, Learn, Mining
from georetrieval.recipe.schema_strict import Engine, Share, Strict
from georetrieval.recipe.schema_tiles import Mosaics, SurveyEntry, Tiles, World

__all__ = [
    "Augment", "Dates", "Evaluate", "Eye", "Index", "Learn", "Mining", "Mosaics", "Part", "Recipe", "Split", "Strict",
    "SurveyEntry", "Tiles", "World",
]


class Part(Strict):
    """Which cells belong to a part of the data: whole départements, or a rectangle of the frame."""

    scopes: tuple[str, ...] | None = None
    area: tuple[Share, Share, Share, Share] | None = Field(
        None, description="xmin, ymin, xmax, ymax as shares of the extent; whole cells inside it"
    )

    def overlaps(self, other: Part) -> bool:
        """Whether both are areas of the same scopes and share ground."""
        if self.area is None or other.area is None or self.scopes != other.scopes:
            return False
        (x0, y0, x1, y1), (u0, v0, u1, v1) = self.area, other.area
        return x0 < u1 and u0 < x1 and y0 < v1 and v0 < y1

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if self.area and not (self.area[0] < self.area[2] and self.area[1] < self.area[3]):
            raise ValueError("the area is empty; give xmin, ymin, xmax, ymax from the top left corner")
        return self


class Split(Strict):
    """Train, validation and test parts; they may not share a cell. Without training there is a test part only."""

    train: Part | None = None
    validation: Part | None = None
    test: Part


class Dates(Strict):
    """Which dates are compared: queries are looked for in the gallery."""

    query: str = "2019"
    gallery: str = "2004"
    every_pair: bool = Field(False, description="every pair of dates, the later one asks; for mosaics")


class Recipe(Strict):
    """One experiment."""

    LATER: ClassVar[tuple[str, ...]] = ("engine",)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    title: str = ""
    seed: int = Field(1, ge=0)
    tiles: Tiles
    split: Split
    dates: Dates = Dates()
    eye: Eye = Eye()
    learn: Learn | None = Field(Learn(), description="null trains and indexes nothing: baselines only")
    index: Index = Index()
    evaluate: Evaluate = Evaluate()
    engine: Engine = Field("auto", description="what nets run in when many pictures are looked at, see --engine")

    @model_validator(mode="after")
    def _areas_apart(self) -> Self:
        """Shifted grids fill a whole area: two that overlap would train on ground that is tested."""
        parts = {"train": self.split.train, "validation": self.split.validation, "test": self.split.test}
        for (one, first), (other, second) in combinations(parts.items(), 2):
            if first and second and first.overlaps(second):
                raise ValueError(f"the areas of {one} and {other} overlap; parts may not share ground")
        return self

    @model_validator(mode="after")
    def _train_part(self) -> Self:
        if self.learn is not None and self.split.train is None:
            raise ValueError("split.train says which cells to train on; it is missing (or set learn to null)")
        return self

    @model_validator(mode="after")
    def _learnt_in_pairs(self) -> Self:
        if self.learn is not None and self.learn.lessons is not None:
            raise ValueError("learn.lessons is for pictures; tiles are learnt in pairs of dates, leave it out")
        if self.learn is not None and self.learn.objective in ("triplet", "supcon", "cross-entropy"):
            raise ValueError(f"learn.objective {self.learn.objective} takes labelled pictures; tiles are learnt in "
                             "pairs, choose bce, contrastive, infonce, nt-xent-dot, clip or multi-similarity")
        return self

    @model_validator(mode="after")
    def _eye_takes_what_is_left(self) -> Self:
        drop = self.learn is not None and self.learn.augment is not None and self.learn.augment.drop is not None
        for asked, key in ((drop, "learn.augment.drop"), (self.evaluate.modalities, "evaluate.modalities")):
            if asked and not self.eye.any_modality:
                raise ValueError(f"{key} needs an eye that takes photo and map apart; set eye.any_modality to true")
        return self

    @model_validator(mode="after")
    def _confidence_can_be_measured(self) -> Self:
        trained = self.learn is not None and self.split.validation is not None
        if self.evaluate.reliability and not (trained and self.index.overlap == 0):
            raise ValueError("evaluate.reliability needs something to learn, a split.validation to calibrate on, and "
                             "index.overlap 0")
        return self

    @model_validator(mode="after")
    def _parts_are_known(self) -> Self:
        known = {w.scope for w in self.tiles.worlds} | {s.scope for s in self.tiles.surveys}
        if self.tiles.mosaics:
            known = {self.tiles.mosaics.scope}
        for name in ("train", "validation", "test"):
            part: Part | None = getattr(self.split, name)
            strangers = set(part.scopes or ()) - known if part else set()
            if strangers:
                names, have = ", ".join(sorted(strangers)), ", ".join(sorted(known))
                raise ValueError(f"split.{name} names {names}, tiles has {have}")
        return self
