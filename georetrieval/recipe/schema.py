"""What a recipe may say: one experiment, frozen, validated whole.

The pydantic models hold plain values; `recipe.build` turns them into the objects of the lower floors. Every field is
described here once, and pipelines/*.yaml comment the ones they use.
"""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Band = Literal["r", "g", "b", "sr", "sg", "sb", "sgrey", "classes"]


class Strict(BaseModel):
    """Unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class World(Strict):
    """A made-up département that is written before anything else (`georetrieval synth departement`)."""

    scope: str = Field(pattern=r"^\d{2}$", description="département code in the file names")
    seed: int = Field(ge=0)
    km: int = Field(12, ge=3, le=60)
    gsd_m: float = Field(2.0, gt=0, description="ground sample distance of the orthophotos")
    sheet_km: int = Field(5, ge=1)
    old_format: Literal["tif", "jp2"] = "jp2"
    new_format: Literal["tif", "jp2"] = "tif"
    new_vectors: Literal["gpkg", "shp", "both"] = "gpkg"


class SurveyEntry(Strict):
    """One dated survey of one place: photographs, vectors, or both."""

    scope: str
    date: str
    photos: Path | None = None
    vectors: Path | None = None
    mapping: Path | None = None
    crs: str | None = None
    encoding: str | None = None
    bounds: tuple[float, float, float, float] | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.photos is None and self.vectors is None:
            raise ValueError("a survey needs photos, vectors, or both")
        return self


class Mosaics(Strict):
    """A folder of dated photographs in one frame: the file name's year is the date, no georeference is needed."""

    folder: Path
    scope: str = "frame"
    offsets: int = Field(1, ge=1, le=16, description="train on offsets x offsets shifted grids instead of one")


class Tiles(Strict):
    """The tiles stage: which surveys, on which grid."""

    cell_m: int = Field(500, ge=1, description="side of a cell in metres (in pixels for mosaics)")
    px: int = Field(256, ge=16, le=4096, description="side of a tile in pixels")
    crs: str = "EPSG:2154"
    legend: str = "bdtopo12"
    min_photo_share: Share = 0.5
    workers: int = Field(1, ge=1)
    worlds: tuple[World, ...] = ()
    surveys: tuple[SurveyEntry, ...] = ()
    mosaics: Mosaics | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(map(bool, (self.worlds, self.surveys, self.mosaics))) != 1:
            raise ValueError("say exactly one of worlds, surveys, mosaics")
        return self


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


class Eye(Strict):
    """The descriptor net: fusion, trunk, head (REFERENCE.md A)."""

    bands: tuple[Band, ...] = ("r", "g", "b", "sr", "sg", "sb")
    fusion_trainable: bool = True
    trunk: str = "resnet50"
    cut: int | None = Field(None, ge=0, description="use the trunk up to this stage only, 0 is the first")
    weights: str | None = Field(None, description="null (from scratch), hub, or a file")
    head: Literal["convs", "pool"] = "convs"
    pooling: Literal["avg", "max", "gem"] = "avg"
    filters: tuple[int, ...] = (1024, 512, 256)
    batch_norm: bool = True
    descriptor: int = Field(256, ge=2, le=4096)


class Mining(Strict):
    """Hard pairs by map@5 (REFERENCE.md A)."""

    every: int = Field(5, ge=1, description="epochs between two rounds")
    k: int = Field(5, ge=1)
    below: Share = Field(0.5, description="a query is hard when its precision is below this")
    hard_share: Share = 0.5
    negatives: Literal["same_date", "other_date"] = "same_date"


class Augment(Strict):
    """Changes of the training samples."""

    turns: bool = True
    flips: bool = True
    shift: float = Field(0.0, ge=0, le=0.5, description="largest shift as a share of the side, each member its own")
    joint: bool = Field(True, description="the same turn and flip for both members of a pair")
    brightness: float = Field(0.2, ge=0)
    contrast: float = Field(0.2, ge=0)
    saturation: float = Field(0.0, ge=0)


class Learn(Strict):
    """The training stage."""

    objective: Literal["bce", "infonce"] = "bce"
    temperature: float = Field(0.07, gt=0, description="InfoNCE only")
    pairs_per_batch: int = Field(12, ge=2)
    epochs: int = Field(100, ge=1)
    minutes: float | None = Field(None, gt=0, description="stop when this is spent, whatever the epoch")
    precision: Literal["bf16", "fp32"] = "bf16"
    optimiser: Literal["adam", "adamw"] = "adam"
    rate_fusion: float = Field(1e-4, ge=0)
    rate_trunk: float = Field(5e-5, ge=0)
    rate_new: float = Field(1e-3, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0
    validate_every: int = Field(1, ge=1, description="epochs between two validations")
    mining: Mining | None = Mining()
    augment: Augment | None = None


class Index(Strict):
    """The index stage."""

    folder: Path | None = Field(None, description="where the index NAME is put; indexes/ by default, and OUT/indexes "
                                "for a run in a folder of its own (-o OUT)")


class Evaluate(Strict):
    """The evaluation stage: map@k, recall@k, baselines beside the trained descriptor."""

    k: int = Field(5, ge=1)
    baselines: tuple[Literal["hog", "class-shares", "untrained", "untrained-resnet50"], ...] = ("hog", "untrained")


class Recipe(Strict):
    """One experiment."""

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
