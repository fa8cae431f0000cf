"""Reading weights that others made: safetensors only, since a .pth can run code (`converting` makes one of it)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from timm.models import adapt_input_conv
from torch import Tensor, nn

from georetrieval.errors import InputError
from georetrieval.nets.sealed import unsealed

_WRAPPERS = ("module.", "model.", "backbone.", "encoder.", "trunk.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read named tensors from a `.safetensors` file.

    Raises
    ------
    InputError
        When the file is missing, damaged, or of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} was asked for as weights and is not a file; give a .safetensors file.")
    if path.suffix != ".safetensors":
        raise InputError(f"{path} is not a safetensors file, and pickled weights can run foreign code; convert it once "
                         f"with: georetrieval weights convert {path} -o {path.with_suffix('.safetensors')}")
    return unsealed(path)[0]


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


def _matching(found: dict[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`found` with the wrapper's prefix removed that makes most names fit."""
    candidates = [found] + [
        {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
        for prefix in _WRAPPERS
    ]
    return max(candidates, key=lambda tensors: len(tensors.keys() & wanted.keys()))
