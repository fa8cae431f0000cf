"""The made-up worlds of pictures by name, as a recipe asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from georetrieval.progress import Progress

Writer = Callable[..., Any]

PICTURE_WORLDS: Mapping[str, tuple[str, str]] = {
    "chairlifts": ("georetrieval.synthetic.chairlifts", "write_chairlifts"),
    "digits": ("georetrieval.synthetic.digits", "write_digits"),
    "herd": ("georetrieval.synthetic.herd", "write_herd"),
    "herd-crops": ("georetrieval.synthetic.herd_crops", "write_herd_crops"),
}
"""Name -> (module, function). Modules are imported when their world is asked for."""


def writer_of(kind: str) -> Writer:
    """The function that writes a world: `(out, *, seed, progress, ...)`."""
    module, name = PICTURE_WORLDS[kind]
    writer: Writer = getattr(import_module(module), name)
    return writer


def write_pictures(kind: str, out: Path, *, seed: int, options: Mapping[str, Any], progress: Progress) -> None:
    """Write the world of that name into `out`; lists among the options become tuples, `source` a path."""
    given: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value
                             for name, value in options.items()}
    if given.get("source") is not None:
        given["source"] = Path(given["source"])
    writer_of(kind)(out, seed=seed, progress=progress, **given)
