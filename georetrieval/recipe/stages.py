"""A recipe stage by stage: worlds, tiles, train, index, evaluate. What matches its inputs' digest is not redone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from georetrieval.errors import UsageError
from georetrieval.files import digest, sha256_file
from georetrieval.geo.tileset import MANIFEST, TileSet
from georetrieval.nets.choice import preferring
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe import actions, measuring, sources
from georetrieval.recipe.build import load_eye, start_of
from georetrieval.recipe.models import WEIGHTS
from georetrieval.recipe.parts import check_apart
from georetrieval.recipe.schema import Recipe
from georetrieval.recipe.staging import FIGURES, Stage, Stager, index_folder
from georetrieval.search.manifest import CURRENT
from georetrieval.search.matches import Matches

SHARED = ("worlds", "tiles")
STAGES = ("worlds", "tiles", "train", "index", "evaluate")
Row = dict[str, Any]
Artist = Callable[["Run", Matches, list[Row]], object]


class Run:
    """One recipe in one folder.

    Parameters
    ----------
    recipe
        What to do.
    out
        The run folder; `runs/NAME` by default.
    progress
        Told of each unit of actions.
    resume
        None goes on with an interrupted training when all its inputs are the same and starts anew otherwise; True goes
        on with any training on these tiles (longer, for instance) or refuses; False always starts anew.
    draw
        Called at the end of the evaluation; a higher floor draws the figures.
    index
        Where the index is put instead of in the recipe's folder under the recipe's name.

    Notes
    -----
    `Stager` says when a stage is skipped; its record is `stages/NAME.json`. Worlds and tiles in a shared folder
    (`tiles.folder`) have their records there, and a lock while they are made: a run that needs them in the meantime
    is told so.
    """

    def __init__(
        self, recipe: Recipe, out: Path | None = None, *, progress: Progress = silent,
        resume: bool | None = None, draw: Artist | None = None, index: Path | None = None,
    ) -> None:
        self.recipe = recipe
        self.out = Path("runs") / recipe.name if out is None else Path(out)
        self.progress = progress
        self.draw = draw
        tiles = recipe.tiles
        self.shared = tiles.folder
        self.worlds = (tiles.folder or self.out) / "worlds"
        self.tiles = self.out / "tiles" if tiles.folder is None else tiles.folder / sources.shared_name(tiles)
        self.model = self.out / "model"
        self.results = self.out / "results.json"
        self.index = index or index_folder(recipe.index.folder, out) / recipe.name
        self.stager = Stager(resume)

    def to(self, last: str = "evaluate") -> list[Row]:
        """Run every stage up to `last`; the answer is the evaluation's table, or a line per stage before it.

        Raises
        ------
        UsageError
            When `last` is not a stage.
        BusyError
            When another process runs in the same folder, or makes the shared tiles that this run needs.
        """
        wanted = self._stages(last)
        with preferring(self.recipe.engine):
            return self.stager.run(self.recipe, self.out, map(self._stage, wanted), self.results)

    def plan(self, last: str = "evaluate") -> list[Row]:
        """What `to` would do, without doing it: counts, disk, memory, time where they can be known."""
        return [actions.planned(self, name) for name in self._stages(last)]

    @cached_property
    def tileset(self) -> TileSet:
        """The tiles of this run; they must have been built, and the split must keep its parts apart."""
        tileset = TileSet.open(self.tiles)
        check_apart(tileset, self.recipe.split)
        return tileset

    def eye(self) -> Embedder:
        """The trained eye."""
        return load_eye(str(self.model), legend_digest=self.tileset.legend.digest, px=self.tileset.px)

    @property
    def going_on(self) -> bool:
        """Whether the training stage continues what is in the run folder."""
        return self.stager.going_on

    @property
    def weights(self) -> Path:
        """The best weights of the training stage."""
        return self.model / WEIGHTS

    def _stages(self, last: str) -> tuple[str, ...]:
        if last not in (*STAGES, "report"):
            raise UsageError(f"There is no stage {last!r}; stages are {', '.join(STAGES)}.")
        wanted = STAGES[: STAGES.index(last) + 1] if last in STAGES else STAGES
        if self.recipe.learn is None:
            if last in ("train", "index"):
                raise UsageError(f"The recipe {self.recipe.name} has learn: null, so there is no stage {last!r}.")
            wanted = tuple(name for name in wanted if name not in ("train", "index"))
        return wanted

    def _stage(self, name: str) -> Stage:
        inputs, action, made = self._definition(name)
        lock = self.shared / ".tiles.lock" if self.shared and name in SHARED else None
        return Stage(name, inputs, action, made, record=self._record_of(name), lock=lock,
                     model=self.model if name == "train" else None, usable=index_is_whole)

    def _record_of(self, name: str) -> Path:
        """Where a stage's record lies; a shared folder has one for each choice of worlds and of tiles."""
        if self.shared is None or name not in SHARED:
            return self.out / "stages" / f"{name}.json"
        settings = self._tiles_settings()
        chosen = digest(settings["worlds"] if name == "worlds" else settings)[:12]
        return self.shared / "stages" / f"{name}-{chosen}.json"

    def _tiles_settings(self) -> Row:
        """What the tiles depend on."""
        return self.recipe.tiles.model_dump(mode="json", exclude={"workers", "folder"})

    def _definition(self, name: str) -> tuple[Any, Callable[[], None], list[Path]]:
        """Inputs, action and products of a stage."""
        recipe = self.recipe
        settings = recipe.model_dump(mode="json")
        if name == "worlds":
            folders = [sources.world_folder(self.worlds, w) for w in recipe.tiles.worlds]
            return settings["tiles"]["worlds"], lambda: actions.write_worlds(self), folders
        if name == "tiles":
            files = sources.inventory(sources.surveys_of(recipe.tiles, self.worlds))
            made = [folder / MANIFEST for folder in (self.tiles, *actions.shifted(self))]
            return [self._tiles_settings(), files], lambda: actions.build(self), made
        if name == "train":
            inputs: Row = {key: settings[key] for key in ("seed", "split", "dates", "eye", "learn")}
            if start := start_of(recipe.eye):
                inputs["start"] = sha256_file(start)
            return inputs, lambda: actions.fit(self), [self.weights]
        if name == "index":
            return [settings["index"], settings["split"]["test"]], lambda: actions.index(self), [self.index / CURRENT]
        read = [settings[key] for key in ("evaluate", "split", "dates", "seed", "eye")]
        wanted = {"combinations": recipe.evaluate.combinations, "modalities": recipe.evaluate.modalities}
        tables = [self.out / f"{name}.csv" for name, asked in wanted.items() if asked]
        figures = [] if self.draw is None else [self.out / FIGURES]
        return read, lambda: measuring.measure(self), [self.results, *tables, *figures]


def index_is_whole(made: Path) -> bool:
    """Whether a product is there; stores are opened too, so that damage is mended by the stage that made them."""
    if made.name == MANIFEST:
        return actions.tiles_can_be_read(made.parent)
    return actions.index_can_be_read(made.parent) if made.name == CURRENT else made.exists()

