"""An index built task by task: whoever does them and however often it is interrupted, it is the same, byte for byte.

In the index's folder `work` lie, until it is published:

    <task>.json       a task that is done: its digest, what was blank, which part belongs to it
    <sha256>.parquet  the rows of a task
    engine-*.json     what all tasks run the net in, see `one_engine`
    .lock             held while tasks are done, but by shards

When all tasks are done their rows become segments, in the order of the surveys and sheets, and `work` is removed; where
damaged sheets left gaps it stays, so that the next run tries only those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from georetrieval.errors import GapsError, InputError, MismatchError, StoreError
from georetrieval.files import locked, remove_tree
from georetrieval.nets.engines import forget
from georetrieval.progress import Progress, silent
from georetrieval.recipe.embedding_work import EmbeddingWork, parts_of
from georetrieval.recipe.one_engine import with_one_engine
from georetrieval.search.building import About, Part
from georetrieval.search.store import IndexStore, refuse_existing
from georetrieval.tasks.running import Done, Hands, run
from georetrieval.tasks.task import Task

WORK = "work"
TOLD = 10
"""Problems that an error message tells; the index's sources hold all."""


@dataclass(frozen=True)
class Group:
    """Tasks whose rows stand together in the index: those of one survey, at one zoom.

    Attributes
    ----------
    scope, date
        Of the survey.
    tasks
        In the order of the rows.
    bands
        That the eye is shown of them.
    lost
        By name, what is wrong with sheets that there is no task for: not even their headers are to be read.
    """

    scope: str
    date: str
    tasks: tuple[Task, ...]
    bands: tuple[str, ...] = ()
    lost: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """An index to be built.

    Attributes
    ----------
    order
        The tasks of all groups, those beside one another that are best done one after the other.
    about
        Without what the tasks will tell: what is blank in them, and gaps.
    """

    path: Path
    work: EmbeddingWork
    groups: tuple[Group, ...]
    order: tuple[Task, ...]
    about: About


def work_folder(index: Path) -> Path:
    """Where the tasks of an index lie."""
    return index.absolute() / WORK


def build(plan: Plan, hands: Hands, *, replace_old: bool, progress: Progress = silent) -> IndexStore:
    """Do what is not done, and publish all as one version.

    Raises
    ------
    GapsError
        After it is published, when tasks had to be left out; `sources` names them.
    InputError
        When nothing can be indexed, or there is an index of something else, or a whole one, and not `replace_old`.
    """
    replace_old = replace_old or _left_gaps(plan)
    refuse_existing(plan.path, replace_old)
    with locked(plan.work.folder / ".lock"):
        done = _done(plan, hands, progress)
        if not any(result["part"] for result in done.results.values()) and done.problems:
            raise InputError(next(iter(done.problems.values())))
        store = IndexStore.build(plan.path, _parts(plan, done), _told(plan, done), replace=replace_old)
        if not done.problems:
            remove_tree(plan.work.folder)
    if done.problems:
        raise GapsError(f"The index is built without {_listed(done.problems)} Run the same command again to try "
                        "only these.")
    return store


def build_shard(plan: Plan, hands: Hands, *, progress: Progress = silent) -> Done:
    """Do the tasks of a plan and publish nothing; GapsError when some could not be done."""
    done = _done(plan, hands, progress)
    if done.problems:
        raise GapsError(f"The shard is done without {_listed(done.problems)}")
    return done


def _done(plan: Plan, hands: Hands, progress: Progress) -> Done:
    """All tasks done, with one engine, and all that is missing."""
    mine = {task.digest for task in plan.order}
    work = with_one_engine(plan.work, [
        (group.bands, [task for task in group.tasks if task.digest in mine]) for group in plan.groups])
    if hands.scheduler is not None or hands.jobs > 1:
        forget()  # those who work have their own
    done = run(work, plan.order, hands, what="embedding", progress=progress)
    for group in plan.groups:
        done.problems |= group.lost
    return done


def check_place(path: Path, replace_old: bool) -> None:
    """Refuse early, before anything is read, what `build` would refuse in any case.

    Raises
    ------
    InputError
        When there is an index without gaps, and not `replace_old`.
    """
    refuse_existing(path, replace_old or _gaps(path))


def _gaps(path: Path) -> bool:
    try:
        return any(source.get("gaps") for source in IndexStore.open(path).manifest.sources)
    except (InputError, StoreError):
        return False


def _left_gaps(plan: Plan) -> bool:
    """Whether the index there is what this plan made before, without what was damaged then."""
    if not _gaps(plan.path):
        return False
    held, about = IndexStore.open(plan.path), plan.about
    m = held.manifest
    try:
        held.require(about.fingerprint)
    except MismatchError:
        return False
    same = (m.crs, m.cell_m, m.px, m.legend_digest) == (about.crs, about.cell_m, about.px, about.legend_digest)
    return same and [_asked(source) for source in m.sources] == [_asked(source) for source in about.sources]


def _asked(source: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for of a survey, not what was found: files may have been mended."""
    found = ("blank", "failed", "gaps", "digest", "files", "sums")
    return {name: value for name, value in source.items() if name not in found}


def _parts(plan: Plan, done: Done) -> Iterator[Part]:
    for group in plan.groups:
        yield from parts_of(plan.work.folder, [
            done.results[task.digest] for task in group.tasks if task.digest in done.results])


def _told(plan: Plan, done: Done) -> About:
    """What the plan says of the index, with what the tasks found: blank tiles and gaps, survey by survey."""
    blank = plan.about.blank
    sources: list[Mapping[str, Any]] = []
    for source in plan.about.sources:
        groups = [one for one in plan.groups if (one.scope, one.date) == (source["scope"], source["date"])]
        tasks = [task for group in groups for task in group.tasks]
        more = sum(done.results[task.digest]["blank"] for task in tasks if task.digest in done.results)
        missing = [f"{task.name}: {done.problems[task.name]}" for task in tasks if task.name in done.problems]
        missing += [f"{name}: {problem}" for group in groups for name, problem in group.lost.items()]
        sources.append({**source, "blank": source["blank"] + more, **({"gaps": missing} if missing else {})})
        blank += more
    return replace(plan.about, blank=blank, sources=tuple(sources))


def _listed(problems: Mapping[str, str]) -> str:
    told = [f"{name}: {problem.rstrip('.')}." for name, problem in sorted(problems.items())]
    more = f" (and {len(told) - TOLD} more)" if len(told) > TOLD else ""
    return f"{len(told)} sheets that could not be done: {' '.join(told[:TOLD])}{more}"


def tasks_of(groups: Sequence[Group]) -> tuple[Task, ...]:
    """The tasks of all groups."""
    return tuple(task for group in groups for task in group.tasks)
