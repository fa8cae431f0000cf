"""The words that stand for a model, and where its weights are."""

from __future__ import annotations

from pathlib import Path

from georetrieval.errors import InputError

WEIGHTS = "weights.safetensors"
BASELINES = ("hog", "class-shares", "untrained")


def weights_file(model: str) -> Path:
    """The weights of a run folder, or the file itself."""
    path = Path(model)
    for candidate in (path, path / WEIGHTS, path / "model" / WEIGHTS):
        if candidate.is_file():
            return candidate
    raise InputError(f"The model {model} is neither a run folder with {WEIGHTS}, nor a weights file, nor one of "
                     f"{', '.join(BASELINES)}; train one with georetrieval train.")
