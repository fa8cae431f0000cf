"""The machinery of stages: what matches its inputs' digest is not redone, and what was interrupted goes on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from georetrieval import __version__
from georetrieval.errors import MismatchError
from georetrieval.files import digest, locked, publish, publish_json, remove_file
from georetrieval.learn.training import STATE
from georetrieval.recipe.models import WEIGHTS

Row = dict[str, Any]


FIGURES = Path("stages") / "figures.json"
"""In a run folder: the figures of the evaluation at hand were drawn. An evaluation without figures takes it away."""


def is_there(made: Path) -> bool:
    """Whether a product exists."""
    return made.exists()


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes
    ----------
    name
    inputs
        Everything it reads besides what the stages before it made; plain JSON values.
    action, made
        What it does, and the files or folders that it makes.
    record
        Where is written what it was done with.
    lock
        Held while it works in a folder that is shared; None for a folder of its own.
    model
        Folder of the training that it goes on with when it was interrupted; None for other stages.
    usable
        Whether a product is there and whole.
    of
        What a model is trained on, as a sentence calls it.
    """

    name: str
    inputs: Any
    action: Callable[[], None]
    made: Sequence[Path]
    record: Path
    lock: Path | None = None
    model: Path | None = None
    usable: Callable[[Path], bool] = is_there
    of: str = "tiles"


def index_folder(asked: Path | None, out: Path | None) -> Path:
    """Where the index of a recipe is put: where it asks, else in the run folder that was named, else in ./indexes."""
    return asked or (Path("indexes") if out is None else Path(out) / "indexes")


class Stager:
    """Does stages, one after the other.

    Parameters
    ----------
    resume
        None goes on with an interrupted training when all its inputs are the same and starts anew otherwise; True goes
        on with any training of these data or refuses; False always starts anew.

    Notes
    -----
    A stage's record holds the digest of everything the stage reads: its settings, the package version and the digests
    of the stages before it. A stage is skipped when that digest is the same, never because a file exists; it is redone
    when what it made is gone. A record without a digest is of a stage that was begun and not ended.
    """

    def __init__(self, resume: bool | None = None) -> None:
        self.resume = resume
        self.going_on = False
        """Whether the training stage under way continues what is in its folder."""
        self._digests: dict[str, str] = {}

    def __call__(self, stage: Stage) -> Row:
        """Do a stage unless it is done: what was done, and the seconds it took."""
        wanted = digest({"stage": stage.name, "version": __version__, "inputs": stage.inputs,
                         "before": dict(self._digests)})

        def done() -> bool:
            return _record(stage.record).get("digest") == wanted and all(map(stage.usable, stage.made))

        row: Row = {"stage": stage.name, "state": "as before", "seconds": 0.0}
        if not done():
            with locked(stage.lock) if stage.lock else nullcontext():
                if not stage.lock or not done():  # another run may have made it while this one came for the lock
                    row = {"stage": stage.name, "state": "done", "seconds": self._do(stage, wanted)}
        self._digests[stage.name] = wanted
        return row

    def run(self, recipe: BaseModel, out: Path, stages: Iterable[Stage], results: Path) -> list[Row]:
        """Write the resolved recipe, then do the stages; a stage is asked for when the one before it is done.

        Parameters
        ----------
        out
            The run folder; it is locked meanwhile.
        results
            The evaluation's table, which is the answer when the evaluation is the last stage.

        Returns
        -------
        list of rows
            That table, or a line per stage.

        Raises
        ------
        BusyError
            When another process runs in the same folder, or makes something that is shared.
        """
        plain = recipe.model_dump(mode="json")
        with locked(out / ".lock"):
            publish(out / "recipe.yaml", yaml.safe_dump(plain, sort_keys=False, allow_unicode=True).encode())
            lines = [self(stage) for stage in stages]
            if lines[-1]["stage"] != "evaluate":
                return lines
            rows: list[Row] = json.loads(results.read_text(encoding="utf-8"))["rows"]
            return rows

    def _do(self, stage: Stage, wanted: str) -> float:
        """Do a stage, write its record before and after; the seconds it took."""
        begun = {"begun": wanted, "before": dict(self._digests)}
        if stage.model is not None:
            self.going_on = self._goes_on(stage.model, _record(stage.record), begun, stage.of)
        publish_json(stage.record, begun)
        started = time.monotonic()
        stage.action()
        seconds = round(time.monotonic() - started, 1)
        publish_json(stage.record, {"digest": wanted, **begun, "seconds": seconds,
                                    "made": [str(path) for path in stage.made]})
        return seconds

    def _goes_on(self, model: Path, found: Row, begun: Row, data: str) -> bool:
        """Whether the training in the run folder is continued; `found` is the record it left."""
        whole = (model / WEIGHTS).is_file() or "digest" not in found
        if self.resume is False or not whole or not (model / STATE).is_file():
            return False
        if self.resume and found.get("before") != begun["before"]:
            raise MismatchError(f"{model} was trained on other {data}; train without --resume to start anew.")
        return bool(self.resume) or ("digest" not in found and found.get("begun") == begun["begun"])


def draw_figures(out: Path, draw: Callable[[], object] | None) -> None:
    """Draw, and say so in the run folder: a run that wants figures then sees whether those of its evaluation are there.

    Parameters
    ----------
    draw
        None where no figures are wanted: whatever was drawn is of another evaluation.
    """
    remove_file(out / FIGURES)
    if draw is not None:
        draw()
        publish_json(out / FIGURES, {"drawn": True})


def _record(path: Path) -> Row:
    """What is known of a stage; nothing when its record is missing or damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
