"""Reading weights that others made: safetensors, or .pth without running any code in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import adapt_input_conv
from torch import Tensor, nn

from georetrieval.errors import InputError

_WRAPPERS = ("module.", "model.", "backbone.", "encoder.", "trunk.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a `.safetensors` file, or a `.pth`/`.pt`/`.bin` that holds nothing but tensors.

    Raises
    ------
    InputError
        When the file is missing, damaged, of another kind, or would need unpickling of foreign objects.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} was asked for as weights and is not a file; give a .safetensors or .pth file.")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        raise InputError(f"{path} cannot be read as weights: it is damaged or not a weights file.") from error
    except Exception as error:  # the unpickler's own error, without importing the unpickler
        if type(error).__name__ != "UnpicklingError":
            raise
        raise InputError(
            f"{path} holds more than tensors and loading it could run foreign code; convert it to .safetensors."
        ) from error
    return _tensors(found, path)


def load_trunk(trunk: nn.Module, path: Path) -> None:
    """Put the file's tensors into `trunk`; classifier tensors that the trunk lacks are left aside.

    A first convolution made for three bands is repeated over as many as the trunk's takes.

    *Source*: timm, `adapt_input_conv`.

    Raises
    ------
    InputError
        When a tensor of the trunk is missing in the file or has another shape.
    """
    wanted = trunk.state_dict()
    found = _matching(read_weights(path), wanted)
    first = f"{getattr(trunk, 'pretrained_cfg', {}).get('first_conv')}.weight"
    if first in found and first in wanted and found[first].ndim == 4 and found[first].shape[1] == 3:
        found[first] = adapt_input_conv(wanted[first].shape[1], found[first])
    wrong = [
        name
        for name, tensor in wanted.items()
        if not name.endswith("num_batches_tracked")
        and (name not in found or found[name].shape != tensor.shape)
    ]
    if wrong:
        raise InputError(
            f"{path} does not fit the trunk: {len(wrong)} of {len(wanted)} tensors are missing or have another shape "
            f"(the first is {wrong[0]}); give weights of the same architecture."
        )
    trunk.load_state_dict({name: found.get(name, tensor) for name, tensor in wanted.items()})


def _tensors(found: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in ("state_dict", "model", "teacher", "student"):
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
    if not isinstance(found, Mapping):
        raise InputError(f"{path} holds no table of tensors; give a state dict.")
    return {str(name): tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}


def _matching(found: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`found` with the wrapper's prefix removed that makes most names fit."""
    candidates = [found] + [
        {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
        for prefix in _WRAPPERS
    ]
    return max(candidates, key=lambda tensors: len(tensors.keys() & wanted.keys()))
