"""Who made these vectors: comparing the fingerprints of two eyes, field by field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from georetrieval.errors import MismatchError
from georetrieval.files import canonical_json

SHOWN = 24
"""Characters of a value that a message shows."""


def plain(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """The fingerprint as it reads back from JSON (tuples become lists)."""
    value = json.loads(canonical_json(dict(fingerprint)))
    assert isinstance(value, dict)
    return value


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Fields (nested ones as "a.b") whose values differ, with both values; a missing one is None."""
    a, b = dict(_flat(plain(ours))), dict(_flat(plain(theirs)))
    return {name: (a.get(name), b.get(name)) for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)}


def require_same(index: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """Refuse a model that is not the one that built the index.

    Raises
    ------
    MismatchError
        Naming each field that differs, with both values.
    """
    fields = differences(index, model)
    if "kind" in fields:  # another kind of eye: that all the rest differs too says nothing more
        fields = {"kind": fields["kind"]}
    if fields:
        told = "; ".join(f"{name} is {_short(a)} in the index and {_short(b)} in the model"
                         for name, (a, b) in fields.items())
        raise MismatchError(f"The index was built with another model, legend or preprocessing: {told}. "
                            "Search with the model that built it, or build the index again.")


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _flat(inner, f"{prefix}{name}.")
        else:
            yield prefix + name, inner


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= SHOWN else text[:SHOWN - 1] + "…"
