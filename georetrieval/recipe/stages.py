"""A recipe stage by stage: worlds, tiles, train, index, evaluate. What matches its inputs' digest is not redone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from georetrieval import __version__
from georetrieval.errors import UsageError
from georetrieval.files import digest, publish, publish_json
from georetrieval.geo.tileset import TileSet
from georetrieval.nets.embedder import Embedder
from georetrieval.progress import Progress, silent
from georetrieval.recipe import actions, sources
from georetrieval.recipe.build import WEIGHTS, load_eye
from georetrieval.recipe.parts import check_apart
from georetrieval.recipe.schema import Recipe
from georetrieval.search.matches import Matches

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
        Go on with an interrupted training instead of starting it anew.
    draw
        Called at the end of the evaluation; a higher floor draws the figures.

    Notes
    -----
    A stage's record, `stages/NAME.json`, holds the digest of everything the stage reads: its settings, the package
    version and the digests of the stages before it. A stage is skipped when that digest is the same, never because
    a file exists; it is redone when what it made is gone.
    """

    def __init__(
        self, recipe: Recipe, out: Path | None = None, *, progress: Progress = silent, resume: bool = True,
        draw: Artist | None = None,
    ) -> None:
        self.recipe = recipe
        self.out = Path("runs") / recipe.name if out is None else Path(out)
        self.progress = progress
        self.resume = resume
        self.draw = draw
        self.tiles = self.out / "tiles"
        self.model = self.out / "model"
        self.results = self.out / "results.json"
        self.index = recipe.index.folder / recipe.name
        self._digests: dict[str, str] = {}

    def to(self, last: str = "evaluate") -> list[Row]:
        """Run every stage up to `last`; the answer is the evaluation's table, or a line per stage before it.

        Raises
        ------
        UsageError
            When `last` is not a stage.
        """
        wanted = self._stages(last)
        publish(self.out / "recipe.yaml", yaml.safe_dump(self.recipe.model_dump(mode="json"), sort_keys=False,
                                                         allow_unicode=True).encode())
        lines = [self._stage(name) for name in wanted]
        if wanted[-1] == "evaluate":
            rows: list[Row] = json.loads(self.results.read_text(encoding="utf-8"))["rows"]
            return rows
        return lines

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
    def weights(self) -> Path:
        """The best weights of the training stage."""
        return self.model / WEIGHTS

    def _stages(self, last: str) -> tuple[str, ...]:
        if last not in (*STAGES, "report"):
            raise UsageError(f"There is no stage {last!r}; stages are {', '.join(STAGES)}.")
        return STAGES[: STAGES.index(last) + 1] if last in STAGES else STAGES

    def _stage(self, name: str) -> Row:
        inputs, action, made = self._definition(name)
        wanted = digest({"stage": name, "version": __version__, "inputs": inputs, "before": dict(self._digests)})
        record = self.out / "stages" / f"{name}.json"
        if _digest_in(record) == wanted and all(path.exists() for path in made):
            self._digests[name] = wanted
            return {"stage": name, "state": "as before", "seconds": 0.0}
        started = time.monotonic()
        action()
        seconds = round(time.monotonic() - started, 1)
        publish_json(record, {"digest": wanted, "seconds": seconds, "made": [str(path) for path in made]})
        self._digests[name] = wanted
        return {"stage": name, "state": "done", "seconds": seconds}

    def _definition(self, name: str) -> tuple[Any, Callable[[], None], list[Path]]:
        """Inputs, action and products of a stage."""
        recipe = self.recipe
        settings = recipe.model_dump(mode="json")
        if name == "worlds":
            folders = [sources.world_folder(self.out / "worlds", w) for w in recipe.tiles.worlds]
            return settings["tiles"]["worlds"], lambda: actions.write_worlds(self), folders
        if name == "tiles":
            files = sources.inventory(sources.surveys_of(recipe.tiles, self.out / "worlds"))
            return [settings["tiles"], files], lambda: actions.build(self), [self.tiles / "tiles.json"]
        if name == "train":
            inputs = {key: settings[key] for key in ("seed", "split", "dates", "eye", "learn")}
            return inputs, lambda: actions.fit(self), [self.weights]
        if name == "index":
            return [settings["index"], settings["split"]["test"]], lambda: actions.index(self), [self.index / "CURRENT"]
        return [settings["evaluate"], settings["split"]["test"]], lambda: actions.measure(self), [self.results]


def _digest_in(record: Path) -> str | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return str(found["digest"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
