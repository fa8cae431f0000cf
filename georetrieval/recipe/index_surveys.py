"""Surveys into an index without a tile set between: read, painted, cut and embedded sheet by sheet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from georetrieval.errors import InputError, UsageError
from georetrieval.geo.block_digests import Digests
from georetrieval.geo.blocks import Block, count_cells
from georetrieval.geo.making import Settings
from georetrieval.geo.source_files import checked, inventory_of
from georetrieval.geo.straight import OpenSurvey, absolute, no_tiles, survey_digest
from georetrieval.geo.survey_inputs import check_grid
from georetrieval.geo.tile import Survey
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe.build import load_eye
from georetrieval.recipe.canaries import of_pixels
from georetrieval.recipe.embedding_sources import SurveysSource, survey_tasks
from georetrieval.recipe.embedding_work import EmbeddingWork, EyeName
from georetrieval.recipe.index_by_tasks import Group, Plan, build, build_shard, check_place, work_folder
from georetrieval.recipe.indexing import about_tiles
from georetrieval.recipe.sight import bands_for
from georetrieval.samples.bands import check_bands
from georetrieval.search.store import IndexStore
from georetrieval.tasks.running import Hands
from georetrieval.tasks.task import Shard, Task


def index_surveys(
    path: Path, surveys: Sequence[Survey], settings: Settings, model: str, *, hands: Hands | None = None,
    shard: Shard | None = None, replace: bool = False, created_by: str = "georetrieval", progress: Progress = silent,
) -> IndexStore | None:
    """Embed the cells of surveys and publish them as an index; the same rows as of the tiles that `build_tiles` makes.

    Parameters
    ----------
    settings
        Grid, tile size, legend and least share of photo.
    model
        What `load_eye` takes.
    shard
        Do only this part of the sheets, and publish nothing.

    Returns
    -------
    The index; None after a shard.

    Raises
    ------
    InputError
        When nothing can be read, or there is an index already.
    GapsError
        After the rest is done, when sheets were damaged.
    """
    check_place(path, replace)
    plan = plan_surveys(path, surveys, settings, model, shard=shard, created_by=created_by, progress=progress)
    if shard is not None:
        build_shard(plan, hands or Hands(), progress=progress)
        return None
    return build(plan, hands or Hands(), replace_old=replace, progress=progress)


def plan_surveys(
    path: Path, surveys: Sequence[Survey], settings: Settings, model: str, *, shard: Shard | None = None,
    created_by: str = "georetrieval", progress: Progress = silent,
) -> Plan:
    """The tasks of some surveys; headers are read, and the bytes of all files that the tasks depend on."""
    check_grid(settings.grid, settings.px)
    names = [survey.name for survey in surveys]
    if not surveys or len(set(names)) != len(names):
        raise UsageError("Name photos, vectors or both of one survey per scope and date.")
    source = SurveysSource(tuple(checked(absolute(survey), progress=progress) for survey in surveys), settings)
    eye = load_eye(model, legend_digest=settings.legend.digest, px=settings.px)
    name = EyeName.of(eye, model, settings.legend.digest, settings.px)
    groups, sources, order = [], [], list[tuple[Any, ...]]()
    for number, survey in enumerate(surveys):
        progress(number, len(surveys), "checksums")
        opened = source.opened(number)
        tasks, digests = _tasks(source, number, opened, eye, name, shard)
        groups.append(Group(survey.scope, survey.date, tuple(tasks), bands_for(eye, opened.bands),
                            _lost(opened, shard)))
        sources.append(_source(survey, opened, digests))
        order += [(number, opened.order(task.what[1]), place, task) for place, task in enumerate(tasks)]
    progress(len(surveys), len(surveys), "checksums")
    order.sort(key=lambda one: one[:3])
    canaries = {} if shard else _canaries(source, eye, groups)
    about = about_tiles(eye, model, settings.grid, settings.px, settings.legend.digest, blank=0, sources=sources,
                        created_by=created_by, canaries=canaries)
    total = sum(count_cells(source.opened(number).blocks) for number in range(len(surveys)))
    work = EmbeddingWork(work_folder(path), name, source, total)
    return Plan(path, work, tuple(groups), tuple(one[3] for one in order), about)


def _tasks(
    source: SurveysSource, number: int, opened: OpenSurvey, eye: Embedder, name: EyeName, shard: Shard | None
) -> tuple[list[Task], Digests]:
    """The tasks of one survey, or of a shard of it, and what they are made from."""
    if not opened.blocks:
        raise no_tiles(opened.survey, opened.broken)
    check_bands(opened.bands, bands_for(eye, opened.bands), palette=True)
    if shard is None or shard.number == 1:
        opened.require_objects()
    blocks: Sequence[Block] = sorted(opened.blocks, key=opened.order if shard else opened.name)
    blocks = shard.of_all(blocks) if shard else blocks
    digests = opened.digests(blocks)
    return survey_tasks(source, number, name, blocks, digests.blocks), digests


def _lost(opened: OpenSurvey, shard: Shard | None) -> dict[str, str]:
    """Sheets that no task can be made of; the first shard tells them."""
    if opened.mosaic is None or (shard is not None and shard.number != 1):
        return {}
    return {f"{opened.survey.scope} {opened.survey.date} {path.name}": problem
            for path, problem in opened.mosaic.broken.items()}


def _canaries(source: SurveysSource, eye: Embedder, groups: Sequence[Group]) -> dict[str, Any]:
    """Canaries out of the first sheet that can be read and is not blank."""
    palette = source.settings.legend.palette()
    for task in (task for group in groups for task in group.tasks):
        number, block = task.what
        survey = source.opened(number)
        with suppress(InputError):  # the task will say so
            tiles = survey.tiles(block)
            valid = tiles.rows["valid"].to_numpy(bool)
            if valid.any():
                return of_pixels(tiles.pixels[valid], survey.bands, tiles.rows[valid]["tile_id"].tolist(), eye,
                                 palette, source.settings.px)
    return of_pixels(None, (), [], eye, palette, source.settings.px)


def _source(survey: Survey, opened: OpenSurvey, digests: Digests) -> dict[str, Any]:
    """What a manifest says of a survey."""
    paths = {name: str(path) for name in ("photos", "vectors", "sums") if (path := getattr(survey, name)) is not None}
    return {**paths, "scope": survey.scope, "date": survey.date,
            "digest": survey_digest(opened.bands, digests.blocks), "blank": 0,
            "files": inventory_of(opened.survey, digests.files, opened.vector_files)}
