"""A net that starts from another one of ours: what fits is taken, what does not is said."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open

from georetrieval.errors import InputError
from georetrieval.nets.embedder import FORMAT, DescriptorNet, tensors_of


def is_ours(path: Path) -> bool:
    """Whether a file holds a descriptor net that `DescriptorNet.save` wrote."""
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError, ValueError):
        return False


def start_from(net: DescriptorNet, path: Path) -> tuple[str, ...]:
    """Put every tensor of the file whose name and shape fit into `net`: fusion, trunk and head.

    Parameters
    ----------
    path
        What `DescriptorNet.save` wrote; its architecture may be another one.

    Returns
    -------
    Names of the net's tensors that stay as they were.

    Raises
    ------
    InputError
        When the file is damaged or no net of ours, or nothing fits.
    """
    found, metadata = tensors_of(path)
    if metadata.get("format") != FORMAT:
        raise InputError(f"{path} holds no descriptor net of ours; give the weights.safetensors of a training run.")
    wanted = {name: t for name, t in net.state_dict().items() if not name.endswith("num_batches_tracked")}
    taken = {name: found[name] for name, t in wanted.items() if name in found and found[name].shape == t.shape}
    if not taken:
        raise InputError(f"None of the {len(wanted)} tensors of this net is in {path} in the same shape; give weights "
                         "of a net with the same trunk.")
    net.load_state_dict(taken, strict=False)
    return tuple(name for name in wanted if name not in taken)
