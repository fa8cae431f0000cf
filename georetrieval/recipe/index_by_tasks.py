"""An index built task by task: whoever does them and however often it is interrupted, it is the same, byte for byte.

    INDEX/work/<task>.json       a task that is done: its digest, what was blank, which part belongs to it
    INDEX/work/<sha256>.parquet  the rows of a task
    INDEX/work/.lock             held while tasks are done, but by shards

When all tasks are done their rows become segments, in the order of the surveys and sheets, and `work` is removed; where
damaged sheets left gaps it stays, so that the next run tries only those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from georetrieval.errors import GapsError, InputError, StoreError
from georetrieval.files import locked, remove_tree
from georetrieval.progress import Progress, silent
from georetrieval.recipe.embedding_work import EmbeddingWork, parts_of
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
    """

    scope: str
    date: str
    tasks: tuple[Task, ...]


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
        When nothing can be indexed.
    """
    with locked(plan.work.folder / ".lock"):
        done = run(plan.work, plan.order, hands, what="embedding", progress=progress)
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
    done = run(plan.work, plan.order, hands, what="embedding", progress=progress)
    if done.problems:
        raise GapsError(f"The shard is done without {_listed(done.problems)}")
    return done


def check_place(path: Path, replace_old: bool) -> bool:
    """Whether an index there may be replaced: when asked, or when its last build left gaps and is to go on.

    Raises
    ------
    InputError
        When there is one that may not.
    """
    going_on = replace_old or (work_folder(path).is_dir() and _has_gaps(path))
    refuse_existing(path, going_on)
    return going_on


def _has_gaps(path: Path) -> bool:
    try:
        return any(source.get("gaps") for source in IndexStore.open(path).manifest.sources)
    except (InputError, StoreError):
        return False


def _parts(plan: Plan, done: Done) -> Iterator[Part]:
    for group in plan.groups:
        yield from parts_of(plan.work.folder, [
            done.results[task.digest] for task in group.tasks if task.digest in done.results])


def _told(plan: Plan, done: Done) -> About:
    """What the plan says of the index, with what the tasks found: blank tiles and gaps, survey by survey."""
    blank, gaps = plan.about.blank, 0
    sources: list[Mapping[str, Any]] = []
    for source in plan.about.sources:
        tasks = [task for group in plan.groups for task in group.tasks
                 if (group.scope, group.date) == (source["scope"], source["date"])]
        more = sum(done.results[task.digest]["blank"] for task in tasks if task.digest in done.results)
        missing = [f"{task.name}: {done.problems[task.name]}" for task in tasks if task.name in done.problems]
        sources.append({**source, "blank": source["blank"] + more, **({"gaps": missing} if missing else {})})
        blank, gaps = blank + more, gaps + len(missing)
    return replace(plan.about, blank=blank, sources=tuple(sources))


def _listed(problems: Mapping[str, str]) -> str:
    told = [f"{name}: {problem.rstrip('.')}." for name, problem in sorted(problems.items())]
    more = f" (and {len(told) - TOLD} more)" if len(told) > TOLD else ""
    return f"{len(told)} sheets that could not be done: {' '.join(told[:TOLD])}{more}"


def tasks_of(groups: Sequence[Group]) -> tuple[Task, ...]:
    """The tasks of all groups."""
    return tuple(task for group in groups for task in group.tasks)
