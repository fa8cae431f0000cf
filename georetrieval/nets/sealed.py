"""Tensors in a safetensors file that carries its own checksum: the format itself has none, and a flipped bit loads."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from georetrieval.errors import InputError
from georetrieval.files import canonical_json

SEAL = "sha256"
"""Name in the metadata; files without it (older ones, those of others) are taken as they are."""


def sealed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Bytes of a safetensors file whose metadata tell the SHA-256 of all that is in it."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(plain, metadata={**metadata, SEAL: _seal(plain, metadata)})


def unsealed(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata of a safetensors file, compared with its checksum where it has one.

    Raises
    ------
    InputError
        When it is damaged, or no safetensors file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} cannot be read: it is damaged or no safetensors file.") from error
    if SEAL in metadata and metadata[SEAL] != _seal(tensors, metadata):
        raise InputError(f"{path} is damaged: it does not have the checksum that was written into it; fetch or make it "
                         "again.")
    return tensors, metadata


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Hex SHA-256 over names, shapes and bytes, in the order of the names."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def _seal(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    told = canonical_json({name: value for name, value in metadata.items() if name != SEAL})
    return hashlib.sha256(told + tensors_sha256(tensors).encode()).hexdigest()
