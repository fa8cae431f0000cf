"""Tasks of an index, and where their pixels come from: the sheets of a tile set, or of surveys without one."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from georetrieval.errors import MismatchError
from georetrieval.files import canonical_json, digest
from georetrieval.geo.blocks import Block
from georetrieval.geo.making import Settings, record_path
from georetrieval.geo.straight import OpenSurvey, survey_digest
from georetrieval.geo.tile import Survey
from georetrieval.geo.tileset import TileSet
from georetrieval.nets.choice import asked
from georetrieval.nets.embedder import Embedder
from georetrieval.recipe.embedding_work import BATCH, FORMAT, EyeName, Seen, once
from georetrieval.recipe.sight import bands_for
from georetrieval.recipe.windows_of import Cut, rows_of
from georetrieval.samples.arrays import ArraySamples
from georetrieval.samples.sample import Subset
from georetrieval.tasks.task import Task

WINDOWS = 512
"""Windows of one task, where they do not go by sheets."""


@dataclass(frozen=True)
class TilesSource:
    """Tiles of a tile set."""

    path: Path
    digest: str

    @property
    def tileset(self) -> TileSet:
        """Opened once in this process; MismatchError when it is not the one that the work was planned with."""
        return once(("tiles", self), self._open)

    def _open(self) -> TileSet:
        tileset = TileSet.open(self.path)
        if tileset.digest != self.digest:
            raise MismatchError(f"The tiles {self.path} changed since the work was planned; run the command again.")
        return tileset

    @property
    def crs(self) -> str:
        """See `Source`."""
        return self.tileset.grid.crs

    def read(self, what: tuple[Cut, tuple[int, int] | None], eye: Embedder) -> Seen:
        """See `Source`: the tiles of a sheet, or a stretch of the windows of a survey."""
        cut, stretch = what
        if stretch is None:
            samples = rows_of(self.tileset, cut, self._bands(cut, eye))
            assert samples is not None
            return Seen(samples, samples.catalogue, 0)
        windows = once(("windows", self, cut), lambda: rows_of(self.tileset, cut, self._bands(cut, eye)))
        assert windows is not None
        rows = list(range(*stretch))
        return Seen(Subset(windows, rows), windows.catalogue.iloc[rows], 0)

    def _bands(self, cut: Cut, eye: Embedder) -> tuple[str, ...]:
        return bands_for(eye, self.tileset.bands_of(cut.scope, cut.date))


def tile_tasks(tileset: TileSet, eye: EyeName, rows: pd.DataFrame, cut: Cut) -> list[Task]:
    """The tasks of one survey of a tile set: a sheet each, or so many windows each; `rows` are its tiles to be seen."""
    told = [*cut.told, rows["tile_id"].tolist()]
    if cut.plain:
        sums = _sheets(tileset, cut.scope, cut.date)
        return [
            Task(f"{cut.scope} {cut.date} {sheet}", _digest(eye, sums[str(sheet)], cut.told, names), len(names),
                 (replace(cut, tile_ids=tuple(names)), None))
            for sheet, names in ((sheet, some["tile_id"].tolist()) for sheet, some in rows.groupby("sheet"))
        ]
    source = TilesSource(tileset.path.absolute(), tileset.digest)  # when it reads in this process, it has the windows
    samples = once(("windows", source, cut),
                   lambda: rows_of(tileset, cut, bands_for(eye.load(), tileset.bands_of(cut.scope, cut.date))))
    count = len(samples) if samples is not None else 0
    whole = next(s["digest"] for s in tileset.surveys if (s["scope"], s["date"]) == (cut.scope, cut.date))
    stretches = [(start, min(start + WINDOWS, count)) for start in range(0, count, WINDOWS)]
    zoom = "" if cut.zoom == 1 else f" x{cut.zoom:g}"
    parts = _digests(eye, whole, told, stretches)
    return [Task(f"{cut.scope} {cut.date}{zoom} windows {start} to {stop - 1}", found, stop - start,
                 (cut, (start, stop))) for (start, stop), found in zip(stretches, parts, strict=True)]


def _sheets(tileset: TileSet, scope: str, date: str) -> dict[str, str]:
    """What each sheet of a survey was made from, as its records say and the manifest vouches for; else the survey's."""
    survey = next(s for s in tileset.surveys if (s["scope"], s["date"]) == (scope, date))
    rows = tileset.catalogue
    names = sorted(set(rows[(rows["scope"] == scope) & (rows["date"] == date)]["sheet"]))
    try:
        folder = tileset.path / f"{scope}-{date}"
        sums = {name: str(json.loads(record_path(folder, name).read_text("utf-8"))["digest"]) for name in names}
    except (OSError, ValueError, KeyError, TypeError):
        sums = {}
    known = survey_digest(survey["bands"], list(sums.values())) == survey["digest"]
    return sums if known else {name: digest([survey["digest"], name]) for name in names}


def _digest(eye: EyeName, pixels: str, told: Sequence[Any], rows: Sequence[Any]) -> str:
    return digest([FORMAT, BATCH, asked(), eye.fingerprint, pixels, list(told), list(rows)])


def _digests(
    eye: EyeName, pixels: str, told: Sequence[Any], stretches: Sequence[tuple[int, int]]
) -> list[str]:
    """`_digest` of each stretch; the names that they share are hashed once, not once for each stretch."""
    shared = hashlib.sha256(canonical_json([FORMAT, BATCH, asked(), eye.fingerprint, pixels, list(told)])[:-1] + b",")
    found = []
    for stretch in stretches:
        one = shared.copy()
        one.update(canonical_json(stretch) + b"]")
        found.append(one.hexdigest())
    return found


@dataclass(frozen=True)
class SurveysSource:
    """Blocks of surveys, read and painted as they are needed.

    Attributes
    ----------
    plan
        Another one every time: a process that works for long must not remember what was wrong with a sheet.
    """

    surveys: tuple[Survey, ...]
    settings: Settings
    plan: str = field(default_factory=lambda: secrets.token_hex(8))

    @property
    def crs(self) -> str:
        """See `Source`."""
        return self.settings.grid.crs

    def opened(self, number: int) -> OpenSurvey:
        """A survey, opened once in this process."""
        return once(("survey", self.plan, number), lambda: OpenSurvey(self.surveys[number], self.settings))

    def read(self, what: tuple[int, Block], eye: Embedder) -> Seen:
        """See `Source`: the tiles of a block that are not blank."""
        number, block = what
        survey = self.opened(number)
        tiles = survey.tiles(block)
        valid = tiles.rows["valid"].to_numpy(bool)
        rows = tiles.rows[valid]
        if not len(rows):
            return Seen(None, rows, len(valid))
        samples = ArraySamples(
            tiles.pixels[valid] if not valid.all() else tiles.pixels, survey.bands, keys=rows["key"].tolist(),
            bands=bands_for(eye, survey.bands), names=rows["tile_id"].tolist(), scopes=rows["scope"].tolist(),
            palette=self.settings.legend.palette())
        return Seen(samples, rows, int((~valid).sum()))


def survey_tasks(
    source: SurveysSource, number: int, eye: EyeName, blocks: Sequence[Block], sums: Sequence[str]
) -> list[Task]:
    """The tasks of some blocks of one survey, `sums` being what each is made from."""
    survey = source.opened(number)
    told = [survey.survey.scope, survey.survey.date, source.settings.min_photo_share]
    names = [_block_name(survey, block) for block in blocks]
    return [Task(name, _digest(eye, pixels, told, []), len(block.cells), (number, block))
            for name, pixels, block in zip(names, sums, blocks, strict=True)]


def _block_name(survey: OpenSurvey, block: Block) -> str:
    name = f"{survey.survey.scope} {survey.survey.date} {survey.name(block)}"
    if block.sheet is None or survey.mosaic is None:
        return name
    return f"{name} ({survey.mosaic.sheets[block.sheet].path.name})"
