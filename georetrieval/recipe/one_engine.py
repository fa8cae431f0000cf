"""One engine for all tasks of a build, whoever does them: chosen by the first who begins, and kept beside the tasks.

Each process choosing for itself could end with OpenVINO here and PyTorch there, and an index with rows of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from georetrieval.errors import InputError
from georetrieval.files import canonical_json, digest, publish, publish_first
from georetrieval.nets import engines
from georetrieval.nets.choice import using
from georetrieval.nets.inference import InferenceNet
from georetrieval.recipe.embedding_work import EmbeddingWork
from georetrieval.samples.sample import Pixels
from georetrieval.tasks.task import Task, spread

SHEETS, TRIED = 2, 16
"""Tasks with tiles that are read for those that an engine is checked on, and how many are tried to find them."""
Bands = tuple[str, ...]


def with_one_engine(work: EmbeddingWork, groups: Iterable[tuple[Bands, Sequence[Task]]]) -> EmbeddingWork:
    """The work, with the engine that looks at its tiles of each kind.

    Parameters
    ----------
    groups
        Bands that the eye is shown of some tasks, and these tasks.

    Raises
    ------
    MissingExtraError
        When the build was begun with an engine that this machine does not have.
    """
    eye = work.eye.load()
    if not isinstance(eye, InferenceNet) or not eye.free:
        return work
    kinds: dict[Bands, list[Task]] = {}
    for bands, tasks in groups:
        kinds.setdefault(bands, []).extend(tasks)
    chosen = {bands: _engine(work, eye, bands, tasks) for bands, tasks in sorted(kinds.items()) if tasks}
    return replace(work, engines=chosen)


def _engine(work: EmbeddingWork, eye: InferenceNet, bands: Bands, tasks: Sequence[Task]) -> str:
    """The name that is kept, or the choice of now, which is kept; of few tiles no machine has a choice."""
    if work.engine != "openvino" and work.total < min(engines.MANY.values()):
        return engines.FLOAT32
    words = {"asked": work.engine, "eye": work.eye.fingerprint, "bands": bands, "total": work.total}
    path = work.folder / f"engine-{digest(words)}.json"
    name = _kept(path, words)
    if name is None:
        name = _chosen(work, eye, bands, tasks)
        note = canonical_json(_sealed({**words, "engine": name}))
        if not publish_first(path, note) and _kept(path, words) is None:  # one is there, and nobody can read it
            publish(path, note)
        name = _kept(path, words) or name
    engines.engine_called(eye, name, bands)
    return name


def _chosen(work: EmbeddingWork, eye: InferenceNet, bands: Bands, tasks: Sequence[Task]) -> str:
    """Checked on tiles spread over the tasks; float32 where none can be read."""
    some: list[Pixels] = []
    each = engines.CHECKED // SHEETS
    for task in spread(tasks, TRIED):
        if len(some) == SHEETS:
            break
        with suppress(InputError):  # a damaged sheet: the build will leave it out and say so
            samples = work.read(task).samples
            if samples is not None and samples.bands == bands:
                rows = min(len(samples), each)
                some.append(samples.batch([place * len(samples) // rows for place in range(rows)]))
    if not some:
        return engines.FLOAT32
    pixels = np.concatenate(some)
    some.clear()
    with using(work.engine):
        found = engines.engine_for(eye, lambda rows: torch.from_numpy(pixels[list(rows)]), bands, count=len(pixels),
                                   total=work.total)
    return engines.name_of(found)


def _kept(path: Path, words: dict[str, object]) -> str | None:
    """The name in a note that is whole and says the same of the build."""
    try:
        value = json.loads(path.read_bytes())
        name = str(value["engine"])
        return name if value == json.loads(canonical_json(_sealed({**words, "engine": name}))) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sealed(words: dict[str, object]) -> dict[str, object]:
    return {**words, "sha256": digest(words)}
