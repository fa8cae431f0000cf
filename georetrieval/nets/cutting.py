"""Cutting a trunk after any of its modules, inside a stage too."""

from __future__ import annotations

import difflib

import torch
from torch import Tensor, nn

from georetrieval.errors import UsageError

PROOF_PX = 64
"""Side of the picture by which a cut is proved."""


def cut_after(model: nn.Module, place: str, *, name: str, channels: int = 3) -> None:
    """Take away what comes after `place`, so that `forward_features` gives that module's output.

    Whatever is registered after it is removed from sequences and becomes the identity elsewhere. Then it is proved, on
    a random picture, that the output is the one that the whole model has there.

    Parameters
    ----------
    model
        A timm model; changed in place.
    place
        A module's name, such as "layer3" or "blocks.4.0".
    name
        What the model is called in a message.

    Raises
    ------
    UsageError
        When there is no such module, or the model is no plain chain up to there.
    """
    known = dict(model.named_modules())
    if not place or place not in known:
        near = ", ".join(difflib.get_close_matches(place, [n for n in known if n], n=3, cutoff=0.3))
        raise UsageError(f"The trunk {name!r} has no module {place!r} to be cut at; near it are {near or 'none'}.")
    was = model.training
    model.eval()
    picture = torch.rand(1, channels, PROOF_PX, PROOF_PX, generator=torch.Generator().manual_seed(0))
    try:
        wanted = _output_at(model, known[place], picture)
        _remove_after(model, place)
        with torch.no_grad():
            found = model.forward_features(picture)  # type: ignore[operator]
    except (RuntimeError, AssertionError, IndexError, KeyError, TypeError) as error:
        raise UsageError(f"The trunk {name!r} cannot be cut at {place!r}: it is no plain chain up to there.") from error
    if not isinstance(found, Tensor) or wanted is None or not torch.equal(found, wanted):
        raise UsageError(f"The trunk {name!r} cannot be cut at {place!r}: it is no plain chain up to there.")
    model.train(was)


def _output_at(model: nn.Module, module: nn.Module, picture: Tensor) -> Tensor | None:
    seen: list[Tensor] = []
    handle = module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    try:
        with torch.no_grad():
            model.forward_features(picture)  # type: ignore[operator]
    finally:
        handle.remove()
    return seen[0] if len(seen) == 1 and isinstance(seen[0], Tensor) else None


def _remove_after(model: nn.Module, place: str) -> None:
    owner = model
    for step in place.split("."):
        names = list(owner._modules)
        for later in names[names.index(step) + 1:]:
            if isinstance(owner, nn.Sequential):
                del owner._modules[later]
            else:
                owner._modules[later] = nn.Identity()
        child = owner._modules[step]
        assert child is not None
        owner = child
