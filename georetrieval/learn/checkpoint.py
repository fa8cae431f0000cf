"""The state of an unfinished training as one safetensors file: nothing is pickled, half a file cannot appear."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from georetrieval.errors import InputError, StoreError
from georetrieval.files import publish
from georetrieval.nets.sealed import sealed, unsealed

FORMAT = "georetrieval-training-1"


def save_state(path: Path, tensors: Mapping[str, Mapping[str, Tensor]], values: Mapping[str, Any]) -> None:
    """Publish groups of tensors and plain JSON values."""
    flat = {
        f"{group}/{name}": tensor.detach().cpu().contiguous().clone()
        for group, members in tensors.items()
        for name, tensor in members.items()
    }
    publish(path, sealed(flat, {"format": FORMAT, "values": json.dumps(values)}))


def load_state(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what `save_state` wrote.

    Raises
    ------
    StoreError
        When the file is damaged or of another kind.
    """
    try:
        tensors, metadata = unsealed(path)
        if metadata.get("format") != FORMAT:
            raise StoreError(f"{path} is not the state of a training; remove it and start again.")
        groups: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            group, _, name = key.partition("/")
            groups.setdefault(group, {})[name] = tensor
        return groups, json.loads(metadata["values"])
    except (InputError, ValueError, KeyError) as error:
        raise StoreError(f"{path} is damaged; remove it and start the training again.") from error


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's moments, named by parameter number; its rates are set again from the settings."""
    state = optimiser.state_dict()["state"]
    return {f"{number}.{name}": value for number, members in state.items() for name, value in members.items()
            if isinstance(value, Tensor)}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put the moments back."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
