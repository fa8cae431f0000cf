"""What a recipe says of its tiles: made-up départements, surveys or mosaics, and the grid they are cut on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from georetrieval.recipe.schema_strict import Share, Strict


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
    folder: Path | None = Field(None, description="worlds and tiles go here, shared with other recipes that cut the "
                                "same; null is the run folder")
    worlds: tuple[World, ...] = ()
    surveys: tuple[SurveyEntry, ...] = ()
    mosaics: Mosaics | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(map(bool, (self.worlds, self.surveys, self.mosaics))) != 1:
            raise ValueError("say exactly one of worlds, surveys, mosaics")
        return self
