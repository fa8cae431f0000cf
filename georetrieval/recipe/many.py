"""Several recipes, several seeds: one run each, and one table of means and spreads over the seeds."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from georetrieval.errors import GapsError, GeoretrievalError, UsageError
from georetrieval.files import digest, publish, remove_file
from georetrieval.progress import Progress, silent
from georetrieval.recipe.failures import NAME as FAILURES
from georetrieval.recipe.failures import abreast
from georetrieval.recipe.loading import AnyRecipe
from georetrieval.recipe.runs import AnyRun, run_of
from georetrieval.recipe.schema_pictures import PictureRecipe
from georetrieval.recipe.stages import Artist
from georetrieval.recipe.summary import over_seeds, summarised
from georetrieval.recipe.tables import as_csv, as_markdown

Row = dict[str, Any]
LOST = "error.txt"
"""What a run that ended with a bug leaves in its folder."""


@dataclass(frozen=True)
class Failure:
    """A run that did not end.

    Attributes
    ----------
    run
        Its folder.
    error
        Why; anything that is not a `GeoretrievalError` is a bug, whose traceback is in `error.txt` of the folder.
    """

    run: Path
    error: Exception

    def __str__(self) -> str:
        if isinstance(self.error, GeoretrievalError):
            return f"{self.run}: {self.error}"
        return f"{self.run}: a bug, {type(self.error).__name__} ({self.error}); see {self.run / LOST}."


class Many:
    """Runs of several recipes with several seeds, one after the other.

    Parameters
    ----------
    recipes
        With different names.
    seeds
        Each recipe is run with each of them, in `NAME/seed-N`, into the index `NAME-sN`; the seeds of a recipe share
        worlds and tiles. None runs each recipe once, in `NAME`, with its own seed.
    out
        Folder of the runs and of the summary; `runs` by default.
    resume, draw, progress
        As of `Run`.

    Raises
    ------
    UsageError
        When two recipes have the same name, a seed is there twice, or the recipes measure different things: at
        different k, or tiles and pictures.
    """

    def __init__(
        self, recipes: Sequence[AnyRecipe], seeds: Sequence[int] | None = None, out: Path | None = None, *,
        resume: bool | None = None, draw: Artist | None = None, draw_pictures: Any = None, progress: Progress = silent,
    ) -> None:
        names = [recipe.name for recipe in recipes]
        for what, said in (("recipe named", names), ("seed", [str(seed) for seed in seeds or ()])):
            for one in said:
                if said.count(one) > 1:
                    raise UsageError(f"There is more than one {what} {one}; their runs would share a folder.")
        ks = sorted({recipe.evaluate.k for recipe in recipes})
        if len(ks) > 1:
            raise UsageError(f"The recipes measure at k = {', '.join(map(str, ks))}, which makes no common table; "
                             "give one with --set evaluate.k=5.")
        kinds = {isinstance(recipe, PictureRecipe) for recipe in recipes}
        if len(kinds) > 1:
            raise UsageError("Some of the recipes are about tiles and others about pictures, which makes no common "
                             "table; run them apart.")
        self.k = ks[0]
        self.figure = "accuracy" if kinds == {True} else f"map_at_{self.k}"
        self.seeds = None if seeds is None else tuple(seeds)
        self.root = Path("runs") if out is None else Path(out)
        stem = "summary" if out is not None else f"summary-{digest([names, list(seeds or ())])[:8]}"
        self.summary = self.root / f"{stem}.csv"
        indexes = Path("indexes") if out is None else self.root / "indexes"
        self.runs = [
            run_of(one, self._folder(one), index=(one.index.folder or indexes) / self._index(one),
                   resume=resume, draw=draw, draw_pictures=draw_pictures, progress=progress)
            for recipe in recipes for one in self._seeded(recipe)
        ]
        self.failures: list[Failure] = []

    def plan(self, last: str = "evaluate") -> list[Row]:
        """What each run would do."""
        return [_told(run) | row for run in self.runs for row in run.plan(last)]

    def to(self, last: str = "evaluate") -> list[Row]:
        """Run everything up to a stage; one that fails does not stop the others, `failures` lists it.

        Returns
        -------
        list of rows
            The summary when `last` is the evaluation, else a line per run and stage.

        Raises
        ------
        GeoretrievalError
            When not one run came to its end: what was wrong with the first.
        """
        lines = []
        ended = []
        for run in self.runs:
            found = self._one(run, last)
            if found is not None:
                ended.append((run, found))
                lines += [_told(run) | row for row in found]
        if not ended:
            raise self.failures[0].error
        if last not in ("evaluate", "report"):
            return lines
        rows = summarised(ended, self.figure)
        publish(self.summary, as_csv(rows))
        publish(self.summary.with_suffix(".md"), as_markdown(rows))
        if self.seeds is not None:
            self._publish_sections([run for run, _ in ended])
        return rows

    def require_all(self) -> None:
        """Say which runs failed.

        Raises
        ------
        GapsError
            With one sentence per run, when there is one.
        """
        if self.failures:
            told = " ".join(map(str, self.failures))
            raise GapsError(f"{len(self.failures)} of {len(self.runs)} runs failed. {told}")

    def _one(self, run: AnyRun, last: str) -> list[Row] | None:
        remove_file(run.out / LOST)
        try:
            return run.to(last)
        except GeoretrievalError as error:
            self.failures.append(Failure(run.out, error))
        except Exception as error:  # a night of runs is not lost to a bug in one of them
            publish(run.out / LOST, traceback.format_exc().encode())
            self.failures.append(Failure(run.out, error))
        return None

    def _publish_sections(self, ended: Sequence[AnyRun]) -> None:
        """The other tables of an evaluation, means over the seeds, beside the folders of the seeds."""
        for folder in dict.fromkeys(run.out.parent for run in ended):
            seeds = [run.out for run in ended if run.out.parent == folder]
            for name, rows in over_seeds(seeds).items():
                publish(folder / f"{name}.csv", as_csv(rows))
                shown = abreast(rows, self.k) if name == FAILURES else rows
                publish(folder / f"{name}.md", as_markdown(shown))

    def _seeded(self, recipe: AnyRecipe) -> list[AnyRecipe]:
        if self.seeds is None:
            return [recipe]
        if isinstance(recipe, PictureRecipe):
            return [self._with_shared_world(recipe).model_copy(update={"seed": seed}) for seed in self.seeds]
        shared = recipe.tiles.folder or self.root / recipe.name
        tiles = recipe.tiles.model_copy(update={"folder": shared})
        return [recipe.model_copy(update={"seed": seed, "tiles": tiles}) for seed in self.seeds]

    def _with_shared_world(self, recipe: PictureRecipe) -> PictureRecipe:
        """The same with worlds that all seeds share."""
        pictures, folder = recipe.pictures, self.root / recipe.name / "worlds"
        shared = [world.model_copy(update={"folder": world.folder or folder}) for world in pictures.made_up]
        first = 1 if pictures.world else 0
        worlds = {"world": shared[0] if first else None, "also": tuple(shared[first:])}
        return recipe.model_copy(update={"pictures": pictures.model_copy(update=worlds)})

    def _folder(self, recipe: AnyRecipe) -> Path:
        folder = self.root / recipe.name
        return folder if self.seeds is None else folder / f"seed-{recipe.seed}"

    def _index(self, recipe: AnyRecipe) -> str:
        return recipe.name if self.seeds is None else f"{recipe.name}-s{recipe.seed}"


def _told(run: AnyRun) -> Row:
    return {"recipe": run.recipe.name, "seed": run.recipe.seed}
